"""Gets a report's input: held span by span while it is small, else counted as it passes by."""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import BinaryIO

from conntrace.report.bulk import count_files
from conntrace.report.model import Model, build
from conntrace.report.progress import progress
from conntrace.report.read import STDIN, ReadNotes, files_of, read_spans
from conntrace.report.record import SpanRecord
from conntrace.report.tally import Tally, tally_of
from conntrace.report.verdicts import Judgement, judge

MAX_HELD_SPANS = 250_000
MAX_HELD_BYTES = 256 * 1024 * 1024
"""Larger input is only counted."""


@dataclass(slots=True)
class Loaded:
    """The input. When `complete` is false there were too many spans: only the counts tell."""

    notes: ReadNotes
    tally: Tally
    model: Model = field(default_factory=Model)
    judgement: Judgement = field(default_factory=Judgement)
    complete: bool = True


def load_files(
    sources: Sequence[str | os.PathLike[str]],
    *,
    stdin: BinaryIO | None = None,
    only_count: bool = False,
) -> Loaded:
    """Read files, folders and `-`. Raises ConntraceError when one cannot be read at all."""
    notes = ReadNotes()
    files = [path for source in sources for path in files_of(source)]
    size = sum(_size(path) for path in files)
    if STDIN not in files and (only_count or size > MAX_HELD_BYTES):
        with progress(size) as advance:
            return Loaded(notes, count_files(files, notes, advance), complete=False)
    return load_spans(read_spans(files, notes, stdin=stdin), notes, only_count=only_count)


def load_spans(
    spans: Iterable[SpanRecord],
    notes: ReadNotes,
    *,
    only_count: bool = False,
    limit: int = MAX_HELD_SPANS,
) -> Loaded:
    """Hold spans up to the limit; when there are more, let go of them and count on."""
    held: list[SpanRecord] = []
    stream = iter(spans)
    if not only_count:
        for span in stream:
            held.append(span)
            if len(held) > limit:
                break
        else:
            return of_model(build(held), notes)
    tally = tally_of(held)
    held.clear()
    for span in stream:
        tally.add(span)
    return Loaded(notes, tally, complete=False)


def of_model(model: Model, notes: ReadNotes) -> Loaded:
    """What a complete model tells, counts included."""
    spans = (span for trace in model.traces.values() for span in trace)
    return Loaded(notes, tally_of(spans), model, judge(model))


def _size(path: str) -> int:
    try:
        return os.path.getsize(path)
    except OSError:
        return 0
