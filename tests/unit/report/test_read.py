"""Reading span files: whole, half written, hostile."""

from __future__ import annotations

import io
import json
import re
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.unit.report.builder import Story, request_of

from conntrace.errors import ConntraceError
from conntrace.report import documents
from conntrace.report.model import build
from conntrace.report.read import ReadNotes, read_spans

ANY_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner),
    max_leaves=8,
)


def some_spans(count: int = 2) -> Story:
    story = Story()
    for number in range(count):
        story.request("c1", float(number))
    return story


def names_in(path: Path | str, notes: ReadNotes | None = None) -> list[str]:
    return [span.name for span in read_spans([path], notes)]


def reasons(text: str | bytes) -> list[str]:
    notes = ReadNotes()
    data = text.encode() if isinstance(text, str) else text
    list(read_spans(["-"], notes, stdin=io.BytesIO(data)))
    return [problem.reason for problem in notes.problems]


def test_all_fields_of_a_span_are_read() -> None:
    story = Story(resource={"process.command": "app.py", "service.instance.id": "i1"})
    close = story.close("c0", 0.0)
    story.connect("c1", 1.5, links=[close], error="timed_out", conntrace__cause__avoidable=True)
    [setup] = [span for span in story.records() if span.name.startswith("HTTP connection_setup")]
    assert setup.links == (close["spanId"],)
    assert setup.error
    assert setup.kind == "INTERNAL"
    assert setup.duration_ms == pytest.approx(34.2)
    assert setup.text("error.type") == "timed_out"
    assert setup.flag("conntrace.cause.avoidable")
    assert setup.number("server.port") == 443
    process = setup.process
    assert (process.pid, process.service, process.command) == (4242, "shop", "app.py")


def test_times_and_whole_numbers_may_be_strings_or_numbers() -> None:
    document = some_spans(1).document()
    [span] = document["resourceSpans"][0]["scopeSpans"][0]["spans"]
    span["startTimeUnixNano"] = int(span["startTimeUnixNano"])
    span["attributes"].append({"key": "n", "value": {"intValue": 7}})
    notes = ReadNotes()
    [read_back] = read_spans(["-"], notes, stdin=io.BytesIO(json.dumps(document).encode()))
    assert read_back.number("n") == 7
    assert not notes.problems


def test_a_cut_last_line_is_named_and_the_rest_is_read(tmp_path: Path) -> None:
    path = tmp_path / "spans.jsonl"
    path.write_text(some_spans(3).lines()[:-40])
    notes = ReadNotes()
    assert names_in(path, notes) == ["POST", "POST"]
    [problem] = notes.problems
    assert (problem.source, problem.line) == (str(path), 3)
    assert "cut off" in problem.reason


def test_broken_lines_in_the_middle_are_counted_and_skipped() -> None:
    lines = some_spans(2).lines().splitlines()
    text = "\n".join([lines[0], "{oops", "", "[1]", '{"resourceMetrics": []}', lines[1], ""])
    notes = ReadNotes()
    spans = list(read_spans(["-"], notes, stdin=io.BytesIO(text.encode())))
    assert len(spans) == 2
    assert notes.problem_count == 2
    assert [problem.line for problem in notes.problems] == [2, 4]
    assert "not JSON" in notes.problems[0].reason
    assert "not an OTLP trace request" in notes.problems[1].reason


def test_many_broken_lines_are_counted_but_not_kept() -> None:
    notes = ReadNotes()
    list(read_spans(["-"], notes, stdin=io.BytesIO(b"nonsense\n" * 1000)))
    assert notes.problem_count == 1000
    assert len(notes.problems) == 20


@pytest.mark.parametrize("text", ["", "\n\n", "{}\n", '{"resourceSpans": []}\n', "\ufeff{}\n"])
def test_empty_input_is_no_problem(text: str) -> None:
    assert reasons(text) == []


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        (b"\x01\xff\n", "not JSON"),
        (b"[" * 100_000 + b"\n", "nested too deeply"),
        (b'{"a": ' + b"9" * 5000 + b"}\n", "not JSON"),
        (b"null\n", "not an OTLP trace request"),
    ],
)
def test_odd_lines_have_a_reason(text: bytes, reason: str) -> None:
    [told] = reasons(text)
    assert reason in told


