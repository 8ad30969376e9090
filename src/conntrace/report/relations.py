"""What connections have to do with each other: who pushed whom out, what replaced what, forks.

Told by the links and pool ids of the spans, and written onto the connections by number.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable

from conntrace import semantic_names as names
from conntrace.report.model import Connection, Model, cause_of, is_named
from conntrace.report.record import Process, SpanRecord

UNKNOWN = 0
"""Stands for a connection that the spans do not show; numbers begin at 1."""

_NEAR_NS = 1_000_000_000
"""A victim's close may be noticed a little before or after its eviction."""

_FORKED, _LEAKED = "forked_process", "lease_leaked_unread"

_OfHost = dict[tuple[Process, str], list[Connection]]


def relate(model: Model) -> None:
    """Fill in what each connection has to do with others."""
    of_host: _OfHost = {}
    for each in model.connections:
        of_host.setdefault((each.process, str(each.destination)), []).append(each)
    victims = _evictions(model, of_host)
    _replacements(model, victims)
    _forks(model, of_host)


def is_leaked(connection: Connection) -> bool:
    """Whether it ended because a response was dropped unread and collected as garbage."""
    return connection.close is not None and connection.close.text(names.CLOSE_REASON) == _LEAKED


def _evictions(model: Model, of_host: _OfHost) -> dict[str, Connection]:
    """Write down evictors; returns a victim for each eviction's span id."""
    spans = [s for t in model.traces.values() for s in t if is_named(s, names.POOL_EVICTION)]
    of_pool: dict[tuple[Process, str], list[Connection]] = {}
    for each in model.connections if spans else ():
        pool = (each.setup or each.close or each.requests[0]).text(names.POOL_ID)
        of_pool.setdefault((each.process, pool), []).append(each)
    found = {}
    for span in sorted(spans, key=lambda each: each.start_ns):
        by = _evictor(span, of_host)
        for victim in of_pool.get((span.process, span.text(names.POOL_ID)), ()):
            if victim.close and abs(victim.close.start_ns - span.start_ns) < _NEAR_NS:
                victim.evicted_by = by
                found[span.span_id] = victim
    return found


def _evictor(span: SpanRecord, of_host: _OfHost) -> int:
    """The first connection to the evictor's host that was set up from then on."""
    candidates = of_host.get((span.process, span.text(names.POOL_EVICTED_BY)), [])
    first = bisect_left(candidates, span.start_ns - 5_000_000, key=lambda each: each.start_ns)
    return next((each.number for each in candidates[first:] if each.setup), UNKNOWN)


def _replacements(model: Model, victims: dict[str, Connection]) -> None:
    """A set-up's link leads to the close, the eviction or the request that made it necessary."""
    lost: dict[str, Connection] = dict(victims)
    for each in model.connections:
        if each.close:
            lost[each.close.span_id] = each
        lost.update((request.span_id, each) for request in each.requests)
    for each in model.connections:
        for link in each.setup.links if each.setup else ():
            before = lost.get(link)
            if before is not None and before is not each:
                each.replaces = before.number


def _forks(model: Model, of_host: _OfHost) -> None:
    """The parent's connection that a child goes on with, or cannot use: then the last one there."""
    by_pid: dict[int, list[Process]] = {}
    for process in model.processes:
        by_pid.setdefault(process.pid, []).append(process)
    for each in model.connections:
        if each.process.parent_pid and (each.setup is None or cause_of(each.setup) == _FORKED):
            parents = by_pid.get(each.process.parent_pid, [])
            before = _before(each, parents, of_host)
            if each.setup is None:
                # It goes on with the parent's own connection.
                before = [other for other in before if _id(other) and _id(other) == _id(each)]
            if before:
                each.forked_from = max(before, key=lambda other: other.start_ns).number


def _before(child: Connection, parents: Iterable[Process], of_host: _OfHost) -> list[Connection]:
    return [
        each
        for parent in parents
        for each in of_host.get((parent, str(child.destination)), ())
        if each.start_ns < child.start_ns
    ]


def _id(connection: Connection) -> str:
    span = connection.setup or connection.close or connection.requests[0]
    return span.text(names.CONNECTION_ID)
