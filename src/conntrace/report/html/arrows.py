"""Who pushed whom out of a client's pools: from eviction spans to pairs of connections."""

from __future__ import annotations

from conntrace import semantic_names as names
from conntrace.report.model import Connection, Model, is_named
from conntrace.report.record import Process, SpanRecord

_NEAR_NS = 1_000_000_000
"""A victim's close may be noticed a little before or after its eviction."""


def evictions(model: Model) -> list[tuple[int, int]]:
    """Numbers of evictor and victim, in order of time. An evictor that is unknown is 0."""
    spans = [
        span
        for trace in model.traces.values()
        for span in trace
        if is_named(span, names.POOL_EVICTION)
    ]
    if not spans:
        return []
    of_pool: dict[tuple[Process, str], list[Connection]] = {}
    of_host: dict[tuple[Process, str], list[Connection]] = {}
    for each in model.connections:
        of_host.setdefault((each.process, str(each.destination)), []).append(each)
        if each.setup:
            key = (each.process, each.setup.text(names.POOL_ID))
            of_pool.setdefault(key, []).append(each)
    found = []
    for span in sorted(spans, key=lambda each: each.start_ns):
        by = _evictor(span, of_host)
        for victim in of_pool.get((span.process, span.text(names.POOL_ID)), ()):
            if victim.close and abs(victim.close.start_ns - span.start_ns) < _NEAR_NS:
                found.append((by, victim.number))
    return list(dict.fromkeys(found))


def _evictor(span: SpanRecord, of_host: dict[tuple[Process, str], list[Connection]]) -> int:
    """The first connection to the evictor's host that was set up from then on."""
    candidates = of_host.get((span.process, span.text(names.POOL_EVICTED_BY)), ())
    for each in candidates:
        if each.setup and each.setup.start_ns >= span.start_ns - 5_000_000:
            return each.number
    return 0
