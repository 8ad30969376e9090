"""Families B, D and E: nothing idle, died in use, several connects."""

from __future__ import annotations

import pytest
from tests.unit.analyzer.streams import Stream, text, texts, verdict

from conntrace.events import CaLoad, Close, LeaseEnd, TunnelEnd, TunnelStart


def pool_of(
    maxsize: int, scheme: str = "http", owner: str = "requests.Session"
) -> tuple[Stream, int]:
    stream = Stream()
    manager = stream.manager(owner, "app.py:3")
    return stream, stream.pool(manager, "api.example", 80, scheme=scheme, maxsize=maxsize)


def busy(stream: Stream, pool: int, thread: int) -> tuple[int, int]:
    """A request of another thread that waits for its response."""
    stream.thread = thread
    request = stream.start(pool)
    checkout = stream.checkout(request, pool)
    connection = checkout.connection
    if checkout.outcome != "reused":
        connection = stream.setup(pool, request)
    return request, connection


def done(stream: Stream, pool: int, request: int, connection: int) -> None:
    stream.answer(request, connection)
    stream.put(pool, connection, request)


def test_a_pool_that_grows_gets_no_advice() -> None:
    """Two requests at once in a pool of two: normal."""
    stream, pool = pool_of(2)
    requests = [busy(stream, pool, thread) for thread in (1, 2)]
    for request in requests:
        done(stream, pool, *request)
    assert verdict(stream.analyze().setups[1]) == (
        "pool_growing_concurrency", "proved", False, False,
    )  # fmt: skip


@pytest.mark.parametrize(
    ("owner", "setting"),
    [
        ("requests.Session", "HTTPAdapter(pool_maxsize=2)"),
        ("boto3 s3", "Config(max_pool_connections=2)"),
        ("urllib3.PoolManager", "maxsize of the urllib3.PoolManager's pool from 1 to at least 2"),
    ],
)
def test_overflow_is_avoidable_once_connections_were_thrown_away(owner: str, setting: str) -> None:
    """Two at once in a pool of one, twice: the first connection thrown away is missed later."""
    stream, pool = pool_of(1, owner=owner)
    for _ in range(2):
        requests = [busy(stream, pool, thread) for thread in (1, 2)]
        for request in requests:
            done(stream, pool, *request)
    setups = stream.analyze().setups
    assert verdict(setups[1]) == ("pool_overflow_concurrency", "proved", False, False)
    assert verdict(setups[2]) == ("pool_overflow_concurrency", "proved", True, True)
    assert texts(setups[2], "conntrace.cause.contributing") == ["discarded_pool_full"]
    assert setting in text(setups[2], "conntrace.cause.advice")
    assert setups[2].links


def test_a_pool_large_enough_overflows_never() -> None:
    """Control: two at once in a pool of two, again and again."""
    stream, pool = pool_of(2)
    for _ in range(3):
        requests = [busy(stream, pool, thread) for thread in (1, 2)]
        for request in requests:
            done(stream, pool, *request)
    assert stream.analyze().causes == ["first_use_of_destination", "pool_growing_concurrency"]


def test_a_thread_that_holds_its_own_response_is_not_called_concurrent() -> None:
    """A nested request in one thread: likely overflow, but nothing is advised."""
    stream, pool = pool_of(1)
    first, connection = busy(stream, pool, 1)
    stream.answer(first, connection)
    busy(stream, pool, 1)
    assert verdict(stream.analyze().setups[1])[1:] == ("inferred", False, False)


def test_discarded_connections_explain_an_empty_pool_that_is_not_busy() -> None:
    """The queue was empty, others were put back meanwhile, and some had been thrown away."""
    stream, pool = pool_of(1)
    for request in [busy(stream, pool, thread) for thread in (1, 2)]:
        done(stream, pool, *request)
    missed = stream.start(pool)
    stream.checkout(missed, pool, outcome="empty", connection=0, in_use=0)
    stream.setup(pool, missed)
    assert verdict(stream.analyze().setups[2])[:2] == ("discarded_pool_full", "proved")


