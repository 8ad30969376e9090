"""Family G: lookups and connects that no HTTP client known to us asked for."""

from __future__ import annotations

import pytest
from tests.unit.analyzer.streams import Stream, text

from conntrace.events import ConnectEnd, ConnectStart, LookupEnd, LookupStart


def look_up(stream: Stream, operation: int, *answers: str, error: str = "", **more: object) -> None:
    event = LookupStart(operation=operation, function="getaddrinfo", host="db.example", port=5432)
    for name, value in more.items():
        setattr(event, name, value)
    stream.send(event)
    stream.sleep(0.003)
    stream.send(LookupEnd(operation=operation, answers=answers, error=error))


def connect(
    stream: Stream, operation: int, address: str, error: str = "", port: int = 5432
) -> None:
    stream.send(ConnectStart(operation=operation, address=address, port=port))
    stream.sleep(0.001)
    stream.send(ConnectEnd(operation=operation, error=error))


def test_a_raw_socket_has_lookup_and_connect_and_no_setup() -> None:
    """unpooled_socket on both."""
    stream = Stream()
    look_up(stream, 1, "192.0.2.7")
    connect(stream, 2, "192.0.2.7")
    result = stream.analyze()
    assert result.setups == []
    for name in ("DNS lookup db.example", "socket connect 192.0.2.7:5432"):
        assert text(result.one(name), "conntrace.cause.name") == "unpooled_socket"
        assert text(result.one(name), "conntrace.cause.confidence") == "proved"
        assert text(result.one(name), "conntrace.purpose") == "app"


def test_a_lookup_for_its_own_sake_is_explicit() -> None:
    """The thread went on with something else."""
    stream = Stream()
    pool = stream.pool(stream.manager())
    look_up(stream, 1, "192.0.2.7")
    stream.request(pool)
    lookup = stream.analyze().one("DNS lookup db.example")
    assert text(lookup, "conntrace.cause.name") == "explicit_lookup"
    assert text(lookup, "conntrace.cause.confidence") == "proved"
    assert "conntrace.cause.advice" not in lookup.attributes


def test_a_lookup_whose_end_comes_before_its_purpose_shows_is_only_likely_explicit() -> None:
    """The process ended right after it."""
    stream = Stream()
    look_up(stream, 1, "192.0.2.7")
    lookup = stream.analyze().one("DNS lookup")
    assert text(lookup, "conntrace.cause.confidence") == "inferred"


def test_a_second_without_a_connect_settles_a_lookup() -> None:
    """Later events of any thread show that the second has passed."""
    stream = Stream()
    look_up(stream, 1, "192.0.2.7")
    stream.sleep(1.1)
    stream.thread = 7
    connect(stream, 2, "192.0.2.7")
    result = stream.analyze()
    assert text(result.one("DNS lookup"), "conntrace.cause.name") == "explicit_lookup"


def test_a_connect_by_another_thread_makes_a_raw_socket_likely() -> None:
    """asyncio looks names up in a thread pool and connects in the loop."""
    stream = Stream()
    look_up(stream, 1, "192.0.2.7")
    look_up(stream, 3, "192.0.2.8")
    stream.thread = 7
    connect(stream, 2, "192.0.2.7")
    connect(stream, 4, "192.0.2.8")
    lookups = stream.analyze().named("DNS lookup")
    assert len(lookups) == 2
    for lookup in lookups:
        assert text(lookup, "conntrace.cause.name") == "unpooled_socket"
        assert text(lookup, "conntrace.cause.confidence") == "inferred"


def test_a_raw_socket_that_tries_a_second_address_falls_back() -> None:
    """Numbers and cause of the attempts, as within a set-up."""
    stream = Stream()
    look_up(stream, 1, "192.0.2.7", "192.0.2.8")
    connect(stream, 2, "192.0.2.7", "connection_refused")
    connect(stream, 3, "192.0.2.8")
    one, two = stream.analyze().named("socket connect")
    assert one.attributes["conntrace.attempt.count"] == 2
    assert text(one, "conntrace.cause.name") == "unpooled_socket"
    assert text(two, "conntrace.cause.name") == "address_fallback"


def test_many_ports_of_one_host_are_no_further_addresses() -> None:
    """Without a port in the lookup (gethostbyname) the first connect says which service it was."""
    stream = Stream()
    look_up(stream, 1, "192.0.2.7", "192.0.2.8", function="gethostbyname", port=0)
    for port in range(1, 50):
        connect(stream, 1 + port, "192.0.2.7", error="connection_refused", port=port)
    connects = stream.analyze().named("socket connect")
    assert len(connects) == 49
    for span in connects:
        assert text(span, "conntrace.cause.name") == "unpooled_socket"
        assert span.attributes["conntrace.attempt.count"] == 1


