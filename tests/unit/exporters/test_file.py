"""The span file: written as things happen, private, bounded, and whole line by line."""

from __future__ import annotations

import json
import os
import stat
import subprocess
import sys
import time
from pathlib import Path

import pytest
from tests.unit.exporters.spans import make_span

from conntrace.analyzer.exporters.file import FileExporter
from conntrace.errors import ConntraceError
from conntrace.testing import read_spans

ROOM = 1 << 20


def test_each_export_is_one_line_at_once(tmp_path: Path) -> None:
    path = tmp_path / "spans.jsonl"
    exporter = FileExporter(str(path), max_bytes=ROOM)
    exporter.export([make_span("a"), make_span("b")])
    assert [span.name for span in read_spans(path)] == ["a", "b"]
    exporter.export([make_span("c")])
    exporter.export([])
    assert path.read_bytes().count(b"\n") == 2
    exporter.close(1)
    assert exporter.dropped == 0


def test_only_the_owner_can_read_it_also_when_it_was_there_before(tmp_path: Path) -> None:
    path = tmp_path / "spans.jsonl"
    path.write_text("old")
    path.chmod(0o644)
    FileExporter(str(path), max_bytes=ROOM).close(1)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert path.read_bytes() == b""


def test_what_does_not_fit_is_dropped_and_counted(tmp_path: Path) -> None:
    path = tmp_path / "spans.jsonl"
    exporter = FileExporter(str(path), max_bytes=1000)
    for _ in range(5):
        exporter.export([make_span("a"), make_span("b")])
    exporter.close(1)
    kept = len(read_spans(path))
    assert path.stat().st_size <= 1000
    assert 0 < kept < 10
    assert exporter.dropped == 10 - kept


@pytest.mark.parametrize("path", ["/nowhere/at/all", "/", ""])
def test_a_path_that_cannot_be_written_is_named(path: str) -> None:
    with pytest.raises(ConntraceError) as raised:
        FileExporter(path, max_bytes=ROOM)
    assert raised.value.slug == "file-not-writable"
    assert f"cannot write spans to {path}: " in str(raised.value)


def test_a_pipe_without_a_reader_does_not_hang(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(ConntraceError):
        FileExporter(str(tmp_path / "pipe"), max_bytes=ROOM)


def test_after_close_nothing_is_written(tmp_path: Path) -> None:
    exporter = FileExporter(str(tmp_path / "spans.jsonl"), max_bytes=ROOM)
    exporter.close(1)
    exporter.close(1)
    exporter.export([make_span()])
    assert exporter.dropped == 1


FULL_DISK = """
import resource, signal, sys
from conntrace.analyzer.exporters.file import FileExporter
from tests.unit.exporters.spans import make_span
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
exporter = FileExporter(sys.argv[1], max_bytes=1 << 20)
exporter.export([make_span("before")])
soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
import os
size = os.path.getsize(sys.argv[1])
resource.setrlimit(resource.RLIMIT_FSIZE, (size + 100, hard))
exporter.export([make_span("torn")])
resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
exporter.export([make_span("after")])
print(exporter.dropped)
"""


def test_a_full_disk_costs_one_line_and_no_more(tmp_path: Path) -> None:
    path = tmp_path / "spans.jsonl"
    ended = subprocess.run(
        [sys.executable, "-c", FULL_DISK, str(path)],
        capture_output=True,
        text=True,
        check=True,
        env={**os.environ, "PYTHONPATH": os.getcwd()},
    )
    assert ended.stdout.strip() == "1"
    whole, torn, after = path.read_text().splitlines()
    with pytest.raises(ValueError):
        json.loads(torn)
    assert "before" in whole
    assert "after" in json.dumps(json.loads(after))


def test_a_device_that_is_full_is_named(capsys: pytest.CaptureFixture[str]) -> None:
    exporter = FileExporter("/dev/full", max_bytes=ROOM)
    exporter.export([make_span(), make_span()])
    exporter.close(1)
    assert (exporter.dropped, exporter.problem) == (2, "No space left on device")
    assert capsys.readouterr() == ("", "")


def test_a_pipe_whose_reader_sleeps_takes_what_it_can(tmp_path: Path) -> None:
    """Whole lines are lost, and the reader finds whole lines when it wakes up."""
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    reader = os.open(pipe, os.O_RDONLY | os.O_NONBLOCK)
    exporter = FileExporter(str(pipe), max_bytes=1 << 30)
    began = time.monotonic()
    for number in range(2000):
        exporter.export([make_span(f"{number}")])
    assert time.monotonic() - began < 10
    assert 0 < exporter.dropped < 2000
    assert exporter.problem == "Resource temporarily unavailable"

    taken = b""
    while len(chunk := os.read(reader, 1 << 20)) > 0 and len(taken) < 1 << 20:
        taken += chunk
        if taken.endswith(b"\n"):
            break
    os.set_blocking(reader, False)
    exporter.export([make_span("awake")])
    exporter.close(1)
    rest = os.read(reader, 1 << 20)
    os.close(reader)
    assert json.loads(rest.splitlines()[-1])["resourceSpans"]
    lines = taken.splitlines()
    assert sum(is_whole(line) for line in lines) == 2000 - exporter.dropped


def is_whole(line: bytes) -> bool:
    """Whether it is one line of JSON, not a torn one."""
    try:
        return bool(json.loads(line))
    except ValueError:
        return False


def test_a_reader_that_goes_away_costs_spans(tmp_path: Path) -> None:
    """No SIGPIPE, no exception."""
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    reader = os.open(pipe, os.O_RDONLY | os.O_NONBLOCK)
    exporter = FileExporter(str(pipe), max_bytes=ROOM)
    os.close(reader)
    exporter.export([make_span()])
    exporter.close(1)
    assert (exporter.dropped, exporter.problem) == (1, "Broken pipe")