@pytest.mark.parametrize(
    ("how", "by", "unread", "cause", "avoidable"),
    [
        ("collected", "collected", True, "lease_leaked_unread", True),
        ("closed", "response_close", True, "client_closed_response_early", False),
    ],
)
def test_a_lost_slot_is_told_by_how_its_lease_ended(
    how: str, by: str, unread: bool, cause: str, avoidable: bool
) -> None:
    """A response that was collected unread, or closed early, took its connection with it."""
    stream, pool = pool_of(1)
    request, connection = busy(stream, pool, 1)
    stream.answer(request, connection)
    stream.send(Close(connection=connection, by=by, request=request))
    stream.send(LeaseEnd(connection=connection, pool=pool, request=request, how=how, unread=unread))
    stream.pools[pool].in_use.clear()
    request = stream.start(pool)
    stream.checkout(request, pool, outcome="empty", in_use=0)
    stream.setup(pool, request)
    setup = stream.analyze().setups[1]
    assert verdict(setup)[:3] == (cause, "proved", avoidable)
    assert setup.links


def test_a_slot_above_an_idle_connection_is_seen() -> None:
    """The pool is a stack; the snapshot shows an idle connection deeper down."""
    stream, pool = pool_of(2)
    requests = [busy(stream, pool, thread) for thread in (1, 2)]
    done(stream, pool, *requests[0])
    request, connection = requests[1]
    stream.fail(pool, request, connection, "timed_out")
    request = stream.start(pool)
    stream.checkout(request, pool, outcome="placeholder", connection=0, idle_others=1)
    stream.setup(pool, request)
    assert verdict(stream.analyze().setups[2]) == (
        "placeholder_above_idle", "proved", False, False,
    )  # fmt: skip


@pytest.mark.parametrize(
    ("failure", "phase", "left"),
    [
        ({"lookup_error": "host_not_found"}, "looking the name up", "left no connection"),
        (
            {"addresses": [("192.0.2.1", "connection_refused")]},
            "while connecting",
            "left no connection",
        ),
        ({"error": "tls_certificate_invalid"}, "TLS handshake", "closed its connection"),
    ],
)
def test_a_failed_setup_makes_the_next_one_a_replacement(
    failure: dict[str, object], phase: str, left: str
) -> None:
    """The retry carries the error of the first attempt, and a link to its span."""
    stream, pool = pool_of(1, "https")
    first = stream.start(pool)
    stream.checkout(first, pool)
    setup = stream.setup(pool, first, **failure)  # type: ignore[arg-type]
    error = str(stream.events[-1].error)  # type: ignore[attr-defined]
    stream.fail(pool, first, setup, error)
    stream.request(pool, previous=first)
    result = stream.analyze()
    failed, replaced = result.setups
    assert failed.error
    assert failed.attributes["error.type"] == error
    assert verdict(replaced) == ("replaced_after_error", "proved", False, False)
    assert phase in text(replaced, "conntrace.cause.detail")
    assert text(replaced, "conntrace.cause.detail").endswith(left)
    assert error in text(replaced, "conntrace.cause.detail")
    assert [link.span_id for link in replaced.links] == [failed.span_id]
    contributing = texts(replaced, "conntrace.cause.contributing")
    assert contributing == (["tls_handshake_failed"] if "error" in failure else [])


def test_a_new_connection_that_dies_without_a_response_makes_the_next_one_a_replacement() -> None:
    """The failed request's span is linked; its slot is taken by a later request too."""
    stream, pool = pool_of(1)
    request, connection = busy(stream, pool, 1)
    stream.fail(pool, request, connection, "remote_disconnected")
    stream.request(pool)
    result = stream.analyze()
    assert result.causes[1] == "replaced_after_error"
    failed = result.named("GET")[0]
    assert [link.span_id for link in result.setups[1].links] == [failed.span_id]


def test_a_reused_connection_that_was_dead_on_arrival_is_stale() -> None:
    """On a reused connection a reset without a response is likely staleness; no advice."""
    stream, pool = pool_of(1)
    stream.request(pool)
    stream.sleep(5)
    request, connection = busy(stream, pool, 1)
    stream.fail(pool, request, connection, "connection_reset")
    stream.request(pool, previous=request)
    assert verdict(stream.analyze().setups[1]) == (
        "stale_reset_on_reuse", "inferred", False, False,
    )  # fmt: skip


def test_a_failed_slot_is_taken_once() -> None:
    """The request after the replacement reuses; growth afterwards is growth."""
    stream, pool = pool_of(3)
    request, connection = busy(stream, pool, 1)
    stream.fail(pool, request, connection, "timed_out")
    requests = [busy(stream, pool, thread) for thread in (1, 2)]
    for each in requests:
        done(stream, pool, *each)
    assert stream.analyze().causes[1:] == ["replaced_after_error", "pool_growing_concurrency"]