@pytest.mark.parametrize(
    ("address", "port"), [("192.0.2.7", 5432), ("192.0.2.8", 21)], ids=["retry", "other port"]
)
def test_what_follows_a_refusal_is_not_always_the_next_address(address: str, port: int) -> None:
    """A retry, and a connect to an answer of the lookup but to another service, stand alone."""
    stream = Stream()
    look_up(stream, 1, "192.0.2.7", "192.0.2.8")
    connect(stream, 2, "192.0.2.7", error="connection_refused")
    connect(stream, 3, address, port=port)
    connects = stream.analyze().named("socket connect")
    assert len(connects) == 2
    for span in connects:
        assert text(span, "conntrace.cause.name") == "unpooled_socket"
        assert span.attributes["conntrace.attempt.count"] == 1


def test_a_failed_lookup_is_not_guessed_at() -> None:
    """Whoever would have connected could not."""
    stream = Stream()
    look_up(stream, 1, error="host_not_found")
    lookup = stream.analyze().one("DNS lookup")
    assert text(lookup, "conntrace.cause.name") == "unexplained"
    assert lookup.attributes["error.type"] == "host_not_found"


@pytest.mark.parametrize(
    ("function", "cause"),
    [
        ("sendto", "datagram_hostname"),
        ("connect", "implicit_connect_resolution"),
        ("getaddrinfo", "explicit_lookup"),
    ],
)
def test_a_lookup_that_only_an_audit_event_showed_has_no_duration(
    function: str, cause: str
) -> None:
    """Marked as such, and told by the event's name."""
    stream = Stream()
    stream.send(LookupStart(operation=1, function=function, host="log.example", audit=True))
    lookup = stream.analyze().one("DNS lookup")
    assert lookup.start_ns == lookup.end_ns
    assert lookup.attributes["conntrace.observed_by"] == "audit"
    assert text(lookup, "conntrace.cause.name") == cause


def test_an_ip_literal_is_counted_and_not_shown() -> None:
    """not_a_lookup is a counter."""
    stream = Stream()
    look_up(stream, 1, "192.0.2.7", literal=True)
    result = stream.analyze()
    assert result.spans == []
    assert result.summary.lookups == 0


def test_a_reverse_lookup_is_named_so() -> None:
    """Address to name: no connect is expected."""
    stream = Stream()
    look_up(stream, 1, "db.example", reverse=True, host="192.0.2.7")
    lookup = stream.analyze().one("DNS reverse lookup 192.0.2.7")
    assert text(lookup, "conntrace.cause.name") == "explicit_lookup"


def test_of_two_lookups_the_one_for_that_port_led_to_the_connect() -> None:
    """The machine's own name, asked for before, has the same address and named no port."""
    stream = Stream()
    look_up(stream, 1, "192.0.2.7", function="gethostbyname", host="me.example", port=0)
    look_up(stream, 2, "192.0.2.7")
    stream.thread = 7
    connect(stream, 3, "192.0.2.7")
    result = stream.analyze()
    assert text(result.one("DNS lookup me.example"), "conntrace.cause.name") == "explicit_lookup"
    assert text(result.one("DNS lookup db.example"), "conntrace.cause.name") == "unpooled_socket"


def test_a_connect_after_other_lookups_of_the_thread_is_only_likely_the_first_ones() -> None:
    """Only the address says so, and another name may have it too."""
    stream = Stream()
    look_up(stream, 1, "192.0.2.7")
    look_up(stream, 2, "192.0.2.8", host="other.example")
    connect(stream, 3, "192.0.2.7")
    lookup = stream.analyze().one("DNS lookup db.example")
    assert text(lookup, "conntrace.cause.name") == "unpooled_socket"
    assert text(lookup, "conntrace.cause.confidence") == "inferred"


def test_a_connect_that_nobody_asks_about_is_shown_in_the_end() -> None:
    """A program may use the socket for hours: its span need not wait for that."""
    stream = Stream()
    stream.send(ConnectStart(operation=1, address="192.0.2.7", port=5432))
    stream.sleep(0.001)
    stream.send(ConnectEnd(operation=1, in_progress=True))
    stream.sleep(100)
    look_up(stream, 2, "192.0.2.8")
    stream.sleep(60)
    look_up(stream, 3, "192.0.2.9")
    shown = stream.analyze().spans[0]
    assert shown.name == "socket connect 192.0.2.7:5432"
    # To the return of the call, and the stream's own step.
    assert shown.end_ns - shown.start_ns == 1_100_000
    assert not shown.error
    evidence = shown.attributes["conntrace.cause.evidence"]
    assert "did not ask" in str(evidence)
