"""Findings read back from exports of a function's log, as CloudWatch gives them away."""

from __future__ import annotations

import gzip
import io
import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.unit.analyzer.lambda_streams import LambdaStream
from tests.unit.report.builder import Story

from conntrace.analyzer.exporters.log_line import LogLineExporter
from conntrace.analyzer.pipeline import PLATFORM, Pipeline
from conntrace.cli.commands import main
from conntrace.events import encode
from conntrace.report import cloudwatch, read
from conntrace.report.load import load_files
from conntrace.report.read import ReadNotes, read_spans

HOST = "dynamodb.eu-west-1.amazonaws.com"
STREAM = "2026/01/01/[7]0123456789abcdef"
START = "START RequestId: 8f507cfc-0001 Version: 7"
END = "END RequestId: 8f507cfc-0001"
REPORT = (
    "REPORT RequestId: 8f507cfc-0001\tDuration: 24.18 ms\tBilled Duration: 25 ms\tMemory Size: 256"
    " MB\tMax Memory Used: 71 MB\tInit Duration: 412.50 ms\t"
)
ORDINARY = [
    "INIT_START Runtime Version: python:3.12.v36",
    START,
    '{"level": "INFO", "m": "hello"}',
    "[INFO]\t2026-01-01T00:00:00.000Z\t8f507cfc\twriting {an order}",
    "",
    END,
    REPORT,
]


def finding_line(requests: int = 1) -> str:
    """What the extension prints for an invocation that lost its connection."""
    stream = LambdaStream()
    pool = stream.pool(stream.manager("boto3 dynamodb", "app.py:3"), HOST)
    stream.request(pool)
    with stream.invocation("8f507cfc-0001", cold=True):
        for _ in range(requests):
            stream.request(pool)
        stream.sleep(3)
        stream.request(pool, stream.server_closed(pool, 2.0))
    written: list[bytes] = []
    pipeline = Pipeline([LogLineExporter(written.append)])
    for process, event in stream.order:
        if process == PLATFORM:
            pipeline.platform(event)
        else:
            pipeline.feed(process, [encode(event)])
    pipeline.finish()
    (line,) = written
    return line.decode().rstrip("\n")


FINDING = finding_line()
LOG = [*ORDINARY[:3], FINDING, *ORDINARY[3:]]


def filtered(lines: list[str], *, indent: int | None = 4) -> str:
    """`aws logs filter-log-events`."""
    events = [
        {
            "logStreamName": STREAM,
            "timestamp": 1767225600000 + number,
            "message": line + "\n",
            "ingestionTime": 1767225605000,
            "eventId": f"{number:056d}",
        }
        for number, line in enumerate(lines)
    ]
    return json.dumps({"events": events, "searchedLogStreams": []}, indent=indent)


EXPORTS = {
    "as printed": "\n".join(LOG) + "\n",
    "export to S3": "".join(f"2026-01-01T00:00:00.123Z {line}\n" for line in LOG),
    "aws logs tail": "".join(f"2026-01-01T00:00:00.123000+00:00 {STREAM} {line}\n" for line in LOG),
    "text columns": "".join(
        f"EVENTS\t{number:056d}\t1767225605000\t{STREAM}\t{line}\t1767225600000\n"
        for number, line in enumerate(LOG)
    ),
    "filter-log-events": filtered(LOG),
    "filter-log-events in one line": filtered(LOG, indent=None),
    "with a prefix in the message": filtered([f'2026-01-01 "x" \\ {line}' for line in LOG]),
    "csv of the console": "timestamp,message\n"
    + "".join('1767225600000,"{}\n"\n'.format(line.replace('"', '""')) for line in LOG),
    "another tool's JSON": json.dumps([{"@message": json.loads(FINDING)}]) + "\n",
    "cut before the end": "\n".join(LOG),
    "windows": "\r\n".join(LOG) + "\r\n",
}


def read_text(data: bytes) -> tuple[list[str], ReadNotes]:
    notes = ReadNotes()
    names = [span.name for span in read_spans(["-"], notes, stdin=io.BytesIO(data))]
    return names, notes


@pytest.mark.parametrize("export", EXPORTS.values(), ids=EXPORTS.keys())
def test_findings_are_found_in_every_export(export: str) -> None:
    """All spans, and no word about the other lines: they are no problem."""
    names, notes = read_text(export.encode())
    assert f"HTTP connection_setup {HOST}:443" in names
    assert "orders" in names
    assert len(names) == len(read_text(FINDING.encode())[0])
    assert (notes.problem_count, notes.problems) == (0, [])