def test_a_second_address_is_a_fallback() -> None:
    """The first address refused: index, count, and the cause of the second connect."""
    stream, pool = pool_of(1)
    request = stream.start(pool)
    stream.checkout(request, pool)
    addresses = [("2001:db8::1", "network_unreachable"), ("192.0.2.1", "")]
    connection = stream.setup(pool, request, addresses=addresses)
    done(stream, pool, request, connection)
    result = stream.analyze()
    one, two = result.named("socket connect")
    assert one.name == "socket connect [2001:db8::1]:80"
    assert one.attributes["conntrace.attempt.index"] == 1
    assert two.attributes["conntrace.attempt.index"] == 2
    assert one.attributes["conntrace.attempt.count"] == 2
    assert one.error
    assert text(two, "conntrace.cause.name") == "address_fallback"
    setup = result.setups[0]
    assert verdict(setup)[0] == "first_use_of_destination"
    assert texts(setup, "conntrace.cause.contributing") == ["address_fallback"]


def test_of_several_dead_addresses_the_number_is_told() -> None:
    """One, then two failed before."""
    stream, pool = pool_of(1)
    request = stream.start(pool)
    stream.checkout(request, pool)
    dead = [(f"192.0.2.{number}", "timed_out") for number in (1, 2)]
    connection = stream.setup(pool, request, addresses=[*dead, ("192.0.2.3", "")])
    done(stream, pool, request, connection)
    _, two, three = stream.analyze().named("socket connect")
    assert texts(two, "conntrace.cause.evidence") == ["1 address failed before"]
    assert texts(three, "conntrace.cause.evidence") == ["2 addresses failed before"]


def test_a_tunnel_and_a_ca_load_have_a_part_in_the_setup() -> None:
    """Contributing, never the cause."""
    stream, pool = pool_of(1)
    request = stream.start(pool)
    stream.checkout(request, pool)
    connection = stream.setup(pool, request)
    end = stream.events.pop()
    stream.send(TunnelStart(operation=900, setup=connection, host="api.example", port=443))
    stream.send(TunnelEnd(operation=900))
    stream.sleep(0.02)
    stream.send(CaLoad(operation=901, setup=connection, duration_ns=19_000_000))
    end.time_ns = 0
    stream.send(end)
    result = stream.analyze()
    assert texts(result.setups[0], "conntrace.cause.contributing") == [
        "proxy_tunnel", "ca_bundle_load",
    ]  # fmt: skip
    load = result.one("TLS trust store load")
    assert load.end_ns - load.start_ns == 19_000_000


def test_a_closed_response_is_not_counted_as_in_use() -> None:
    """The pool's own count still holds the lease; no overflow is claimed."""
    stream, pool = pool_of(1)
    request, connection = busy(stream, pool, 1)
    stream.answer(request, connection)
    stream.send(Close(connection=connection, by="response_close"))
    request, connection = busy(stream, pool, 1)
    done(stream, pool, request, connection)
    assert verdict(stream.analyze().setups[1]) == (
        "client_closed_response_early",
        "proved",
        False,
        False,
    )


def test_a_connection_closed_early_that_came_back_is_missed_once() -> None:
    """It is found closed at the next check-out; what the pool grows by later has its own reason."""
    stream, pool = pool_of(10)
    request, connection = busy(stream, pool, 1)
    stream.answer(request, connection)
    stream.send(Close(connection=connection, by="response_close", request=request, rest_bytes=9))
    stream.put(pool, connection, request)
    stream.pools[pool].idle.clear()
    stream.request(pool, {"outcome": "closed", "connection": connection})
    busy(stream, pool, 1)
    busy(stream, pool, 2)
    assert stream.analyze().causes[1:] == [
        "client_closed_response_early",
        "pool_growing_concurrency",
    ]


def test_a_leak_explains_one_missing_connection() -> None:
    """The connection made in its place comes back; a second one beside it is overflow."""
    stream, pool = pool_of(1)
    request, connection = busy(stream, pool, 1)
    stream.answer(request, connection)
    stream.send(Close(connection=connection, by="collected"))
    stream.send(LeaseEnd(connection=connection, pool=pool, request=request, how="collected"))
    stream.pools[pool].in_use.clear()
    for _ in range(2):
        request = stream.start(pool)
        stream.checkout(request, pool, outcome="empty", in_use=0)
        stream.setup(pool, request)
    assert stream.analyze().causes[1:] == ["lease_leaked_unread", "unexplained"]
