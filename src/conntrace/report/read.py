"""Reads span lines from files, folders and standard input, one line in memory at a time.

A broken line never hides the rest: it is counted, named and skipped.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO

from conntrace.errors import ConntraceError
from conntrace.report import otlp
from conntrace.report.record import SpanRecord

STDIN = "-"
MAX_LINE_BYTES = 64 * 1024 * 1024
"""Longer lines are skipped; the Collector's and our own lines stay far below."""

SUFFIXES = (".jsonl", ".ndjson", ".json")
"""What is read from a folder."""

_KEPT_PROBLEMS = 20
_CHUNK = 1024 * 1024


@dataclass(frozen=True, slots=True)
class Problem:
    """A part of the input that could not be used. `line` counts from 1."""

    source: str
    line: int
    reason: str


@dataclass(slots=True)
class ReadNotes:
    """What happened while reading. `problems` keeps the first few, `problem_count` counts all."""

    files: int = 0
    lines: int = 0
    spans: int = 0
    bytes: int = 0
    problem_count: int = 0
    problems: list[Problem] = field(default_factory=list)

    def add(self, source: str, line: int, reason: str) -> None:
        """Note one problem."""
        self.problem_count += 1
        if len(self.problems) < _KEPT_PROBLEMS:
            self.problems.append(Problem(source, line, reason))


def read_spans(
    sources: Sequence[str | os.PathLike[str]],
    notes: ReadNotes | None = None,
    *,
    stdin: BinaryIO | None = None,
) -> Iterator[SpanRecord]:
    """Yield the spans of all sources in file order; `-` is standard input, a folder all its files.

    Raises ConntraceError when a source cannot be opened or read at all.
    """
    notes = notes if notes is not None else ReadNotes()
    for source in sources:
        for path in files_of(source):
            notes.files += 1
            yield from _file(path, notes, stdin)


def files_of(source: str | os.PathLike[str]) -> list[str]:
    """The files that a source stands for. Raises ConntraceError for a folder without any."""
    path = os.fspath(source)
    if path == STDIN or not os.path.isdir(path):
        return [path]
    found = sorted(str(file) for file in Path(path).rglob("*") if file.suffix in SUFFIXES)
    if not found:
        endings = ", ".join(SUFFIXES)
        raise ConntraceError("report-folder-empty", f"no span files ({endings}) in folder {path}")
    return found


def _file(path: str, notes: ReadNotes, stdin: BinaryIO | None) -> Iterator[SpanRecord]:
    if path == STDIN:
        yield from spans_of_lines(stdin or sys.stdin.buffer, "standard input", notes)
        return
    with open_spans(path) as handle:
        yield from spans_of_lines(handle, path, notes)


@contextmanager
def open_spans(path: str) -> Iterator[BinaryIO]:
    """Open a span file. Raises ConntraceError when it cannot be opened or read."""
    try:
        with open(path, "rb") as handle:
            yield handle
    except OSError as error:
        reason = error.strerror or str(error)
        raise ConntraceError(
            "report-unreadable", f"cannot read span file {path}: {reason}"
        ) from error


def spans_of_lines(
    handle: BinaryIO, source: str, notes: ReadNotes, end: int | None = None
) -> Iterator[SpanRecord]:
    """Yield the spans of all lines, or of those that begin before the byte `end`."""
    for number, line in enumerate(_lines(handle, end), start=1):
        notes.lines += 1

        def complain(reason: str, number: int = number) -> None:
            notes.add(source, number, reason)

        if line is None:
            complain(f"longer than {MAX_LINE_BYTES // 1024 // 1024} MiB")
            continue
        notes.bytes += len(line)
        document = _parsed(line, complain)
        if document is None:
            continue
        for span in otlp.spans_of(document, complain):
            notes.spans += 1
            yield span


def _lines(handle: BinaryIO, end: int | None) -> Iterator[bytes | None]:
    """Yield lines with their newline; None stands for one that is too long to hold."""
    while end is None or handle.tell() < end:
        line = handle.readline(MAX_LINE_BYTES + 1)
        if not line:
            return
        if len(line) <= MAX_LINE_BYTES:
            yield line
            continue
        while line and not line.endswith(b"\n"):
            line = handle.readline(_CHUNK)
        yield None


def _parsed(line: bytes, complain: otlp.Complain) -> object:
    """The JSON document of a line; None for a blank line and, after complaining, a broken one."""
    text = line.decode("utf-8-sig", errors="replace").strip()
    if not text:
        return None
    try:
        document = json.loads(text)
    except (ValueError, RecursionError) as error:
        if not line.endswith(b"\n"):
            complain("cut off: the file ends in the middle of it")
        else:
            complain(_why_not_json(error))
        return None
    return document if document is not None else []


def _why_not_json(error: Exception) -> str:
    if isinstance(error, json.JSONDecodeError):
        return f"not JSON ({error.msg} at character {error.pos + 1})"
    return "not JSON (nested too deeply)" if isinstance(error, RecursionError) else "not JSON"
