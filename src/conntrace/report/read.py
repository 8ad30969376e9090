"""Reads span lines from files, folders and standard input, one line in memory at a time.

A broken line never hides the rest: it is counted, named and skipped. In the log of a Lambda
function, where findings stand among lines of all kinds, only what belongs to conntrace is read.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from io import BufferedReader
from pathlib import Path
from typing import BinaryIO

from conntrace.errors import ConntraceError
from conntrace.report import cloudwatch, documents, otlp, packing
from conntrace.report.record import SpanRecord

STDIN = "-"
SUFFIXES = (".jsonl", ".ndjson", ".json", ".gz")
"""What is read from a folder."""

_KEPT_PROBLEMS = 20


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


class _Problems:
    """The problems of one file, until it is known what it is: in a log a line that is not ours is
    none, metrics and logs among spans are none, and binary data is one problem in all."""

    def __init__(self, source: str) -> None:
        self._source = source
        self.is_log = False
        self.spans = 0
        self._beginning: bytes | None = None
        self._ours = ReadNotes()
        self._all = ReadNotes()
        self._other_signals = ReadNotes()

    def begins(self, line: bytes) -> None:
        """See the next line; the first one tells what the file is."""
        if self._beginning is None:
            self._beginning = line[: packing.TELLING_BYTES]
        self.is_log = self.is_log or cloudwatch.MARK in line

    def add(self, number: int, line: bytes, reason: str) -> None:
        """Note one problem of a line."""
        if reason == otlp.OTHER_SIGNAL:
            self._other_signals.add(self._source, number, reason)
            return
        self._all.add(self._source, number, reason)
        if cloudwatch.MARK in line or not _is_foreign(reason):
            self._ours.add(self._source, number, reason)
        self.is_log = self.is_log or cloudwatch.is_of_log(line)

    def tell(self, notes: ReadNotes) -> None:
        """The file is read: put them where they are shown."""
        unreadable = "" if self.spans else packing.why_unreadable(self._beginning or b"")
        if unreadable and self._all.problem_count:
            notes.add(self._source, 1, unreadable)
            return
        told = [self._ours if self.is_log else self._all]
        if not self.spans:
            told.append(self._other_signals)
        for each in told:
            for problem in each.problems:
                notes.add(problem.source, problem.line, problem.reason)
            notes.problem_count += each.problem_count - len(each.problems)


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
        handle = packing.unpacked(stdin or sys.stdin.buffer)
        yield from spans_of_lines(handle, "standard input", notes)
        return
    with open_spans(path) as handle:
        yield from spans_of_lines(handle, path, notes)


@contextmanager
def open_spans(path: str) -> Iterator[BinaryIO]:
    """Open a span file. Raises ConntraceError when it cannot be opened or read."""
    try:
        with open(path, "rb") as handle:
            yield packing.unpacked(handle)
    except OSError as error:
        reason = error.strerror or str(error)
        raise ConntraceError(
            "report-unreadable", f"cannot read span file {path}: {reason}"
        ) from error


def spans_of_lines(
    handle: BinaryIO, source: str, notes: ReadNotes, end: int | None = None
) -> Iterator[SpanRecord]:
    """Yield the spans of all lines, or of those that begin before the byte `end`."""
    problems = _Problems(source)
    try:
        for piece in documents.pieces(handle, end):
            notes.lines += piece.lines
            notes.bytes += len(piece.text)
            problems.begins(piece.text)
            complain = partial(problems.add, piece.number, piece.text)
            for reason in piece.problems:
                complain(reason)
            for document in piece.documents:
                for span in otlp.spans_of(document, complain):
                    problems.spans += 1
                    notes.spans += 1
                    yield span
    finally:
        problems.tell(notes)


def can_be_cut(path: str) -> bool:
    """Whether each of its lines stands for itself: one may begin to read in its middle.

    Raises ConntraceError when it cannot be read.
    """
    with open_spans(path) as handle:
        return isinstance(handle, BufferedReader) and not documents.opens(handle.readline(16))


def _is_foreign(reason: str) -> bool:
    """Whether a line has that problem just because it is none of ours."""
    return reason == otlp.NOT_A_REQUEST or documents.is_foreign(reason)
