"""Family D and the latency qualifiers on hand-made streams: what takes too long on real ones."""

from __future__ import annotations

import pytest
from tests.unit.analyzer.streams import (
    CLOSE_WAIT,
    ESTABLISHED,
    Stream,
    analyze,
    text,
    texts,
    verdict,
)

from conntrace.events import (
    Close,
    ConnectEnd,
    ConnectStart,
    LeaseEnd,
    LookupEnd,
    LookupStart,
    RequestEnd,
    SetupEnd,
    SetupStart,
)


def fail(stream: Stream, pool: int, error: str, after_s: float, **facts: object) -> int:
    """A reused connection whose request fails; `facts` are the kernel's words at its close."""
    request = stream.start(pool)
    connection = stream.checkout(request, pool).connection
    stream.sleep(after_s)
    close = Close(connection=connection, by="error", error=error, request=request)
    for name, value in facts.items():
        setattr(close, name, value)
    stream.send(close)
    stream.send(LeaseEnd(connection=connection, pool=pool, request=request, how="error"))
    stream.send(RequestEnd(request=request, error=error, connection=connection))
    stream.pools[pool].in_use.clear()
    return request


def after_failure(error: str, after_s: float, *, idle_s: float = 60, **facts: object) -> Stream:
    """A connection, its idle time, a failed request on it, and a retry on a new one."""
    stream = Stream()
    pool = stream.pool(stream.manager())
    stream.request(pool)
    stream.sleep(idle_s)
    previous = fail(stream, pool, error, after_s, **facts)
    stream.request(pool, previous=previous)
    return stream


def test_a_response_that_the_program_stops_reading() -> None:
    """iter_lines() left before its end: urllib3 closes the connection, but nothing failed."""
    stream = after_failure("GeneratorExit", 0.1, tcp_state=ESTABLISHED, response_begun=True)
    result = stream.analyze()
    assert verdict(result.setups[1]) == ("client_closed_response_early", "proved", False, False)
    close = result.one("HTTP connection_close")
    assert close.attributes["conntrace.close.reason"] == "client_closed_response_early"


@pytest.mark.parametrize("error", ["timed_out", "connection_reset"])
def test_idle_in_flight_drop(error: str) -> None:
    """Longer silence than devices between allow: likely, never proved, whatever ended it."""
    stream = after_failure(error, 300, tcp_state=ESTABLISHED)
    assert verdict(stream.analyze().setups[1]) == ("idle_in_flight_drop", "inferred", False, False)


def test_a_shorter_silence_is_a_slow_server() -> None:
    """Control: the same within the limits of all known devices."""
    stream = after_failure("timed_out", 60, tcp_state=ESTABLISHED)
    assert verdict(stream.analyze().setups[1])[:2] == ("slow_server_timeout", "proved")


def test_the_time_to_connect_is_not_the_servers() -> None:
    """A read time-out on a new connection begins when the connection stands."""
    stream = Stream()
    pool = stream.pool(stream.manager())
    request = stream.start(pool)
    stream.checkout(request, pool)
    setup, model = stream.draw(), stream.pools[pool]
    begun = SetupStart(setup=setup, request=request, pool=pool, client="urllib3")
    begun.scheme, begun.host, begun.port = model.scheme, model.host, model.port
    stream.send(begun)
    stream.sleep(260)
    stream.send(SetupEnd(setup=setup))
    stream.sleep(0.3)
    stream.send(Close(connection=setup, by="error", error="timed_out", tcp_state=ESTABLISHED))
    stream.send(LeaseEnd(connection=setup, pool=pool, request=request, how="error"))
    stream.send(RequestEnd(request=request, error="timed_out", connection=setup))
    stream.pools[pool].in_use.clear()
    stream.request(pool, previous=request)
    replaced = stream.analyze().setups[1]
    assert verdict(replaced)[:2] == ("slow_server_timeout", "proved")
    assert "did not answer within 0.3 s" in text(replaced, "conntrace.cause.detail")


def test_a_late_reset_is_not_stale() -> None:
    """A reset long after the request was no answer to a dead connection."""
    stream = after_failure("connection_reset", 20, tcp_state=7)
    assert verdict(stream.analyze().setups[1])[:2] == ("replaced_after_error", "proved")


@pytest.mark.parametrize("facts", [{}, {"tcp_state": 0}, {"tcp_state": ESTABLISHED, "unacked": 2}])
def test_a_time_out_without_evidence(facts: dict[str, object]) -> None:
    """TCP_INFO withheld, or in doubt: only that the attempt failed is said."""
    stream = after_failure("timed_out", 5, **facts)
    assert verdict(stream.analyze().setups[1])[:2] == ("replaced_after_error", "proved")


def test_a_drop_while_the_network_is_down() -> None:
    """No new connection can be made either: a silent drop is likely at most."""
    stream = Stream()
    pool = stream.pool(stream.manager())
    stream.request(pool)
    stream.sleep(60)
    facts = {"tcp_state": ESTABLISHED, "unacked": 3, "retransmits": 4}
    previous = fail(stream, pool, "timed_out", 5, **facts)
    request = stream.start(pool, previous=previous)
    stream.checkout(request, pool)
    stream.setup(pool, request, addresses=(("192.0.2.1", "timed_out"),))
    assert verdict(stream.analyze().setups[1])[:2] == ("silent_drop_timeout", "inferred")


