"""The JSON report and the conditions of `--fail-on`."""

from __future__ import annotations

import io
import json
from importlib.resources import files
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from tests.unit.report import stories
from tests.unit.report.builder import Story

from conntrace.cli import main
from conntrace.report import conditions
from conntrace.report.json_report import document, write_json
from conntrace.report.load import Loaded, load_spans, of_model
from conntrace.report.model import build
from conntrace.report.read import ReadNotes
from conntrace.report.record import SpanRecord
from conntrace.report.verdicts import judge

SCHEMA = json.loads(files("conntrace.report").joinpath("report.schema.json").read_text())


def loaded(records: list[SpanRecord], **more: Any) -> Loaded:
    """Records as the report gets them."""
    return load_spans(records, ReadNotes(), **more)


def is_valid(told: Loaded) -> dict[str, Any]:
    """The document, after holding it against its schema."""
    stream = io.StringIO()
    write_json(told, stream)
    parsed: dict[str, Any] = json.loads(stream.getvalue())
    jsonschema.validate(parsed, SCHEMA)
    return parsed


@pytest.mark.parametrize("name", stories.STORIES)
def test_documents_follow_the_schema(name: str) -> None:
    """Complete or only counted, every story's document is as the schema says."""
    records = stories.STORIES[name][0]()
    assert is_valid(loaded(records))["complete"]
    assert not is_valid(loaded(records, only_count=True))["complete"]


def test_schema_names_every_field_and_no_more() -> None:
    """A field that the code adds belongs in the schema too."""
    told = document(loaded(stories.keepalive()))
    assert set(told) == set(SCHEMA["properties"])
    called = document(loaded(stories.function()))["invocations"][0]
    assert set(called) == set(SCHEMA["$defs"]["invocation"]["properties"])
    for part in ("setup", "close", "connection"):
        each = told["connections"][0] if part == "connection" else told["connections"][0][part]
        assert set(each) == set(SCHEMA["$defs"][part]["properties"])


def test_numbers_are_those_of_the_verdicts() -> None:
    """The keep-alive story in numbers."""
    told = document(loaded(stories.keepalive()))
    assert told["totals"]["avoidable_ms"] == pytest.approx(102.6)
    assert told["verdicts"][0]["cause"] == "client_recreated"
    assert told["verdicts"][0]["count"] == 3
    assert told["destinations"][0]["server_idle_limit"]["max_s"] == 2.0


def test_steps_of_set_ups_and_of_plain_sockets_are_counted() -> None:
    """All lookups, connects and handshakes; a connect to an address is no lookup."""
    story = Story()
    story.connect("c1", 0.0)
    plain = "socket connect 192.0.2.7:5432"
    story.span(plain, 1.0, 2.0, conntrace__cause__name="unpooled_socket")
    told = is_valid(loaded(story.records()))
    totals = told["totals"]
    assert (totals["lookups"], totals["connects"], totals["handshakes"]) == (1, 2, 1)
    lookups = {each["host"]: each["lookups"] for each in told["destinations"]}
    assert lookups == {story.host: 1, "192.0.2.7": 0}


@pytest.mark.parametrize("name", stories.STORIES)
def test_counts_are_the_models(name: str) -> None:
    """Counting on the way gives the same sums as holding everything."""
    model = build(stories.STORIES[name][0]())
    total, judgement = of_model(model, ReadNotes()).tally.total, judge(model)
    assert total.cost_ms == pytest.approx(judgement.cost_ms)
    assert total.avoidable_ms == pytest.approx(judgement.avoidable_ms)
    assert total.wait_ms == pytest.approx(model.wait_ms)


def test_hostile_names_stay_valid() -> None:
    """Lone surrogates, markup and an empty input are no reason to break the document."""
    story = Story(host="\ud800<script>\x1b[2J" + "x" * 10_000)
    story.connect("c1", 0.0, "not-a-cause")
    stream = io.StringIO()
    write_json(loaded(story.records()), stream)
    assert stream.getvalue().isascii()
    is_valid(loaded(story.records()))
    assert is_valid(loaded([]))["start"] is None


@pytest.mark.parametrize(
    ("text", "met"),
    [
        ("avoidable>50ms", True),
        ("avoidable > 0.2s", False),
        ("avoidable>=10%", True),
        ("avoidable>90%", False),
        ("connections==7", True),
        ("client_recreated>2", True),
        ("pool_evicted_lru>0", False),
        ("requests<1", False),
        ("problems>0", False),
    ],
)
def test_conditions(text: str, met: bool) -> None:
    """Times, shares, counts and causes can be compared."""
    assert conditions.parse(text).is_met(loaded(stories.keepalive())) is met


@pytest.mark.parametrize(
    "text", ["", "avoidable", "avoidable>50", "connections>5ms", "nonsense>1", "avoidable>-1ms"]
)
def test_wrong_conditions_are_named(text: str) -> None:
    """A typing error must never pass as a condition that is not met."""
    with pytest.raises(ValueError, match=r"avoidable|neither|unit"):
        conditions.parse(text)


def test_input_without_any_span_is_an_error_but_an_empty_file_is_none(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    """A pipeline that names the wrong file must not pass."""
    wrong, empty = tmp_path / "app.py", tmp_path / "spans.jsonl"
    wrong.write_text("import urllib3\n")
    empty.touch()
    assert main(["report", str(wrong), "--width", "300"]) == 1
    told = capfd.readouterr()
    assert "app.py, line 1: not JSON" in told.out
    assert "the rest is shown" not in told.out
    assert told.err == "conntrace: no spans could be read [report-no-spans]\n"
    assert main(["report", str(wrong), "--fail-on", "problems>0"]) == 3
    assert main(["report", str(empty)]) == 0


def test_exit_codes(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    """3 when a condition is met, after the report was written; 2 for one that is none."""
    spans = tmp_path / "spans.jsonl"
    story = Story()
    story.connect("c1", 0.0, "client_recreated", conntrace__cause__avoidable=True)
    spans.write_text(story.lines())
    out = tmp_path / "report.json"
    command = ["report", str(spans), "--format", "json", "-o", str(out)]
    assert main([*command, "--fail-on", "avoidable>1s"]) == 0
    assert main([*command, "--fail-on", "avoidable>1s", "--fail-on", "avoidable>30ms"]) == 3
    assert "avoidable>30ms (34 ms) [fail-on]" in capfd.readouterr().err
    assert json.loads(out.read_text())["totals"]["connections"] == 1
    assert main([*command, "--fail-on", "avoidable>30"]) == 2
