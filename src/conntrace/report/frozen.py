"""When a connection's sandbox stood still, as far as its spans and the invocations tell.

Spans say how much of an idle time was frozen, not when: an environment freezes between
invocations, so that is where the frozen part is put.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator, Sequence
from itertools import islice

from conntrace import semantic_names as names
from conntrace.report.invocations import Invocation, by_process
from conntrace.report.model import Connection, Model, Stretch
from conntrace.report.record import SpanRecord

NS_PER_S = 1_000_000_000


def freeze(model: Model, invocations: list[Invocation]) -> None:
    """Fill in the frozen stretches of all connections."""
    busy = {
        process: [(each.span.start_ns, each.span.end_ns) for each in group]
        for process, group in by_process(invocations).items()
    }
    successor = {each.replaces: each.setup for each in model.connections if each.replaces}
    for each in model.connections:
        known = busy.get(each.process, ())
        each.frozen = frozen_stretches(each, successor.get(each.number), known)


def frozen_stretches(
    connection: Connection, replacement: SpanRecord | None, busy: Sequence[Stretch]
) -> list[Stretch]:
    """The frozen stretches of one connection, in order of time.

    `replacement` is the set-up that replaced it, which tells of its last idle time; `busy` are the
    invocations of its process, in order.
    """
    # The first request of a connection may tell of the one that was lost before it.
    told = [span for span in connection.requests if span.flag(names.CONNECTION_REUSED)]
    last = connection.close
    if last is None or last.number(names.CONNECTION_FROZEN_S) is None:
        last = replacement
    told += [last] if last else []
    found: list[Stretch] = []
    start_ns = connection.start_ns
    for span in sorted(told, key=lambda span: span.start_ns):
        frozen_ns = round((span.number(names.CONNECTION_FROZEN_S) or 0.0) * NS_PER_S)
        begin_ns = max(start_ns, found[-1][1] if found else 0)
        if frozen_ns > 0 and span.start_ns > begin_ns:
            idle_ns = round((span.number(names.CONNECTION_IDLE_S) or 0.0) * NS_PER_S)
            since = max(begin_ns, span.start_ns - max(idle_ns, frozen_ns))
            found.extend(_placed(frozen_ns, since, span.start_ns, busy))
    return found


def _placed(frozen_ns: int, begin: int, end: int, busy: Sequence[Stretch]) -> Iterator[Stretch]:
    """The frozen time, shared out over the gaps between invocations, at each gap's end."""
    gaps = list(_gaps(begin, end, busy))
    room = sum(stop - start for start, stop in gaps)
    if room <= 0:
        gaps, room = [(begin, end)], end - begin
    share = min(1.0, frozen_ns / room)
    for start, stop in gaps:
        yield stop - round((stop - start) * share), stop


def _gaps(begin: int, end: int, busy: Sequence[Stretch]) -> Iterator[Stretch]:
    at = begin
    first = max(0, bisect_right(busy, (begin, begin)) - 1)
    for start, stop in islice(busy, first, None):
        if start >= end:
            break
        if start > at:
            yield at, start
        at = max(at, stop)
    if at < end:
        yield at, end
