"""Counts input that is too large to hold: files in parts of equal size, side by side.

Memory is bounded by the size of a `Tally`, one for each worker, however large the input is.
"""

from __future__ import annotations

import multiprocessing
import os
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ProcessPoolExecutor, as_completed
from dataclasses import dataclass

from conntrace.report.progress import Advance
from conntrace.report.read import ReadNotes, can_be_cut, open_spans, spans_of_lines
from conntrace.report.seen import Seen, shared_table
from conntrace.report.tally import Tally

PART_BYTES = 32 * 1024 * 1024
MAX_WORKERS = 8
_BACKLOG = 4
"""Parts handed out in advance for each worker: finished tallies must not pile up."""


@dataclass(frozen=True, slots=True)
class Part:
    """The lines of a file that begin in a range of bytes."""

    path: str
    begin: int
    end: int
    whole: bool = False
    """A packed file is one part: nobody can begin in its middle."""


def parts_of(files: Sequence[str]) -> Iterator[Part]:
    """Cut the files into parts."""
    for path in files:
        size = os.path.getsize(path)
        if not can_be_cut(path):
            yield Part(path, 0, size, whole=True)
            continue
        for begin in range(0, size, PART_BYTES):
            yield Part(path, begin, min(size, begin + PART_BYTES))


def count_part(part: Part, seen: Seen) -> tuple[Tally, ReadNotes]:
    """Count what is new in one part; problems have line numbers from the part's begin."""
    notes, tally = ReadNotes(), Tally()
    with open_spans(part.path) as handle:
        end = None if part.whole else part.end
        if part.begin:
            # A line belongs to the part in which it begins.
            handle.seek(part.begin - 1)
            handle.readline()
        for span in spans_of_lines(handle, part.path, notes, end=end):
            if seen.is_new(span):
                tally.add(span)
    return tally, notes


def count_files(
    files: Sequence[str], notes: ReadNotes, advance: Advance, workers: int | None = None
) -> Tally:
    """Count all spans of the files, on several cores where there are several parts."""
    parts = list(parts_of(files))
    notes.files += len(files)
    wanted = min(workers or os.cpu_count() or 1, MAX_WORKERS, len(parts))
    total = Tally()
    found: dict[int, ReadNotes] = {}
    with shared_table(sum(part.end - part.begin for part in parts)) as table:
        if wanted < 2:
            results = _alone(parts, advance, table)
        else:
            results = _together(parts, advance, wanted, table)
        for index, tally, part_notes in results:
            total.merge(tally)
            found[index] = part_notes
    _add_notes(notes, parts, found)
    return total


def _alone(
    parts: list[Part], advance: Advance, table: str
) -> Iterator[tuple[int, Tally, ReadNotes]]:
    seen = Seen.of_file(table)
    for index, part in enumerate(parts):
        yield (index, *count_part(part, seen))
        advance(part.end - part.begin)


def _together(
    parts: list[Part], advance: Advance, workers: int, table: str
) -> Iterator[tuple[int, Tally, ReadNotes]]:
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(workers, context, _share, (table,)) as pool:
        waiting = iter(enumerate(parts))
        running: dict[Future[tuple[Tally, ReadNotes]], int] = {}
        while True:
            while len(running) < workers * _BACKLOG and (job := next(waiting, None)):
                running[pool.submit(_count_shared, job[1])] = job[0]
            if not running:
                return
            done = next(as_completed(running))
            index = running.pop(done)
            yield (index, *done.result())
            advance(parts[index].end - parts[index].begin)


_shared: list[Seen] = []
"""A worker's view of the table that all workers share."""


def _share(table: str) -> None:
    _shared[:] = [Seen.of_file(table)]


def _count_shared(part: Part) -> tuple[Tally, ReadNotes]:
    return count_part(part, _shared[0])


def _add_notes(notes: ReadNotes, parts: list[Part], found: dict[int, ReadNotes]) -> None:
    """Put the parts' notes together in order, with line numbers of the whole file."""
    before: dict[str, int] = {}
    for index in sorted(found):
        own, path = found[index], parts[index].path
        skipped = before.get(path, 0)
        for problem in own.problems:
            notes.add(problem.source, problem.line + skipped, problem.reason)
        notes.problem_count += own.problem_count - len(own.problems)
        notes.lines += own.lines
        notes.spans += own.spans
        notes.bytes += own.bytes
        before[path] = skipped + own.lines
