"""The span tree: names, parents, times, links, attributes."""

from __future__ import annotations

import itertools

import pytest
from tests.unit.analyzer.streams import EPOCH_NS, SECOND, Result, Stream, analyze, number, text

from conntrace.analyzer.span import Span
from conntrace.events import (
    CallEnd,
    CallStart,
    Checkout,
    Clock,
    Close,
    RequestEnd,
    RequestStart,
)

OTEL_TRACE, OTEL_SPAN = "a" * 32, "b" * 16


def simple() -> tuple[Stream, int]:
    stream = Stream()
    return stream, stream.pool(stream.manager("requests.Session", "app.py:3"))


def parent_of(result: Result, span: Span) -> str:
    parent = result.by_id(span.parent_span_id)
    return parent.name if parent is not None else ""


def assert_children_inside(result: Result) -> None:
    for span in result.spans:
        assert span.start_ns <= span.end_ns
        parent = result.by_id(span.parent_span_id)
        if parent is not None:
            assert parent.start_ns <= span.start_ns <= span.end_ns <= parent.end_ns, span.name
            assert parent.trace_id == span.trace_id


def test_a_new_connection_is_a_tree_under_its_request() -> None:
    """Request, set-up, and the steps of the set-up, in the wall clock."""
    stream, pool = simple()
    stream.request(pool)
    result = stream.analyze()
    request = result.one("GET")
    setup = result.one("HTTP connection_setup api.example.com:443")
    assert request.kind == "CLIENT"
    assert request.parent_span_id == ""
    assert setup.parent_span_id == request.span_id
    for name in ("DNS lookup api.example.com", "socket connect 192.0.2.1:443", "TLS client"):
        assert result.one(name).parent_span_id == setup.span_id
    assert_children_inside(result)
    assert EPOCH_NS <= request.start_ns < EPOCH_NS + SECOND
    assert request.attributes["url.full"] == "https://api.example.com/items"
    assert request.attributes["http.response.status_code"] == 200
    assert request.attributes["conntrace.connection.reused"] is False
    assert (
        request.attributes["conntrace.connection.id"] == setup.attributes["conntrace.connection.id"]
    )
    assert text(setup, "conntrace.connection.id").startswith("01234567-")
    lookup = result.one("DNS lookup")
    assert lookup.attributes["dns.answers"] == ["192.0.2.1"]
    assert text(lookup, "conntrace.cause.name") == "first_use_of_destination"
    assert "conntrace.cause.advice" not in lookup.attributes
    handshake = result.one("TLS client")
    assert handshake.attributes["tls.protocol.name"] == "tls"
    assert handshake.attributes["tls.protocol.version"] == "1.3"
    assert dict(request.resource.attributes)["service.name"] == "shop"


@pytest.mark.parametrize(
    ("host", "port", "full"),
    [("proxy.test", 3128, None), ("api.example.com", 443, "https://api.example.com/items")],
)
def test_the_url_of_a_request_through_a_proxy(host: str, port: int, full: str | None) -> None:
    """A request that is sent to the proxy itself is for another host; in a tunnel it is not."""
    stream = Stream()
    pool = stream.pool(stream.manager(), host, port, proxy="proxy.test:3128")
    stream.request(pool)
    assert stream.analyze().one("GET").attributes.get("url.full") == full


def test_a_reused_connection_tells_its_age_and_idle_time() -> None:
    """No set-up; the request holds what is known of its connection."""
    stream, pool = simple()
    stream.request(pool)
    stream.sleep(2)
    stream.request(pool)
    result = stream.analyze()
    request = result.named("GET")[1]
    assert len(result.setups) == 1
    assert request.attributes["conntrace.connection.reused"] is True
    assert abs(number(request, "conntrace.connection.idle_s") - 2) < 0.01
    assert number(request, "conntrace.connection.age_s") > 2
    assert request.attributes["conntrace.connection.requests"] == 2


