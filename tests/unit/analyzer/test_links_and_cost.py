"""What was lost and what missed it, in traces of their own; and what could have been saved."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from tests.unit.analyzer.streams import Result, Stream, number, verdict

from conntrace.events import Close, LeaseEnd, RequestStart
from conntrace.semantic_names import CONNECTION_CLOSE, POOL_EVICTION

FIRST_TRACE, SECOND_TRACE = "a" * 32, "b" * 32


def in_traces(stream: Stream) -> Stream:
    """The stream's first request is of one trace, all later ones of another."""
    starts = [event for event in stream.events if isinstance(event, RequestStart)]
    for index, start in enumerate(starts):
        start.trace_id = SECOND_TRACE if index else FIRST_TRACE
        start.span_id = "c" * 16
    return stream


def evicted() -> Stream:
    """Another host takes the place of the only pool."""
    stream = Stream()
    manager = stream.manager(num_pools=1)
    first = stream.pool(manager, "a.example", num_pools=1)
    stream.request(first)
    other = stream.pool(manager, "b.example", num_pools=1)
    stream.evict(first, other, manager, 1)
    stream.request(stream.pool(manager, "a.example", num_pools=1))
    return stream


def found_closed() -> Stream:
    """The server closes the idle connection."""
    stream = Stream()
    pool = stream.pool(stream.manager())
    stream.request(pool)
    stream.sleep(60)
    stream.request(pool, stream.server_closed(pool, 30))
    return stream


def leaked() -> Stream:
    """A response is dropped unread, and takes the only connection with it."""
    stream = Stream()
    pool = stream.pool(stream.manager())
    request = stream.start(pool)
    stream.checkout(request, pool)
    connection = stream.setup(pool, request)
    stream.answer(request, connection)
    stream.send(Close(connection=connection, by="collected"))
    stream.send(
        LeaseEnd(connection=connection, pool=pool, request=request, how="collected", unread=True)
    )
    stream.pools[pool].in_use.clear()
    stream.request(pool, {"outcome": "empty"})
    return stream


def discarded() -> Stream:
    """A connection comes back to a full pool; later the pool has none left to give."""
    stream = Stream()
    pool = stream.pool(stream.manager())
    request = stream.start(pool)
    stream.checkout(request, pool)
    connection = stream.setup(pool, request)
    stream.answer(request, connection)
    stream.put(pool, connection, request, how="full")
    stream.request(pool, {"outcome": "empty"})
    return stream


def missed_and_lost(result: Result) -> tuple[str, str]:
    """The trace of the last set-up, and the trace of the first one's connection."""
    return result.setups[-1].trace_id, result.setups[0].trace_id


@pytest.mark.parametrize(
    ("make", "name", "cause"),
    [
        (evicted, POOL_EVICTION, "pool_evicted_lru"),
        (found_closed, CONNECTION_CLOSE, "server_closed_idle"),
        (leaked, CONNECTION_CLOSE, "lease_leaked_unread"),
        (discarded, CONNECTION_CLOSE, "discarded_pool_full"),
    ],
)
def test_links_lead_across_traces(make: Callable[[], Stream], name: str, cause: str) -> None:
    """The set-up that misses a connection links to the span in which it was lost."""
    result = in_traces(make()).analyze()
    assert result.causes[-1] == cause
    assert missed_and_lost(result) == (SECOND_TRACE, FIRST_TRACE)
    (link,) = result.setups[-1].links
    lost = result.by_id(link.span_id)
    assert lost is not None
    assert lost.name.startswith(name)
    assert link.trace_id == lost.trace_id


def test_a_close_links_to_its_set_up_in_another_trace() -> None:
    """From the moment it was noticed back to the moment it was made."""
    result = in_traces(found_closed()).analyze()
    close = result.one(CONNECTION_CLOSE)
    assert close.trace_id == SECOND_TRACE
    assert [link.trace_id for link in close.links] == [FIRST_TRACE]


def test_only_what_a_change_would_save_is_avoidable() -> None:
    """The sum of the set-ups whose cause names a change, and of no other."""
    result = evicted().analyze()
    avoidable = [
        setup for setup in result.setups if setup.attributes["conntrace.cause.avoidable"] is True
    ]
    saved = sum(setup.end_ns - setup.start_ns for setup in avoidable)
    assert [verdict(setup)[0] for setup in avoidable] == ["pool_evicted_lru"]
    assert result.summary.avoidable_s == pytest.approx(saved / 1e9)
    assert all("conntrace.cause.advice" in setup.attributes for setup in avoidable)
    assert 0 < result.summary.avoidable_s < result.summary.setup_s


def test_nothing_is_avoidable_that_had_to_be() -> None:
    """Control: first uses cost something, and no change is named that would save it."""
    stream = Stream()
    stream.request(stream.pool(stream.manager()))
    result = stream.analyze()
    assert result.summary.avoidable_s == 0
    assert result.summary.setup_s > 0
    assert number(result.setups[0], "conntrace.pool.in_use") == 0
