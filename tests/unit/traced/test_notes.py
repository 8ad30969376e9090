"""Every line the traced side writes is read back by the table of events."""

from __future__ import annotations

from typing import Any

import pytest

from conntrace import events
from conntrace.events_lambda import LAMBDA_EVENTS
from conntrace.traced import notes, notes_connections
from conntrace.traced.call_sites import CallSite, Owner
from conntrace.traced.context import Place
from conntrace.traced.kernel import KeepaliveFacts, TcpFacts
from conntrace.traced.redirects import Redirect

SITE = CallSite("/app/handler.py", 14, "handler")
PLACE = Place(setup=3, request=5, call=7, trace_id="ab" * 16, span_id="cd" * 8)
OWNER = Owner("boto3 dynamodb", "app", "requests.get", SITE)
SPAN = ("ab" * 16, "cd" * 8)
ORIGIN = ("https", "example.test", 443)
TCP = TcpFacts(8, 1, 2, 3, 4, 24, 21)
SITE_FIELDS = {"site_file": "/app/handler.py", "site_line": 14, "site_function": "handler"}
SPAN_FIELDS = {"trace_id": SPAN[0], "span_id": SPAN[1]}
AROUND = {"request": 5, "call": 7, **SPAN_FIELDS}
TCP_FIELDS = {
    "tcp_state": 8,
    "unacked": 1,
    "retransmits": 2,
    "last_data_received_ms": 3,
    "last_ack_received_ms": 4,
}

