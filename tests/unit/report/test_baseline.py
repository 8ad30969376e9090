"""A baseline allows what it names and nothing else; JUnit XML says the same."""

from __future__ import annotations

import io
import json
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest

from conntrace.cli import main
from conntrace.errors import ConntraceError
from conntrace.report import baseline
from conntrace.report.baseline import Allowed
from conntrace.report.conditions import ConditionMet
from conntrace.report.findings import Place, finding_id
from conntrace.report.junit import write_junit
from conntrace.report.load import Loaded, load_files
from conntrace.report.model import Destination

RECREATED = ("client_recreated", "api.test:443", "shop/app.py", 31, "handler")
EVICTED = ("pool_evicted_lru", "bucket-1.test:443", "shop/s3.py", 7, "load")
FIRST = ("first_use_of_destination", "api.test:443", "shop/app.py", 12, "handler")


def set_up(
    cause: str, where: str, file: str, line: int, function: str, root: str = "/src"
) -> dict[str, Any]:
    host, _, port = where.partition(":")
    avoidable = cause != "first_use_of_destination"
    texts = {
        "conntrace.cause.name": cause,
        "conntrace.cause.confidence": "proved",
        "conntrace.cause.detail": f"why {cause} \x00 <&>",
        "server.address": host,
        "code.file.path": f"{root}/{file}",
        "code.function.name": function,
        **({"conntrace.cause.advice": "Change it."} if avoidable else {}),
    }
    attributes = [{"key": key, "value": {"stringValue": text}} for key, text in texts.items()]
    for key, number in (("server.port", port), ("code.line.number", str(line))):
        attributes.append({"key": key, "value": {"intValue": number}})
    attributes.append({"key": "conntrace.cause.avoidable", "value": {"boolValue": avoidable}})
    return {
        "traceId": "1" * 32,
        "spanId": f"{abs(hash((cause, where, line, root))) % 16**15:016x}",
        "name": f"HTTP connection_setup {where}",
        "kind": 1,
        "startTimeUnixNano": "1000000000",
        "endTimeUnixNano": "1020000000",
        "attributes": attributes,
    }


def loaded(folder: Path, *rows: tuple[Any, ...]) -> Loaded:
    spans = [set_up(*row) for row in rows]
    request = {"resourceSpans": [{"resource": {}, "scopeSpans": [{"spans": spans}]}]}
    file = folder / "spans.jsonl"
    file.write_text(json.dumps(request) + "\n")
    return load_files([file])


def written(told: Loaded, folder: Path) -> Path:
    file = folder / "baseline.json"
    with file.open("w") as stream:
        baseline.write(told, stream)
    return file


def test_what_was_there_is_allowed_and_what_is_new_is_named(tmp_path: Path) -> None:
    allowed = baseline.read(str(written(loaded(tmp_path, RECREATED, FIRST), tmp_path)))
    assert allowed == [Allowed("client_recreated", "api.test:443", "shop/app.py handler")]
    baseline.check(loaded(tmp_path, RECREATED, FIRST), allowed)
    with pytest.raises(ConditionMet) as raised:
        baseline.check(loaded(tmp_path, RECREATED, EVICTED), allowed)
    assert raised.value.exit_code == 3
    assert "pool_evicted_lru to bucket-1.test:443 at /src/shop/s3.py:7" in str(raised.value)
    assert "client_recreated" not in str(raised.value)


def test_other_lines_and_other_machines_are_the_same_finding(tmp_path: Path) -> None:
    """An edit above it moves a line; another checkout has another folder."""
    allowed = baseline.read(str(written(loaded(tmp_path, RECREATED), tmp_path)))
    moved = (*RECREATED[:3], 99, RECREATED[4], "/home/ci/work")
    baseline.check(loaded(tmp_path, moved), allowed)
    places = (Place("/src/shop/app.py", 31, "f"), Place("/home/ci/shop/app.py", 40, "f"))
    here, there = (finding_id("c", Destination("h", 1), place) for place in places)
    assert here == there
    assert finding_id("c", Destination("h", 2), places[0]) != here


