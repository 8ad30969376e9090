"""Reads span lines from files, folders and standard input, one line in memory at a time.

A broken line never hides the rest: it is counted, named and skipped. In the log of a Lambda
function, where findings stand among lines of all kinds, only what belongs to conntrace is read.
"""

from __future__ import annotations

import gzip
import json
import os
import sys
import zlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from io import BufferedReader
from pathlib import Path
from typing import BinaryIO, cast

from conntrace.errors import ConntraceError
from conntrace.report import cloudwatch, otlp
from conntrace.report.record import SpanRecord

STDIN = "-"
MAX_LINE_BYTES = 64 * 1024 * 1024
"""Longer lines are skipped; the Collector's and our own lines stay far below."""

SUFFIXES = (".jsonl", ".ndjson", ".json", ".gz")
"""What is read from a folder."""

_KEPT_PROBLEMS = 20
_CHUNK = 1024 * 1024
_GZIP = b"\x1f\x8b"
_NOT_JSON = "not JSON"
_CUT_OFF = "cut off"


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
    """The problems of one file, until it is known whether it is a log: there a line that is not
    ours is none."""

    def __init__(self, source: str) -> None:
        self._source = source
        self.is_log = False
        self._ours = ReadNotes()
        self._all = ReadNotes()

    def add(self, number: int, line: bytes, reason: str) -> None:
        """Note one problem of a line."""
        self._all.add(self._source, number, reason)
        if cloudwatch.MARK in line or not _is_foreign(reason):
            self._ours.add(self._source, number, reason)
        self.is_log = self.is_log or cloudwatch.is_of_log(line)

    def tell(self, notes: ReadNotes) -> None:
        """The file is read: put them where they are shown."""
        told = self._ours if self.is_log else self._all
        for problem in told.problems:
            notes.add(problem.source, problem.line, problem.reason)
        notes.problem_count += told.problem_count - len(told.problems)


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
        handle = _unpacked(stdin or sys.stdin.buffer)
        yield from spans_of_lines(handle, "standard input", notes)
        return
    with open_spans(path) as handle:
        yield from spans_of_lines(handle, path, notes)


@contextmanager
def open_spans(path: str) -> Iterator[BinaryIO]:
    """Open a span file. Raises ConntraceError when it cannot be opened or read."""
    try:
        with open(path, "rb") as handle:
            yield _unpacked(handle)
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
        for number, line in enumerate(_lines(handle, end), start=1):
            notes.lines += 1
            if isinstance(line, str):
                problems.add(number, b"", line)
                continue
            notes.bytes += len(line)
            problems.is_log = problems.is_log or cloudwatch.MARK in line
            complain = partial(problems.add, number, line)
            for document in _documents(line, complain):
                for span in otlp.spans_of(document, complain):
                    notes.spans += 1
                    yield span
    finally:
        problems.tell(notes)


def is_packed(path: str) -> bool:
    """Whether a file is a gzip file. Raises ConntraceError when it cannot be read."""
    with open_spans(path) as handle:
        return isinstance(handle, gzip.GzipFile)


def _unpacked(handle: BinaryIO) -> BinaryIO:
    """The same, or what is in it when it is packed: CloudWatch exports to S3 are."""
    begins = handle.peek(2) if isinstance(handle, BufferedReader) else b""
    if not begins.startswith(_GZIP):
        return handle
    return cast(BinaryIO, gzip.GzipFile(fileobj=handle))


def _lines(handle: BinaryIO, end: int | None) -> Iterator[bytes | str]:
    """Yield lines with their newline; a text is the reason why one cannot be had."""
    try:
        while end is None or handle.tell() < end:
            line = handle.readline(MAX_LINE_BYTES + 1)
            if not line:
                return
            if len(line) <= MAX_LINE_BYTES:
                yield line
                continue
            while line and not line.endswith(b"\n"):
                line = handle.readline(_CHUNK)
            yield f"longer than {MAX_LINE_BYTES // 1024 // 1024} MiB"
    except (EOFError, gzip.BadGzipFile, zlib.error):
        yield "damaged: the packed file cannot be read from here on"


def _documents(line: bytes, complain: otlp.Complain) -> Iterator[object]:
    """The JSON documents of a line: itself, or the findings in a line of a log."""
    if cloudwatch.MARK not in line:
        document = _parsed(line, complain)
        if document is not None:
            yield document
        return
    for document in cloudwatch.findings_in(line.decode("utf-8", errors="replace")):
        if document is None:
            complain("findings that are cut off")
            continue
        left_out = cloudwatch.left_out(document)
        if left_out:
            complain(f"{left_out} spans were left out when it was written: they had no room")
        yield document


def _is_foreign(reason: str) -> bool:
    """Whether a line has that problem just because it is none of ours."""
    return reason == otlp.NOT_A_REQUEST or reason.startswith((_NOT_JSON, _CUT_OFF))


def _parsed(line: bytes, complain: otlp.Complain) -> object:
    """The JSON document of a line; None for a blank line and, after complaining, a broken one."""
    text = line.decode("utf-8-sig", errors="replace").strip()
    if not text:
        return None
    try:
        document = json.loads(text)
    except (ValueError, RecursionError) as error:
        if not line.endswith(b"\n"):
            complain(f"{_CUT_OFF}: the file ends in the middle of it")
        else:
            complain(_why_not_json(error))
        return None
    return document if document is not None else []


def _why_not_json(error: Exception) -> str:
    if isinstance(error, json.JSONDecodeError):
        return f"{_NOT_JSON} ({error.msg} at character {error.pos + 1})"
    return f"{_NOT_JSON} (nested too deeply)" if isinstance(error, RecursionError) else _NOT_JSON
