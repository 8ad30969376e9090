"""The span file: written as things happen, private, bounded, and whole line by line."""

from __future__ import annotations

import json
import os
import stat
import subprocess
import sys
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