def test_under_an_opentelemetry_span_its_trace_is_used() -> None:
    """The request hangs under the program's own span."""
    stream, pool = simple()
    stream.request(pool, trace_id=OTEL_TRACE, span_id=OTEL_SPAN)
    result = stream.analyze()
    request = result.one("GET")
    assert (request.trace_id, request.parent_span_id) == (OTEL_TRACE, OTEL_SPAN)
    assert request.foreign_parent
    assert not result.setups[0].foreign_parent


def test_beside_another_instrumentation_no_request_span_is_made() -> None:
    """Children hang under theirs; the cause is told as soon as it is known."""
    stream, pool = simple()
    told: list[tuple[str, int, dict[str, object]]] = []
    request = stream.start(pool)
    stream.checkout(request, pool, foreign_span=True, trace_id=OTEL_TRACE, span_id=OTEL_SPAN)
    connection = stream.setup(pool, request)
    stream.answer(request, connection)
    result = analyze([stream], on_cause=lambda *what: told.append(what))
    assert result.named("GET") == []
    setup = result.setups[0]
    assert (setup.trace_id, setup.parent_span_id) == (OTEL_TRACE, OTEL_SPAN)
    assert setup.foreign_parent
    ((process, told_request, attributes),) = told
    assert (process, told_request) == (stream.process, request)
    assert attributes["conntrace.cause.name"] == "first_use_of_destination"
    assert attributes["conntrace.connection.reused"] is False


def test_an_sdk_call_is_the_parent_of_its_requests() -> None:
    """botocore's call, when no other tool shows it."""
    stream, pool = simple()
    stream.send(CallStart(call=77, service="DynamoDB", operation="PutItem", region="eu-west-1"))
    stream.request(pool, call=77)
    stream.send(CallEnd(call=77))
    result = stream.analyze()
    call = result.one("DynamoDB.PutItem")
    assert result.one("GET").parent_span_id == call.span_id
    assert call.attributes["rpc.method"] == "PutItem"
    assert_children_inside(result)


def test_a_span_of_the_program_inside_an_sdk_call_is_the_nearer_parent() -> None:
    """A span that was started within our call wins over the call."""
    stream, pool = simple()
    stream.send(CallStart(call=77, service="DynamoDB", operation="PutItem"))
    stream.request(pool, call=77, trace_id=OTEL_TRACE, span_id=OTEL_SPAN)
    stream.send(CallEnd(call=77))
    assert stream.analyze().one("GET").parent_span_id == OTEL_SPAN


def test_a_close_hangs_where_it_was_noticed_and_links_its_setup() -> None:
    """And the set-up it made necessary links the close, across traces."""
    stream, pool = simple()
    stream.request(pool)
    stream.sleep(3)
    stream.request(pool, stream.server_closed(pool, limit_s=2.0))
    result = stream.analyze()
    first, second = result.setups
    close = result.one("HTTP connection_close api.example.com:443")
    assert parent_of(result, close) == "GET"
    assert close.trace_id == second.trace_id != first.trace_id
    assert [link.span_id for link in close.links] == [first.span_id]
    assert [link.span_id for link in second.links] == [close.span_id]
    assert close.attributes["conntrace.close.reason"] == "server_closed_idle"
    assert close.attributes["conntrace.close.initiator"] == "remote"
    assert abs(number(close, "conntrace.connection.idle_s") - 3) < 0.01
    assert close.attributes["conntrace.connection.requests"] == 1
    assert_children_inside(result)


def test_a_connection_is_closed_once() -> None:
    """A second close of the same connection is no second span."""
    stream, pool = simple()
    _, connection = stream.request(pool)
    for _ in range(2):
        stream.send(Close(connection=connection, by="pool"))
    assert len(stream.analyze().named("HTTP connection_close")) == 1