@pytest.mark.parametrize(
    ("status", "confidence"), [(200, "proved"), (404, "proved"), (502, "inferred"), (0, "inferred")]
)
def test_stale_is_proved_by_the_answer(status: int, confidence: str) -> None:
    """The retry's answer decides; the set-up span waits for it and is the only one."""
    stream = Stream()
    pool = stream.pool(stream.manager())
    stream.request(pool)
    stream.sleep(60)
    facts = {"tcp_state": 7, "last_data_received_ms": 60_000}
    previous = fail(stream, pool, "connection_reset", 0.02, **facts)
    request = stream.start(pool, previous=previous)
    stream.checkout(request, pool)
    connection = stream.setup(pool, request)
    stream.answer(request, connection, status)
    result = stream.analyze()
    assert len(result.setups) == 2
    assert verdict(result.setups[1])[:2] == ("stale_reset_on_reuse", confidence)
    assert text(result.named("DNS lookup")[1], "conntrace.cause.confidence") == confidence


@pytest.mark.parametrize("error", ["remote_disconnected", "tls_eof"])
def test_stale_without_an_end_of_the_retry(error: str) -> None:
    """A process that is killed before the answer: the span is not lost, and nothing is proved."""
    stream = Stream()
    pool = stream.pool(stream.manager())
    stream.request(pool)
    stream.sleep(60)
    previous = fail(stream, pool, error, 0.02)
    request = stream.start(pool, previous=previous)
    stream.checkout(request, pool)
    stream.setup(pool, request)
    assert verdict(stream.analyze().setups[1])[:2] == ("stale_reset_on_reuse", "inferred")


def timed_setup(stream: Stream, lookup_s: float, connect_s: float) -> None:
    """A set-up without a pool, of this speed."""
    setup, operation = stream.draw(), stream.draw()
    stream.send(SetupStart(setup=setup, client="http.client", scheme="http", host="a", port=80))
    stream.send(LookupStart(operation=operation, setup=setup, host="a", function="getaddrinfo"))
    stream.sleep(lookup_s)
    stream.send(LookupEnd(operation=operation, answers=("192.0.2.1",)))
    operation = stream.draw()
    stream.send(ConnectStart(operation=operation, setup=setup, address="192.0.2.1", port=80))
    stream.sleep(connect_s)
    stream.send(ConnectEnd(operation=operation))
    stream.send(SetupEnd(setup=setup))


@pytest.mark.parametrize(
    ("lookup_s", "connect_s", "expected"),
    [
        (0.01, 0.02, []),
        (0.01, 1.02, ["syn_retransmit"]),
        (0.01, 3.05, ["syn_retransmit"]),
        (0.01, 7.1, ["syn_retransmit"]),
        (0.01, 0.95, []),
        (0.01, 2.0, []),
        (5.01, 0.02, ["dns_retransmit"]),
        (10.02, 0.02, ["dns_retransmit"]),
        (4.9, 0.02, []),
        (6.0, 0.02, []),
        (5.01, 1.01, ["syn_retransmit", "dns_retransmit"]),
    ],
)
def test_lost_packets(lookup_s: float, connect_s: float, expected: list[str]) -> None:
    """Only durations near the times at which packets are sent again are told."""
    stream = Stream()
    timed_setup(stream, lookup_s, connect_s)
    (setup,) = stream.analyze().setups
    assert texts(setup, "conntrace.cause.contributing") == expected


def test_addresses_are_not_lookups() -> None:
    """IP literals are counted and make no span."""
    stream = Stream()
    stream.send(LookupStart(operation=stream.draw(), host="192.0.2.1", literal=True))
    result = stream.analyze()
    assert (result.summary.not_lookups, result.summary.lookups) == (1, 0)
    assert not result.spans


def test_redirects_are_redacted_like_other_hosts() -> None:
    """CONNTRACE_REDACT=hosts: who sent the client on is not named either."""
    stream = Stream()
    setup = SetupStart(setup=stream.draw(), client="http.client", scheme="http", host="b.example")
    setup.port, setup.redirect_from, setup.redirect_status = 80, "a.example:80", 302
    stream.send(setup)
    stream.send(SetupEnd(setup=setup.setup))
    (open_one,) = analyze([stream]).setups
    assert verdict(open_one)[:2] == ("redirect_other_origin", "proved")
    assert "a.example:80" in text(open_one, "conntrace.cause.detail")
    (redacted,) = analyze([stream], redact=frozenset({"hosts"})).setups
    assert "example" not in str(redacted.attributes)


def test_a_retry_that_is_given_a_dead_connection_replaces_that_one() -> None:
    """What failed before it is not the reason, and does not stand in for facts that are missing."""
    for state, expected in ((CLOSE_WAIT, "server_closed_idle"), (0, "unexplained")):
        stream = Stream()
        pool = stream.pool(stream.manager(), maxsize=2)
        first = stream.start(pool)
        stream.checkout(first, pool)
        held = stream.setup(pool, first)
        stream.answer(first, held)
        stream.request(pool)
        stream.put(pool, held, first)
        previous = fail(stream, pool, "connection_reset", 5)
        stream.request(pool, stream.found_dead(pool, tcp_state=state), previous=previous)
        assert stream.analyze().causes[-1] == expected
