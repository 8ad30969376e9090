"""Family B: the pool is known, nothing in it is idle. Each cause beside its control."""

from __future__ import annotations

from conntrace import semantic_names as names
from tests.integration.conftest import Serve
from tests.integration.running import FIRST, Runner, confidence


def test_pool_growing(run: Runner, serve: Serve) -> None:
    """Two requests at once in a pool of two: it grows by one, which is no fault."""
    server = serve()
    spans = run("with_urllib3", "burst", server.url("a.test"), 2, 2)
    assert len(spans.setups) == server.accepts == 2
    assert spans.causes == [FIRST, "pool_growing_concurrency"]
    assert confidence(spans.setups[1]) == "proved"
    assert spans.setups[1].attributes[names.POOL_IN_USE] == 1
    assert spans.advice == []


def test_pool_growing_with_requests(run: Runner, serve: Serve) -> None:
    """The same through a Session."""
    server = serve()
    spans = run("with_requests", "burst", server.url("a.test"), 2, 2)
    assert spans.causes == [FIRST, "pool_growing_concurrency"]


def test_threads_one_after_the_other(run: Runner, serve: Serve) -> None:
    """Control: threads that take turns share one connection."""
    server = serve()
    spans = run("with_urllib3", "one_after_the_other", server.url("a.test"))
    assert spans.causes == [FIRST]
    assert server.accepts == 1


def test_pool_overflow(run: Runner, serve: Serve) -> None:
    """Two requests at once in a pool of one: one connection too many."""
    server = serve()
    spans = run("with_urllib3", "burst", server.url("a.test"), 1, 2)
    assert len(spans.setups) == server.accepts == 2
    assert spans.causes == [FIRST, "pool_overflow_concurrency"]
    setup = spans.setups[1]
    assert confidence(setup) == "proved"
    assert setup.attributes[names.POOL_MAXSIZE] == 1
    assert setup.attributes[names.POOL_IN_USE] == 1


def test_pool_overflow_with_boto3(run: Runner, serve: Serve) -> None:
    """max_pool_connections=1 and two downloads at once."""
    server = serve()
    spans = run("with_boto3", "burst", server.url(), 1)
    assert spans.causes == [FIRST, "pool_overflow_concurrency"]


def test_pool_large_enough_with_boto3(run: Runner, serve: Serve) -> None:
    """Control: max_pool_connections=2 grows and does not overflow."""
    server = serve()
    spans = run("with_boto3", "burst", server.url(), 2)
    assert spans.causes == [FIRST, "pool_growing_concurrency"]
    assert spans.advice == []


def test_overflow_again_names_the_discarded(run: Runner, serve: Serve) -> None:
    """The second burst misses what was thrown away after the first, and is worth advice."""
    server = serve()
    spans = run("with_urllib3", "burst", server.url("a.test"), 1, 2, 2)
    assert spans.causes == [FIRST, *["pool_overflow_concurrency"] * 2]
    last = spans.setups[2]
    assert "discarded_pool_full" in last.attributes[names.CAUSE_CONTRIBUTING]
    assert "maxsize" in str(last.attributes[names.CAUSE_ADVICE])
    closes = spans.named(names.CONNECTION_CLOSE)
    reasons = [close.attributes[names.CLOSE_REASON] for close in closes]
    assert reasons.count("discarded_pool_full") == 2


def test_discarded_pool_full(run: Runner, serve: Serve) -> None:
    """A connection thrown away for want of room is missed when the queue is empty later."""
    server = serve()
    spans = run("with_urllib3", "lose_after_discard", server.url("a.test"))
    assert spans.causes == [FIRST, "pool_overflow_concurrency", "discarded_pool_full"]
    setup = spans.setups[2]
    assert confidence(setup) == "proved"
    (close,) = spans.linked(setup)
    assert close.attributes[names.CLOSE_REASON] == "discarded_pool_full"
    assert close.attributes[names.CLOSE_INITIATOR] == "local"


def test_placeholder_above_idle(run: Runner, serve: Serve) -> None:
    """A failed request puts an empty slot on top of an idle connection; the next one takes it."""
    server = serve()
    urls = server.url("a.test"), server.url("a.test", "/pause/3000")
    spans = run("with_failures", "empty_slot_on_top", *urls)
    assert len(spans.setups) == server.accepts == 3
    assert spans.causes == [FIRST, "pool_growing_concurrency", "placeholder_above_idle"]
    setup = spans.setups[2]
    assert confidence(setup) == "proved"
    assert setup.attributes[names.POOL_IDLE] == 1
    (failed,) = spans.linked(setup)
    assert failed.error
    assert failed in spans.requests


def test_no_placeholder_above_idle(run: Runner, serve: Serve) -> None:
    """Control: when both succeed there is no empty slot, and the third request is a reuse."""
    server = serve()
    urls = server.url("a.test"), server.url("a.test", "/pause/500")
    spans = run("with_failures", "empty_slot_on_top", *urls)
    assert spans.causes == [FIRST, "pool_growing_concurrency"]
    assert server.accepts == 2


def test_waiting_pool(run: Runner, serve: Serve) -> None:
    """Control: with block=True the second request waits, and a span shows how long."""
    server = serve()
    spans = run("with_urllib3", "wait_for_connection", server.url("a.test"))
    assert spans.causes == [FIRST]
    assert server.accepts == 1
    (wait,) = spans.named(names.WAIT_FOR_CONNECTION)
    assert wait.end_ns - wait.start_ns > 100_000_000
    assert spans.parent(wait) in spans.requests
