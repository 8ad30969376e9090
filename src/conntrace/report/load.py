"""Gets a report's input: held span by span while it is small, else counted as it passes by."""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import BinaryIO

from conntrace.report.bulk import count_files
from conntrace.report.frozen import freeze
from conntrace.report.invocations import Invocation, invocations_of
from conntrace.report.model import Model, build
from conntrace.report.progress import progress, watched
from conntrace.report.read import STDIN, ReadNotes, files_of, read_spans
from conntrace.report.record import SpanRecord
from conntrace.report.relations import relate
from conntrace.report.seen import Seen
from conntrace.report.tally import Tally, tally_of
from conntrace.report.verdicts import Judgement, judge, judge_counts

MAX_HELD_SPANS = 250_000
MAX_HELD_BYTES = 256 * 1024 * 1024
"""Larger input is only counted."""


@dataclass(slots=True)
class Loaded:
    """The input. When `complete` is false there were too many spans: only the counts tell.

    Then the model is empty, and one example stands for all spans of a finding.
    """

    notes: ReadNotes
    tally: Tally
    model: Model = field(default_factory=Model)
    judgement: Judgement = field(default_factory=Judgement)
    invocations: list[Invocation] = field(default_factory=list)
    complete: bool = True

    @property
    def repeated(self) -> int:
        """How many spans came a second time; each counts once."""
        return max(0, self.notes.spans - self.tally.spans)


def load_files(
    sources: Sequence[str | os.PathLike[str]],
    *,
    stdin: BinaryIO | None = None,
    only_count: bool = False,
) -> Loaded:
    """Read files, folders and `-`. Raises ConntraceError when one cannot be read at all."""
    notes = ReadNotes()
    files = _each_once(path for source in sources for path in files_of(source))
    size = sum(_size(path) for path in files)
    with progress(size) as advance:
        if (only_count or size > MAX_HELD_BYTES) and all(map(_can_be_cut, files)):
            return of_tally(count_files(files, notes, advance), notes)
        spans = watched(read_spans(files, notes, stdin=stdin), lambda: notes.bytes, advance)
        return load_spans(spans, notes, only_count=only_count)


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
    seen = Seen.alone(0)
    tally = tally_of(filter(seen.is_new, held))
    held.clear()
    for span in filter(seen.is_new, stream):
        tally.add(span)
    return of_tally(tally, notes)


def of_tally(tally: Tally, notes: ReadNotes) -> Loaded:
    """What counts alone tell."""
    return Loaded(notes, tally, judgement=judge_counts(tally), complete=False)


def of_model(model: Model, notes: ReadNotes) -> Loaded:
    """What a complete model tells, counts included."""
    relate(model)
    invocations = invocations_of(model)
    freeze(model, invocations)
    spans = (span for trace in model.traces.values() for span in trace)
    return Loaded(notes, tally_of(spans), model, judge(model), invocations)


def _each_once(paths: Iterable[str]) -> list[str]:
    """A file that was named twice, or by itself and by its folder, is read once."""
    found = {path if path == STDIN else os.path.realpath(path): path for path in paths}
    return list(found.values())


def _can_be_cut(path: str) -> bool:
    """Only of a regular file is it known where its parts would begin and end."""
    return path != STDIN and os.path.isfile(path)


def _size(path: str) -> int:
    try:
        return os.path.getsize(path)
    except OSError:
        return 0