def test_a_wait_for_the_pool_has_its_span() -> None:
    """Only when the pool made the request wait."""
    stream, pool = simple()
    stream.request(pool)
    request = stream.start(pool)
    stream.sleep(0.5)
    stream.checkout(request, pool, wait_ns=SECOND // 2)
    stream.answer(request, 1)
    result = stream.analyze()
    wait = result.one("HTTP wait_for_connection api.example.com:443")
    assert wait.end_ns - wait.start_ns == SECOND // 2
    assert parent_of(result, wait) == "GET"
    assert_children_inside(result)


def test_an_eviction_is_linked_by_the_threads_next_request() -> None:
    """requests and botocore evict before `urlopen` begins."""
    stream = Stream()
    manager = stream.manager(num_pools=1)
    first = stream.pool(manager, "a.example", num_pools=1)
    stream.request(first)
    second = stream.pool(manager, "b.example", num_pools=1)
    stream.evict(first, second, manager, 1)
    stream.request(second)
    again = stream.pool(manager, "a.example", num_pools=1)
    stream.request(again)
    result = stream.analyze()
    eviction = result.one("pool eviction a.example:443")
    assert eviction.attributes["conntrace.pool.evicted_by"] == "b.example:443"
    assert eviction.attributes["conntrace.pool.connections_lost"] == 1
    assert [link.span_id for link in result.named("GET")[1].links] == [eviction.span_id]
    assert [link.span_id for link in result.setups[2].links] == [eviction.span_id]


def test_a_new_pair_of_clocks_never_puts_a_child_outside_its_parent() -> None:
    """The wall clock is set back in the middle of a request."""
    stream, pool = simple()
    request = stream.start(pool)
    stream.checkout(request, pool)
    stream.send(Clock(time_ns=stream.now, wall_ns=EPOCH_NS - 3600 * SECOND))
    connection = stream.setup(pool, request)
    stream.answer(request, connection)
    assert_children_inside(stream.analyze())


def test_a_failing_status_is_an_error_and_a_good_one_is_not() -> None:
    """error.type never stands on success."""
    stream, pool = simple()
    for status in (503, 200):
        request = stream.start(pool)
        checkout = stream.checkout(request, pool)
        connection = checkout.connection or stream.setup(pool, request)
        stream.answer(request, connection, status)
        stream.put(pool, connection, request)
    bad, good = stream.analyze().named("GET")
    assert (bad.error, bad.attributes["error.type"]) == (True, "503")
    assert not good.error
    assert "error.type" not in good.attributes


def test_ids_are_unique_and_well_formed() -> None:
    """From os.urandom, in lower-case hexadecimal."""
    stream, pool = simple()
    for _ in range(300):
        stream.request(pool)
    spans = stream.analyze().spans
    assert len({span.span_id for span in spans}) == len(spans)
    for span in itertools.islice(spans, 50):
        assert (len(span.trace_id), len(span.span_id)) == (32, 16)
        int(span.trace_id + span.span_id, 16)


def test_a_retry_counts_its_resends() -> None:
    """http.request.resend_count goes on along the attempts."""
    stream, pool = simple()
    first, _ = stream.request(pool)
    second, _ = stream.request(pool, previous=first)
    stream.request(pool, previous=second)
    requests = stream.analyze().named("GET")
    found = [span.attributes.get("http.request.resend_count") for span in requests]
    assert found == [None, 1, 2]


def test_events_that_belong_to_nothing_known_do_no_harm() -> None:
    """Ends without starts, check-outs of unknown pools."""
    stream = Stream()
    for event in (
        RequestEnd(request=5),
        Checkout(request=5, pool=9, outcome="reused", connection=3),
        Close(connection=3, by="pool"),
        RequestStart(request=6, pool=9, method="GET"),
        RequestEnd(request=6, status=200),
    ):
        stream.send(event)
    result = stream.analyze()
    assert [span.name for span in result.spans] == ["GET"]
    assert result.summary.failures == 0
