"""Family C: the pool held a connection, but it was dead."""

from __future__ import annotations

import pytest
from tests.unit.analyzer.streams import (
    CLOSE_WAIT,
    CLOSED,
    ESTABLISHED,
    Stream,
    number,
    text,
    texts,
    verdict,
)

from conntrace.events import Close


def one_idle(scheme: str = "https") -> tuple[Stream, int]:
    stream = Stream()
    manager = stream.manager("boto3 dynamodb", "handler.py:14")
    pool = stream.pool(manager, "dynamodb.example.com", scheme=scheme)
    stream.request(pool)
    return stream, pool


def test_a_server_that_closes_idle_connections_is_named_with_its_limit() -> None:
    """FIN on an idle connection: the gap minus the age of the FIN is the server's limit."""
    stream, pool = one_idle()
    stream.sleep(3.1)
    stream.request(pool, stream.server_closed(pool, limit_s=2.0))
    result = stream.analyze()
    first, second = result.setups
    assert verdict(first) == ("first_use_of_destination", "proved", False, False)
    assert verdict(second) == ("server_closed_idle", "proved", True, True)
    assert text(second, "conntrace.cause.detail") == (
        "dynamodb.example.com:443 closed the idle connection after 2.0 s;"
        " the next request came after 3.1 s"
    )
    assert number(second, "conntrace.close.server_idle_limit_s") == pytest.approx(2.0, abs=0.01)
    assert text(second, "conntrace.close.initiator") == "remote"
    assert text(second, "conntrace.purpose") == "app"


def test_a_connection_used_within_the_limit_needs_no_setup() -> None:
    """Control: the same pauses on a server that keeps the connection."""
    stream, pool = one_idle()
    stream.sleep(3.1)
    stream.request(pool)
    assert stream.analyze().causes == ["first_use_of_destination"]


@pytest.mark.parametrize(
    ("scheme", "facts", "cause", "confidence"),
    [
        ("http", {"tcp_state": CLOSE_WAIT}, "server_closed_idle", "proved"),
        ("http", {"tcp_state": CLOSED}, "peer_reset_idle", "proved"),
        ("https", {"tcp_state": CLOSED, "pending_bytes": 24}, "peer_reset_idle", "proved"),
        ("http", {"tcp_state": ESTABLISHED, "pending_bytes": 99}, "unsolicited_data", "proved"),
        # A FIN after plaintext bytes changes nothing: the bytes came first.
        ("http", {"tcp_state": CLOSE_WAIT, "pending_bytes": 99}, "unsolicited_data", "proved"),
        # TLS: what waits are records. An alert is a close_notify.
        (
            "https",
            {"tcp_state": CLOSE_WAIT, "pending_bytes": 24, "tls_record": 0x17},
            "server_closed_idle",
            "proved",
        ),
        (
            "https",
            {"tcp_state": ESTABLISHED, "pending_bytes": 31, "tls_record": 0x15},
            "server_closed_idle",
            "proved",
        ),
        (
            "https",
            {"tcp_state": ESTABLISHED, "pending_bytes": 24, "tls_record": 0x17},
            "server_closed_idle",
            "proved",
        ),
        (
            "https",
            {"tcp_state": CLOSE_WAIT, "pending_bytes": 400, "tls_record": 0x17},
            "server_closed_idle",
            "inferred",
        ),
        (
            "https",
            {"tcp_state": ESTABLISHED, "pending_bytes": 250, "tls_record": 0x17},
            "unsolicited_data",
            "inferred",
        ),
        # Where the kernel tells nothing, nothing is claimed.
        ("http", {"tcp_state": 0, "pending_bytes": -1}, "unexplained", "inferred"),
        ("https", {"tcp_state": 0, "pending_bytes": 0}, "unexplained", "inferred"),
    ],
)
def test_the_kernel_tells_how_an_idle_connection_died(
    scheme: str, facts: dict[str, object], cause: str, confidence: str
) -> None:
    """Each combination of TCP state and pending bytes has its own cause; doubt is said."""
    stream, pool = one_idle(scheme)
    stream.sleep(3)
    stream.request(pool, stream.found_dead(pool, **facts))
    setup = stream.analyze().setups[1]
    assert verdict(setup)[:2] == (cause, confidence)
    if confidence == "inferred":
        assert verdict(setup)[2:] == (False, False)
    assert texts(setup, "conntrace.cause.evidence")


def test_a_reset_claims_no_idle_limit() -> None:
    """A RST does not update the kernel's time of the last segment."""
    stream, pool = one_idle()
    stream.sleep(3)
    facts = stream.found_dead(pool, tcp_state=CLOSED, last_ack_received_ms=1000)
    stream.request(pool, facts)
    setup = stream.analyze().setups[1]
    assert "conntrace.close.server_idle_limit_s" not in setup.attributes
    assert verdict(setup)[2:] == (False, False)