@pytest.mark.parametrize("export", ["as printed", "filter-log-events", "csv of the console"])
def test_packed_exports_are_read_as_they_are(export: str, tmp_path: Path) -> None:
    """Exports to S3 are gzip files in folders of their own."""
    path = tmp_path / "exported" / "000000.gz"
    path.parent.mkdir()
    path.write_bytes(gzip.compress(EXPORTS[export].encode()))
    for source in (path, tmp_path):
        loaded = load_files([source])
        assert len(loaded.model.connections) == 2
        assert loaded.notes.problem_count == 0
    counted = load_files([path], only_count=True)
    assert counted.notes.spans == loaded.notes.spans
    with path.open("rb") as packed:
        assert len(list(read_spans(["-"], stdin=packed))) == loaded.notes.spans


def test_a_packed_file_that_is_cut_is_read_as_far_as_it_goes(tmp_path: Path) -> None:
    path = tmp_path / "log.gz"
    path.write_bytes(gzip.compress((EXPORTS["as printed"] * 50).encode())[:-40])
    notes = ReadNotes()
    assert len(list(read_spans([path], notes))) > 10
    (problem,) = notes.problems
    assert "damaged" in problem.reason


@pytest.mark.parametrize(
    "name", ["as printed", "aws logs tail", "filter-log-events", "csv of the console"]
)
def test_findings_that_are_cut_are_counted_and_said(name: str) -> None:
    """CloudWatch cuts long events; what is whole is read."""
    cut = FINDING[:500]
    whole = EXPORTS[name]
    if name == "filter-log-events":
        text = filtered([*LOG, cut, *LOG])
    elif name == "csv of the console":
        text = whole + '1,"{}\n"\n'.format(cut.replace('"', '""')) + whole
    else:
        text = whole + whole.splitlines()[3][: -len(FINDING) + 500] + "\n" + whole
    names, notes = read_text(text.encode())
    assert names.count("orders") == 2
    (problem,) = notes.problems
    assert problem.reason == "findings that are cut off"


def test_spans_that_had_no_room_in_their_line_are_said() -> None:
    names, notes = read_text((finding_line(900) + "\n").encode())
    assert names[-1] == "orders"
    (problem,) = notes.problems
    assert "spans were left out when it was written" in problem.reason


def test_a_log_without_findings_is_no_heap_of_problems() -> None:
    names, notes = read_text("\n".join(ORDINARY * 20).encode())
    assert (names, notes.problem_count) == ([], 0)


def test_other_broken_files_are_still_told() -> None:
    """The control: nothing marks this as a log."""
    text = "\n".join(line for line in ORDINARY if "RequestId" not in line and "INIT_" not in line)
    assert read_text(text.encode())[1].problem_count == 2


def test_span_files_and_logs_go_together(tmp_path: Path) -> None:
    story = Story()
    story.request("c1", 0.0)
    (tmp_path / "a.jsonl").write_text(story.lines())
    (tmp_path / "b.json").write_text(EXPORTS["filter-log-events"])
    assert len(load_files([tmp_path]).model.processes) == 2


@given(st.text(max_size=60), st.integers(0, 200), st.text(max_size=20))
def test_nothing_that_looks_like_findings_breaks_the_reader(
    before: str, cut: int, after: str
) -> None:
    for start in ('{"type":"conntrace.findings"', '{\\"type\\":\\"conntrace.findings\\"',
                  '{""type"":""conntrace.findings""'):  # fmt: skip
        line = before + start + FINDING[28 : 28 + cut] + after
        assert len(list(cloudwatch.findings_in(line))) >= 1
        read_text(line.encode("utf-8", "replace"))


def test_the_command_shows_the_cause(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "log.txt"
    path.write_text(EXPORTS["aws logs tail"])
    assert not main(["report", str(path)])
    shown = capsys.readouterr().out
    assert "after 2.0 s" in shown
    assert "problem" not in shown


def test_the_mark_is_the_exporters() -> None:
    """Both sides mean the same word."""
    assert f'{{"type":"{cloudwatch.MARK.decode()}"' in FINDING
    assert read.SUFFIXES[-1] == ".gz"