@pytest.mark.parametrize(
    ("row", "covered"),
    [
        (Allowed("pool_evicted_lru", "bucket-*.test:443", "shop/s3.py *"), True),
        (Allowed("pool_evicted_lru", "*", "*"), True),
        (Allowed("pool_evicted_lru", "bucket-2.test:443", "*"), False),
        (Allowed("client_recreated", "*", "*"), False),
        (Allowed("*", "*", "*"), False),
    ],
)
def test_wild_cards(tmp_path: Path, row: Allowed, covered: bool) -> None:
    """For destinations and places; a cause is named."""
    told = loaded(tmp_path, EVICTED)
    if covered:
        baseline.check(told, [row])
    else:
        with pytest.raises(ConditionMet):
            baseline.check(told, [row])


@pytest.mark.parametrize(
    "text",
    [
        "",
        "[]",
        "{}",
        '{"format": "conntrace-report"}',
        '{"format": "conntrace-baseline", "allowed": [{"cause": "x"}]}',
        '{"format": "conntrace-baseline", "allowed": [7]}',
        '{"format": "conntrace-baseline"}',
        "[" * 100_000,
    ],
    ids=lambda text: text[:40],
)
def test_what_is_no_baseline(tmp_path: Path, text: str) -> None:
    file = tmp_path / "baseline.json"
    file.write_text(text)
    with pytest.raises(ConntraceError, match="baseline-unreadable"):
        baseline.read(str(file))


def test_a_baseline_that_is_none_or_not_there_is_named_in_plain_words(tmp_path: Path) -> None:
    spans = tmp_path / "spans.jsonl"
    spans.write_text("{}\n{}\n")
    with pytest.raises(ConntraceError, match=r"spans\.jsonl is no baseline: write one with"):
        baseline.read(str(spans))
    with pytest.raises(
        ConntraceError, match=r"cannot read .*gone\.json: No such file or directory"
    ):
        baseline.read(str(tmp_path / "gone.json"))


def test_a_baseline_that_cannot_be_written_is_not_called_the_report(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    spans = tmp_path / "spans.jsonl"
    spans.touch()
    nowhere = tmp_path / "no" / "baseline.json"
    assert main(["report", str(spans), "--write-baseline", str(nowhere)]) == 1
    assert f"cannot write the baseline to {nowhere}" in capfd.readouterr().err


@pytest.mark.parametrize("option", ["--baseline", "--write-baseline", "--output"])
def test_a_file_without_a_name_is_wrong_usage(
    option: str, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    """`--baseline "$UNSET"` in a pipeline must not let everything pass."""
    spans = tmp_path / "spans.jsonl"
    spans.touch()
    assert main(["report", str(spans), option, ""]) == 2
    assert capfd.readouterr().err.endswith("[wrong-usage]\n")


def test_junit(tmp_path: Path) -> None:
    """Avoidable is a failure, allowed is skipped, the rest passes; any text is legal XML."""
    stream = io.StringIO()
    told = loaded(tmp_path, RECREATED, EVICTED, FIRST)
    write_junit(told, stream, [Allowed("pool_evicted_lru", "*", "*")])
    (suite,) = ElementTree.fromstring(stream.getvalue().partition("\n")[2])
    counts = [suite.get(name) for name in ("tests", "failures", "skipped", "errors")]
    assert counts == ["3", "1", "1", "0"]
    outcome = {
        case.get("name", "").split()[0]: [child.tag for child in case]
        for case in suite.iter("testcase")
    }
    assert outcome == {
        "client_recreated": ["failure"],
        "pool_evicted_lru": ["skipped"],
        "first_use_of_destination": [],
    }
    failure = suite.find("testcase/failure")
    assert failure is not None
    assert failure.text == "why client_recreated \ufffd <&>\nChange it."