def test_bytes_of_a_response_given_back_unread_are_not_the_servers_fault() -> None:
    """The rest of an unread body is `unread_body_released`, not `unsolicited_data`."""
    stream, pool = one_idle("http")
    stream.events[-1].unread = True  # type: ignore[attr-defined]
    stream.request(pool, stream.found_dead(pool, tcp_state=ESTABLISHED, pending_bytes=512))
    assert stream.analyze().causes[1] == "unread_body_released"


@pytest.mark.parametrize(
    ("facts", "cause", "avoidable", "initiator"),
    [
        ({"response_close": True}, "response_connection_close", False, "remote"),
        (
            {"response_close": True, "request_close": True},
            "request_connection_close",
            True,
            "local",
        ),
        ({"response_version": 10}, "http10_no_keepalive", False, "remote"),
        (
            {"response_version": 10, "request_close": True},
            "http10_no_keepalive",
            False,
            "remote",
        ),
        ({"response_length": False}, "response_eof_delimited", False, "remote"),
        (
            {"response_version": 10, "response_keepalive": True, "response_length": False},
            "response_eof_delimited",
            False,
            "remote",
        ),
    ],
)
def test_a_response_that_ends_its_connection_is_told_by_its_headers(
    facts: dict[str, object], cause: str, avoidable: bool, initiator: str
) -> None:
    """Closed by http.client after a response: why, and whose decision it was."""
    stream, pool = one_idle()
    found = stream.ended_by_response(pool, 3, **facts)
    stream.sleep(1)
    stream.request(pool, found)
    setup = stream.analyze().setups[1]
    assert verdict(setup)[:3] == (cause, "proved", avoidable)
    assert text(setup, "conntrace.close.reason") == cause
    assert text(setup, "conntrace.close.initiator") == initiator


def test_an_http10_server_that_was_asked_to_close_shows_both() -> None:
    """Removing the header would not help: HTTP/1.0 is the cause, the header had a part."""
    stream, pool = one_idle()
    stream.request(pool, stream.ended_by_response(pool, 3, response_version=10, request_close=True))
    setup = stream.analyze().setups[1]
    assert texts(setup, "conntrace.cause.contributing") == ["request_connection_close"]


def test_a_bare_objects_server_is_not_blamed_for_a_close_it_may_have_been_asked_for() -> None:
    """Nobody sees the headers that an http.client object sends."""
    stream = Stream()
    first = stream.setup(host="a.example", port=80, scheme="http")
    stream.send(Close(connection=first, by="response", response_version=11, response_close=True))
    stream.setup(host="a.example", port=80, scheme="http", previous=first)
    setup = stream.analyze().setups[1]
    assert verdict(setup) == ("response_connection_close", "inferred", False, False)


def test_a_close_that_nobody_can_read_is_unexplained() -> None:
    """A response with a length and no close header, closed all the same: no cause is invented."""
    stream, pool = one_idle()
    stream.request(pool, stream.ended_by_response(pool, 3))
    assert verdict(stream.analyze().setups[1]) == ("unexplained", "inferred", False, False)


@pytest.mark.parametrize(
    ("after_s", "cause"), [(0.02, "request_connection_close"), (2.0, "server_closed_idle")]
)
def test_a_server_that_was_asked_to_close_and_did_is_not_blamed(after_s: float, cause: str) -> None:
    """The FIN right after a request with `Connection: close` was asked for; a late one was not."""
    stream, pool = one_idle()
    stream.request(pool, sends_close=True)
    stream.sleep(3)
    stream.request(pool, stream.server_closed(pool, limit_s=after_s))
    assert verdict(stream.analyze().setups[1]) == (cause, "proved", True, True)


def test_a_close_that_comes_before_what_the_pool_found_waits_for_it() -> None:
    """urllib3 closes the dead connection inside `_get_conn`: the close is sent first."""
    stream, pool = one_idle()
    stream.sleep(3)
    stream.request(pool, stream.server_closed(pool, limit_s=2.0))
    at = next(i for i, event in enumerate(stream.events) if isinstance(event, Close))
    stream.events.insert(at - 2, stream.events.pop(at))
    result = stream.analyze()
    close = result.one("HTTP connection_close")
    assert text(close, "conntrace.close.reason") == "server_closed_idle"
    assert close.parent_span_id == result.named("GET")[1].span_id
    assert result.setups[1].links[0].span_id == close.span_id


def test_a_connection_that_broke_before_a_status_line_was_broken_by_the_peer() -> None:
    """http.client closes it inside getresponse, like after a response; there was none."""
    stream, pool = one_idle()
    stream.ended_by_response(pool, 3, response_version=0, response_length=False)
    close = stream.analyze().one("HTTP connection_close")
    assert text(close, "conntrace.close.reason") == "broken_by_peer"
    assert text(close, "conntrace.close.initiator") == "remote"