CASES: list[tuple[bytes, type[events.Event], dict[str, Any]]] = [
    (
        notes.manager_new(1, OWNER, 10),
        events.ManagerNew,
        {
            "manager": 1,
            "owner": "boto3 dynamodb",
            "purpose": "app",
            "one_shot": "requests.get",
            "num_pools": 10,
            **SITE_FIELDS,
        },
    ),
    (notes.manager_closed(1, SITE), events.ManagerClosed, {"manager": 1, **SITE_FIELDS}),
    (notes.manager_gone(1), events.ManagerGone, {"manager": 1}),
    (
        notes.pool_new(
            2, 1, ORIGIN, "proxy:3128", 5, True, 3, 10, "abc", ("ca_certs", "timeout"), OWNER, True
        ),
        events.PoolNew,
        {
            "pool": 2,
            "manager": 1,
            "scheme": "https",
            "host": "example.test",
            "port": 443,
            "proxy": "proxy:3128",
            "maxsize": 5,
            "block": True,
            "pools": 3,
            "num_pools": 10,
            "key": "abc",
            "key_difference": ("ca_certs", "timeout"),
            "owner": "boto3 dynamodb",
            "one_shot": "requests.get",
            "late": True,
            **SITE_FIELDS,
        },
    ),
    (
        notes.pool_evicted(2, 1, 4, ("other.test", 80), 10, 1, PLACE),
        events.PoolEvicted,
        {
            "pool": 2,
            "manager": 1,
            "evictor": 4,
            "evictor_host": "other.test",
            "evictor_port": 80,
            "num_pools": 10,
            "connections_lost": 1,
            "call": 7,
            **SPAN_FIELDS,
        },
    ),
    (notes.pool_closed(2, SITE), events.PoolClosed, {"pool": 2, **SITE_FIELDS}),
    (notes.pool_gone(2), events.PoolGone, {"pool": 2}),
    (
        notes.call_start(7, "DynamoDB", "PutItem", "eu-west-1", SPAN),
        events.CallStart,
        {
            "call": 7,
            "service": "DynamoDB",
            "operation": "PutItem",
            "region": "eu-west-1",
            **SPAN_FIELDS,
        },
    ),
    (notes.call_end(7, "Throttled"), events.CallEnd, {"call": 7, "error": "Throttled"}),
    (
        notes.request_start(99, 5, 2, "PUT", "/a\tb", True, 4, 7, SPAN, True),
        events.RequestStart,
        {
            "time_ns": 99,
            "request": 5,
            "pool": 2,
            "method": "PUT",
            "path": "/a\tb",
            "sends_close": True,
            "previous": 4,
            "call": 7,
            **SPAN_FIELDS,
            "large_body": True,
        },
    ),
    (notes.request_sent(5), events.RequestSent, {"request": 5}),
    (
        notes_connections.checkout_reused(5, 2, 3, SPAN, 10, 11, 1, 2, 4),
        events.Checkout,
        {
            "request": 5,
            "pool": 2,
            "outcome": "reused",
            "connection": 3,
            "foreign_span": True,
            "wait_ns": 10,
            "idle_ns": 11,
            "in_use": 1,
            "queue_size": 2,
            "maxsize": 4,
            **SPAN_FIELDS,
        },
    ),
    (
        notes_connections.checkout(5, 2, "dropped", 3, None, 10, 11, 1, 6, 2, 4, True, TCP),
        events.Checkout,
        {
            "request": 5,
            "pool": 2,
            "outcome": "dropped",
            "connection": 3,
            "wait_ns": 10,
            "idle_ns": 11,
            "in_use": 1,
            "idle_others": 6,
            "queue_size": 2,
            "maxsize": 4,
            "pending_bytes": 24,
            "tls": True,
            "tls_record": 21,
            **TCP_FIELDS,
        },
    ),
    (
        notes_connections.setup_start(
            3, 5, 2, 1, "urllib3", "", ORIGIN, "proxy:3128", 7, SPAN, SITE, Redirect("old:80", 301)
        ),
        events.SetupStart,
        {
            "setup": 3,
            "request": 5,
            "pool": 2,
            "previous": 1,
            "client": "urllib3",
            "scheme": "https",
            "host": "example.test",
            "port": 443,
            "proxy": "proxy:3128",
            "call": 7,
            "redirect_from": "old:80",
            "redirect_status": 301,
            **SPAN_FIELDS,
            **SITE_FIELDS,
        },
    ),
    (
        notes_connections.setup_end(3, "timed_out", KeepaliveFacts(True, 7200, 75, 9)),
        events.SetupEnd,
        {
            "setup": 3,
            "error": "timed_out",
            "keepalive": True,
            "keepalive_idle_s": 7200,
            "keepalive_interval_s": 75,
            "keepalive_count": 9,
        },
    ),
    (
        notes_connections.lookup_start(
            8, "getaddrinfo", "127.0.0.1", 443, False, True, True, PLACE, SITE
        ),
        events.LookupStart,
        {
            "operation": 8,
            "setup": 3,
            "function": "getaddrinfo",
            "host": "127.0.0.1",
            "own_name": True,
            "port": 443,
            "literal": True,
            "audit": True,
            **AROUND,
            **SITE_FIELDS,
        },
    ),
    (
        notes_connections.lookup_end(8, ["127.0.0.1", "::1"], ""),
        events.LookupEnd,
        {"operation": 8, "answers": ("127.0.0.1", "::1")},
    ),
    (
        notes_connections.connect_start(9, "::1", 443, True, True, PLACE, SITE),
        events.ConnectStart,
        {
            "operation": 9,
            "setup": 3,
            "address": "::1",
            "port": 443,
            "datagram": True,
            "audit": True,
            **AROUND,
            **SITE_FIELDS,
        },
    ),
    (
        notes_connections.connect_end(9, "connection_refused", True),
        events.ConnectEnd,
        {"operation": 9, "error": "connection_refused", "in_progress": True},
    ),
    (
        notes_connections.tunnel_start(10, 3, "a.test", 443),
        events.TunnelStart,
        {"operation": 10, "setup": 3, "host": "a.test", "port": 443},
    ),
    (
        notes_connections.tunnel_end(10, "OSError"),
        events.TunnelEnd,
        {"operation": 10, "error": "OSError"},
    ),
    (
        notes_connections.tls_start(11, "a.test", PLACE, SITE),
        events.TlsStart,
        {"operation": 11, "setup": 3, "host": "a.test", **AROUND, **SITE_FIELDS},
    ),
    (
        notes_connections.tls_end(
            11, "", False, "TLSv1.3", "AES", True, "h2", "2030-01-01T00:00:00Z", 0, 9
        ),
        events.TlsEnd,
        {
            "operation": 11,
            "protocol": "TLSv1.3",
            "cipher": "AES",
            "resumed": True,
            "next_protocol": "h2",
            "not_after": "2030-01-01T00:00:00Z",
            "cpu_ns": 0,
            "delay_ns": 9,
        },
    ),
    (
        notes_connections.ca_load(12, 20, "file", "", PLACE, SITE),
        events.CaLoad,
        {
            "operation": 12,
            "setup": 3,
            "duration_ns": 20,
            "source": "file",
            **AROUND,
            **SITE_FIELDS,
        },
    ),
    (
        notes.request_end(5, 200, "", 3),
        events.RequestEnd,
        {"request": 5, "status": 200, "connection": 3},
    ),
    (
        notes_connections.lease_end(3, 2, 5, "stored", True),
        events.LeaseEnd,
        {"connection": 3, "pool": 2, "request": 5, "how": "stored", "unread": True},
    ),
    (
        notes_connections.close(
            3, "response", "", 5, (11, True, True, True), True, TCP, SITE, PLACE, True
        ),
        events.Close,
        {
            "response_begun": True,
            "connection": 3,
            "by": "response",
            "request": 5,
            "response_version": 11,
            "response_close": True,
            "response_keepalive": True,
            "response_length": True,
            "request_close": True,
            "call": 7,
            **SPAN_FIELDS,
            **TCP_FIELDS,
            **SITE_FIELDS,
        },
    ),
    (
        notes.drops(1, 2, 3, ["tcp"]),
        events.Drops,
        {"requests": 1, "events": 2, "failures": 3, "switched_off": ("tcp",)},
    ),
    (notes.goodbye(5), events.Goodbye, {"agent_ns": 5}),
]


@pytest.mark.parametrize(
    ("line", "event_class", "expected"), CASES, ids=lambda each: getattr(each, "kind", "")
)
def test_line_holds_exactly_the_facts_given(
    line: bytes, event_class: type[events.Event], expected: dict[str, Any]
) -> None:
    """Each field arrives under its own name; those not given keep their default."""
    event = events.decode(line)

    blank = event_class()
    found = {
        name: getattr(event, name)
        for name in event_class.__dataclass_fields__
        if getattr(event, name) != getattr(blank, name)
    }
    found.pop("thread")
    if "time_ns" not in expected:
        assert found.pop("time_ns") > 0
    assert expected == found


def test_every_kind_of_event_but_hello_and_clock_has_a_note() -> None:
    """No kind is forgotten: hello is written by the recorder, clock by the Lambda side."""
    written = {line.partition(b"\t")[0].decode() for line, _, _ in CASES}

    elsewhere = {"hello", "clock", *(event.kind for event in LAMBDA_EVENTS)}
    assert {event.kind for event in events.EVENTS} - elsewhere == written