def test_a_line_without_end_is_skipped(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(documents, "MAX_LINE_BYTES", 2000)
    monkeypatch.setattr(documents, "_CHUNK", 100)
    line = some_spans(1).lines().encode()
    notes = ReadNotes()
    data = line + b"x" * 5000 + b"\n" + line
    assert len(list(read_spans(["-"], notes, stdin=io.BytesIO(data)))) == 2
    assert [problem.line for problem in notes.problems] == [2]


@pytest.mark.parametrize(
    ("field", "value"),
    [("traceId", ""), ("spanId", None), ("startTimeUnixNano", "soon"), ("startTimeUnixNano", -5)],
)
def test_a_broken_span_leaves_its_neighbours(field: str, value: Any) -> None:
    story = some_spans(2)
    story.spans[0][field] = value
    notes = ReadNotes()
    data = json.dumps(story.document()).encode()
    assert len(list(read_spans(["-"], notes, stdin=io.BytesIO(data)))) == 1
    assert notes.problem_count == 1


def test_a_newer_schema_is_named() -> None:
    newer = json.dumps(request_of(some_spans(1).spans, conntrace__schema=99)) + "\n"
    assert reasons(newer) == ["written by a newer conntrace (schema 99)"]


def test_long_texts_are_cut_when_read() -> None:
    story = Story()
    story.span("x" * 10_000, 0, 1, key="y" * 10_000)
    [span] = story.records()
    assert len(span.name) < 5000
    assert len(span.text("key")) < 5000


def test_a_folder_is_read_with_all_its_span_files(tmp_path: Path) -> None:
    (tmp_path / "deep").mkdir()
    for name in ("b.jsonl", "a.json", "deep/c.ndjson", "notes.txt"):
        (tmp_path / name).write_text(some_spans(1).lines())
    notes = ReadNotes()
    assert len(names_in(tmp_path, notes)) == 3
    assert notes.files == 3


def test_several_sources_are_read_one_after_the_other(tmp_path: Path) -> None:
    path = tmp_path / "spans.jsonl"
    path.write_text(some_spans(2).lines())
    assert len(list(read_spans([path, path]))) == 4


def test_a_folder_without_span_files_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(ConntraceError, match="report-folder-empty"):
        names_in(tmp_path)


def test_a_file_that_is_not_there_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(ConntraceError, match=r"gone\.jsonl.*No such file.*report-unreadable"):
        names_in(tmp_path / "gone.jsonl")


def test_a_path_below_a_file_is_an_error(tmp_path: Path) -> None:
    path = tmp_path / "spans.jsonl"
    path.touch()
    with pytest.raises(ConntraceError, match="report-unreadable"):
        names_in(path / "inside")


@given(ANY_JSON, ANY_JSON, ANY_JSON)
def test_no_document_of_any_shape_breaks_the_reader(one: Any, two: Any, three: Any) -> None:
    span = {"traceId": "a", "spanId": "b", "startTimeUnixNano": "5", "attributes": one}
    odd = {"traceId": "a", "spanId": "c", "startTimeUnixNano": 5, "endTimeUnixNano": two}
    odd.update({"status": three, "links": three, "kind": two, "name": one})
    attribute = {"key": "k", "value": {"arrayValue": {"values": one}, "stringValue": two}}
    more = {**span, "spanId": "d", "attributes": [attribute, {"key": two, "value": three}]}
    for document in (one, {"resourceSpans": one}, request_of([span, odd, more])):
        list(read_spans(["-"], stdin=io.BytesIO(json.dumps(document).encode())))


def test_metrics_and_logs_among_spans_are_no_problem_but_alone_they_are() -> None:
    """The Collector's file exporter may write all signals into one file."""
    others = '{"resourceMetrics": []}\n{"resourceLogs": []}\n'
    assert reasons(others + some_spans(1).lines()) == []
    assert reasons(others) == ["metrics or logs of OpenTelemetry, and no spans"] * 2


def spread_out(*documents: object) -> str:
    """As `jq .` prints them."""
    return "".join(json.dumps(each, indent=2) + "\n" for each in documents)


def spans_in(data: str | bytes, notes: ReadNotes | None = None) -> int:
    raw = data.encode() if isinstance(data, str) else data
    return len(list(read_spans(["-"], notes, stdin=io.BytesIO(raw))))


def test_documents_over_several_lines_are_read() -> None:
    first, second = some_spans(2).document(), some_spans(3).document()
    notes = ReadNotes()
    text = spread_out(first) + some_spans(1).lines() + "\ufeff" + spread_out([second, first])
    assert spans_in(text, notes) == 2 + 1 + 3 + 2
    assert notes.problem_count == 0
    assert notes.lines == len(text.splitlines())


def test_an_answer_of_jaegers_query_api_and_a_list_of_requests_are_read() -> None:
    request = some_spans(2).document()
    assert spans_in(json.dumps({"result": request})) == 2
    assert spans_in(json.dumps([request, request])) == 4


def test_a_spread_out_document_that_is_broken_is_one_problem() -> None:
    text = spread_out(some_spans(1).document())
    [told] = reasons(text.replace('"spanId":', '"spanId"', 1))
    assert re.fullmatch(r"not JSON \(Expecting ':' delimiter at line \d+, character \d+\)", told)
    [told] = reasons(text[: len(text) // 2])
    assert told == "cut off: the file ends in the middle of it"


def test_lines_after_a_brace_that_is_never_closed_are_read_one_by_one() -> None:
    """A log in which a program printed half a document."""
    notes = ReadNotes()
    assert spans_in("{\n" + some_spans(2).lines(), notes) == 2
    assert [problem.line for problem in notes.problems] == [1]


def test_too_long_a_document_ends_no_reading(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(documents, "MAX_LINE_BYTES", 2000)
    notes = ReadNotes()
    text = "{\n" + '"a": 1,\n' * 1000 + "}\n" + some_spans(1).lines()
    assert spans_in(text, notes) == 1
    assert notes.problem_count > 0


def test_several_documents_in_one_line_are_not_called_cut_off() -> None:
    line = json.dumps(some_spans(1).document())
    [told] = reasons(line + line)
    assert "Extra data" in told


@pytest.mark.parametrize("encoding", ["utf-16", "utf-8-sig"])
def test_a_file_with_a_byte_order_mark_is_read(encoding: str, tmp_path: Path) -> None:
    """PowerShell writes what a program says as UTF-16."""
    path = tmp_path / "spans.jsonl"
    path.write_bytes(some_spans(3).lines().replace("\n", "\r\n").encode(encoding))
    notes = ReadNotes()
    assert len(names_in(path, notes)) == 3
    assert notes.problem_count == 0


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"\x28\xb5\x2f\xfdabc\n\n", "packed with zstd"),
        (b"\x00\x00\x12\x34\x28\xb5\x2f\xfdabc\nabc\n", "packed with zstd"),
        (b"BZh91AY&SY\nabc\n", "packed with bzip2"),
        (b"PK\x03\x04\x14\n\n", "packed with zip"),
        (b"\x00\x01\xff\n\xfe\n\xfd\n", "binary data"),
    ],
)
def test_what_is_no_text_is_one_problem(data: bytes, reason: str) -> None:
    [told] = reasons(data)
    assert reason in told


def test_a_hole_at_the_begin_of_a_file_hides_nothing_after_it() -> None:
    """What a rotated log that was truncated under its writer looks like."""
    notes = ReadNotes()
    assert spans_in(b"\0" * 100 + b"\n" + some_spans(2).lines().encode(), notes) == 2
    assert "not JSON" in notes.problems[0].reason


@pytest.mark.parametrize(("scope", "ours"), [("conntrace", 2), ("", 2), ("Experimental.X", 0)])
def test_connection_spans_of_another_instrumentation_are_not_taken_for_ours(
    scope: str, ours: int
) -> None:
    """.NET has spans of the same names, without causes; a Collector's file may hold both."""
    story = Story()
    for number in range(2):
        setup = story.span("HTTP connection_setup shop.test:443", number, 5.0)
        story.span("DNS lookup shop.test", number, 1.0, setup)
    document = story.document()
    document["resourceSpans"][0]["scopeSpans"][0]["scope"] = {"name": scope}
    text = json.dumps(document) + "\n"
    model = build(read_spans(["-"], stdin=io.BytesIO(text.encode())))
    assert (len(model.connections), len(model.lookups)) == (ours, 0)
    names = {span.name for trace in model.traces.values() for span in trace}
    assert any(name.startswith(f"{scope}: HTTP connection_setup") for name in names) != bool(ours)
