"""Invocations of a Lambda function become spans: names, parents, links, totals."""

from __future__ import annotations

import pytest
from tests.unit.analyzer.lambda_streams import ARN, LambdaStream, below, invocations
from tests.unit.analyzer.streams import MILLISECOND, SECOND, number, text

from conntrace.analyzer.pipeline import PLATFORM, Pipeline
from conntrace.analyzer.span import Link
from conntrace.events import encode
from conntrace.events_lambda import InvocationEnd, InvocationStart, PlatformInit, PlatformShutdown
from conntrace.testing import Spans, replay

TRACE, SPAN = "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"
XRAY_TRACE, XRAY_SPAN = "5759e988bd862e3fe1be46a994272793", "53995c3f42cd8ad8"
XRAY = "Root=1-5759e988-bd862e3fe1be46a994272793;Parent=53995c3f42cd8ad8;Sampled={}"


def warm(lambda_stream: LambdaStream | None = None) -> tuple[LambdaStream, int]:
    """A function with a client of its own, connected while it was initialised."""
    stream = lambda_stream or LambdaStream()
    manager = stream.manager("boto3 dynamodb", "app.py:3")
    pool = stream.pool(manager, "dynamodb.eu-west-1.amazonaws.com")
    stream.request(pool)
    return stream, pool


def test_what_an_invocation_does_hangs_under_its_span() -> None:
    stream, pool = warm()
    with stream.invocation("r-1", cold=True):
        stream.request(pool)
    with stream.invocation("r-2"):
        stream.request(pool)
        stream.request(pool)
    result = stream.play()
    first, second = invocations(result)
    assert (first.name, first.kind, first.parent_span_id) == ("orders", "SERVER", "")
    assert first.trace_id != second.trace_id
    assert [span.name for span in below(result, first)] == ["GET"]
    assert [span.name for span in below(result, second)] == ["GET", "GET"]
    assert text(first, "faas.invocation_id") == "r-1"
    assert first.attributes["faas.coldstart"] is True
    assert second.attributes["faas.coldstart"] is False
    assert text(first, "aws.lambda.invoked_arn") == ARN
    assert text(first, "cloud.resource_id") == ARN.removesuffix(":live")
    assert text(first, "cloud.account.id") == "123456789012"
    assert not first.error


def test_the_function_may_be_heard_of_before_the_platform() -> None:
    """A quick one has ended when the extension reads its INVOKE: still one invocation."""
    stream = LambdaStream()
    stream.end_invocation(stream.start_invocation("r-1"))
    stream.invoke("r-1")
    with stream.invocation("r-2"):
        pass
    stream.shutdown()
    assert [span.error for span in invocations(stream.play())] == [False, False]


def test_what_comes_before_the_first_invocation_belongs_to_the_init_span() -> None:
    stream, pool = warm()
    with stream.invocation("r-1", cold=True):
        stream.request(pool)
    with stream.invocation("r-2"):
        stream.request(pool)
    result = stream.play()
    init = result.one("orders init")
    first, second = invocations(result)
    assert (init.kind, init.parent_span_id) == ("INTERNAL", "")
    assert [span.name for span in below(result, init)] == ["GET"]
    assert abs(init.end_ns - first.start_ns) < MILLISECOND
    assert first.links == [Link(init.trace_id, init.span_id)]
    assert second.links == []


def test_no_init_span_when_nothing_happened_in_it() -> None:
    stream = LambdaStream()
    with stream.invocation():
        pass
    assert [span.name for span in stream.play().spans] == ["orders"]


def test_a_function_that_was_prepared_ahead_has_no_init_of_hours() -> None:
    stream, pool = warm(LambdaStream(initialization="provisioned-concurrency"))
    stream.sleep(7200)
    with stream.invocation("r-1"):
        stream.request(pool)
    init = stream.play().one("orders init")
    assert init.end_ns - init.start_ns < SECOND


def test_the_platform_tells_the_times_of_the_initialisation() -> None:
    stream = LambdaStream()
    began_ns = stream.wall_ns - SECOND
    stream.sleep(0.5)
    stream.platform(PlatformInit(start_wall_ns=began_ns, end_wall_ns=began_ns + 1_200_000_000))
    with stream.invocation("r-1", cold=True):
        pass
    result = stream.play()
    init = result.one("orders init")
    assert (init.start_ns, init.end_ns) == (began_ns, began_ns + 1_200_000_000)
    assert invocations(result)[0].links == [Link(init.trace_id, init.span_id)]


@pytest.mark.parametrize("during_invocation", [True, False])
def test_the_platform_may_tell_of_the_initialisation_late(during_invocation: bool) -> None:
    """Once there is an init span, and the times agree with the process's own or are not taken."""
    stream = LambdaStream()
    told = PlatformInit(start_wall_ns=stream.wall_ns - SECOND, end_wall_ns=stream.wall_ns)
    identifier = stream.start_invocation("r-1", cold=True)
    if during_invocation:
        stream.platform(told)
    stream.end_invocation(identifier)
    if not during_invocation:
        stream.platform(told)
    with stream.invocation("r-2"):
        pass
    result = stream.play()
    init = result.one("orders init")
    assert init.end_ns - init.start_ns == SECOND
    first, second = invocations(result)
    if during_invocation:
        assert (first.links, init.links) == ([Link(init.trace_id, init.span_id)], [])
    else:
        # The first invocation has left already.
        assert (first.links, init.links) == ([], [Link(first.trace_id, first.span_id)])
    assert second.links == []


def test_what_is_told_of_a_snapshot_is_no_initialisation_of_its_copies() -> None:
    """The platform's word on it may arrive after the restore, in each of them."""
    stream, _ = warm(LambdaStream(initialization="snap-start"))
    told = PlatformInit(start_wall_ns=stream.wall_ns - SECOND, end_wall_ns=stream.wall_ns)
    life = stream.restore(after_s=2.0)
    life.platform(told)
    with life.invocation("r-1"):
        pass
    result = life.play()
    init = result.one("orders init")
    assert [span.name for span in below(result, init)] != []
    assert init.trace_id not in {link.trace_id for link in invocations(result)[0].links}


@pytest.mark.parametrize("set_by_s", [-7200, 7200, -1])
def test_a_clock_that_was_set_gives_no_negative_times(set_by_s: int) -> None:
    """Between initialisation and invocation, and between what platform and process say."""
    stream, pool = warm()
    stream.platform(
        PlatformInit(
            start_wall_ns=stream.wall_ns + set_by_s * SECOND,
            end_wall_ns=stream.wall_ns + (2 * set_by_s + 1) * SECOND,
        )
    )
    with stream.invocation("r-1", wall_ns=stream.wall_ns + set_by_s * SECOND):
        stream.request(pool)
    result = stream.play()
    assert all(0 <= span.end_ns - span.start_ns < 3 * SECOND for span in result.spans)
    (invocation,) = invocations(result)
    assert all(span.start_ns >= invocation.start_ns for span in below(result, invocation))


def test_totals_are_those_of_the_invocation() -> None:
    stream, pool = warm()
    with stream.invocation("r-1", cold=True):
        stream.request(pool)
        stream.sleep(3)
        stream.request(pool, stream.server_closed(pool, 2.0))
    with stream.invocation("r-2"):
        stream.request(pool)
    first, second = invocations(stream.play())
    names = ("lookups", "connects", "handshakes", "requests", "reused", "evictions")
    assert [number(first, f"conntrace.ledger.{name}") for name in names] == [1, 1, 1, 2, 1, 0]
    assert [number(second, f"conntrace.ledger.{name}") for name in names] == [0, 0, 0, 1, 1, 0]
    assert number(first, "conntrace.ledger.setup_s") == pytest.approx(0.0156, abs=0.002)
    assert number(first, "conntrace.ledger.avoidable_s") == number(
        first, "conntrace.ledger.setup_s"
    )
    assert number(second, "conntrace.ledger.avoidable_s") == 0
    assert number(first, "conntrace.ledger.agent_s") == pytest.approx(0.0007)


def test_the_resource_is_the_function() -> None:
    stream, _ = warm()
    with stream.invocation():
        pass
    result = stream.play(host={"cloud.account.id": "123456789012"})
    resource = dict(invocations(result)[0].resource.attributes)
    expected = {
        "service.name": "orders",
        "cloud.provider": "aws",
        "cloud.platform": "aws_lambda",
        "cloud.region": "eu-west-1",
        "cloud.account.id": "123456789012",
        "faas.name": "orders",
        "faas.version": "7",
        "faas.instance": "2026/01/01/[7]abc",
        "faas.max_memory": 256 * 1024 * 1024,
        "aws.log.group.names": ("/aws/lambda/orders",),
        "aws.log.stream.names": ("2026/01/01/[7]abc",),
    }
    assert {name: resource.get(name) for name in expected} == expected
    assert all(span.resource == invocations(result)[0].resource for span in result.spans)


def test_a_service_name_of_the_users_stays() -> None:
    stream = LambdaStream(service="shop")
    with stream.invocation():
        pass
    resource = dict(invocations(stream.play())[0].resource.attributes)
    assert resource["service.name"] == "shop"


def test_http_events_are_named_by_their_route() -> None:
    stream = LambdaStream()
    with stream.invocation(
        trigger="http", source="aws:apigateway", method="GET", route="/orders/{id}"
    ):
        pass
    result = stream.play()
    (span,) = invocations(result)
    assert (span.name, span.kind) == ("GET /orders/{id}", "SERVER")
    assert Spans(result.spans).requests == []
    assert text(span, "http.request.method") == "GET"
    assert text(span, "http.route") == "/orders/{id}"
    assert text(span, "faas.trigger") == "http"


def test_a_batch_of_a_queue_is_consumed_and_linked_to_its_records() -> None:
    stream = LambdaStream()
    records = (XRAY.format(1), f"00-{TRACE}-{SPAN}-01", "Root=1-broken;Parent=x", "nonsense")
    with stream.invocation(trigger="pubsub", source="aws:sqs", links=records):
        pass
    (span,) = invocations(stream.play())
    assert (span.name, span.kind) == ("orders", "CONSUMER")
    assert text(span, "messaging.system") == "aws_sqs"
    assert text(span, "messaging.operation.type") == "process"
    assert span.links == [Link(XRAY_TRACE, XRAY_SPAN), Link(TRACE, SPAN)]


def test_the_context_of_the_event_is_the_parent_and_the_x_ray_header_a_link() -> None:
    stream = LambdaStream()
    with stream.invocation(trace_id=TRACE, span_id=SPAN, xray=XRAY.format(0)):
        pass
    (span,) = invocations(stream.play())
    assert (span.trace_id, span.parent_span_id, span.foreign_parent) == (TRACE, SPAN, True)
    assert not span.unsampled_parent
    assert span.links == [Link(XRAY_TRACE, XRAY_SPAN)]


@pytest.mark.parametrize("sampled", [0, 1])
def test_an_x_ray_header_alone_is_a_link(sampled: int) -> None:
    """Lambda sends it with Sampled=0 even when nobody uses X-Ray: it neither breaks nor drops."""
    stream = LambdaStream()
    stream.invoke("r-1", xray=XRAY.format(sampled))
    stream.end_invocation(stream.start_invocation("r-1"))
    (span,) = invocations(stream.play())
    assert span.parent_span_id == ""
    assert span.trace_id != XRAY_TRACE
    assert not span.unsampled_parent
    assert span.links == [Link(XRAY_TRACE, XRAY_SPAN)]


@pytest.mark.parametrize("sampled", [0, 1])
def test_who_asks_for_it_gets_x_ray_as_the_parent(sampled: int) -> None:
    stream, pool = warm()
    with stream.invocation(trace_id=TRACE, span_id=SPAN, xray=XRAY.format(sampled)):
        stream.request(pool)
    result = stream.play(propagators=("tracecontext", "xray-lambda"))
    (span,) = invocations(result)
    assert (span.trace_id, span.parent_span_id) == (XRAY_TRACE, XRAY_SPAN)
    assert Link(TRACE, SPAN) in span.links
    assert span.unsampled_parent == (not sampled)
    assert all(child.unsampled_parent == (not sampled) for child in below(result, span))


def test_beside_another_tool_no_span_of_ours() -> None:
    """What has a parent of the other tool's keeps it; the rest hangs under nothing."""
    stream, pool = warm()
    with stream.invocation(other_tool="opentelemetry"):
        stream.request(pool, trace_id=TRACE, span_id=SPAN)
        stream.request(pool)
    result = stream.play()
    assert invocations(result) == []
    theirs, alone = [
        span for span in result.named("GET") if span.attributes.get("conntrace.connection.reused")
    ]
    assert (theirs.trace_id, theirs.parent_span_id, theirs.foreign_parent) == (TRACE, SPAN, True)
    assert alone.parent_span_id == ""


def test_what_runs_between_two_invocations_belongs_to_the_one_before() -> None:
    stream, pool = warm()
    with stream.invocation("r-1", cold=True):
        pass
    stream.close_pool(pool)
    stream.sleep(5)
    with stream.invocation("r-2"):
        pass
    result = stream.play()
    closed = result.one("HTTP connection_close")
    first, _ = invocations(result)
    assert (closed.trace_id, closed.parent_span_id) == (first.trace_id, first.span_id)
    assert closed.start_ns > first.end_ns


def test_a_process_forked_in_an_invocation_works_for_those_of_its_parent() -> None:
    """A pool of workers that the first invocation made serves the others too."""
    stream, _ = warm()
    first = stream.start_invocation("r-1")
    child = stream.fork()
    pool = child.pool(child.manager(), "a.example")
    child.request(pool)
    stream.order += [(child.process, event) for event in child.events]
    child.events.clear()
    stream.end_invocation(first)
    second = stream.start_invocation("r-2")
    child.request(pool)
    stream.order += [(child.process, event) for event in child.events]
    stream.end_invocation(second)
    result = stream.play()
    requests = result.named("GET")[-2:]
    assert [request.parent_span_id for request in requests] == [
        invocation.span_id for invocation in invocations(result)
    ]
    assert dict(requests[-1].resource.attributes)["faas.name"] == "orders"


def test_a_worker_forked_in_the_initialisation_has_invocations_of_its_own() -> None:
    """Managed instances: several processes, each with one invocation at a time."""
    stream, pool = warm()
    workers = [stream.fork(process) for process in ("a" * 16, "b" * 16)]
    for index, worker in enumerate(workers):
        start = InvocationStart(
            time_ns=worker.now, invocation=7, request_id=f"r-{index}", wall_ns=stream.wall_ns
        )
        worker.send(start)
        worker.request(pool)
        worker.send(InvocationEnd(invocation=7))
    for each in zip(*(worker.events for worker in workers), strict=True):
        stream.order += [
            (worker.process, event) for worker, event in zip(workers, each, strict=True)
        ]
    result = stream.play()
    assert len(invocations(result)) == 2
    for invocation in invocations(result):
        (request,) = below(result, invocation)
        assert request.resource == invocation.resource


def test_a_recording_of_an_environment_replays() -> None:
    """What the platform said is in it; the same spans come out."""
    stream, pool = warm()
    with stream.invocation("r-1", cold=True):
        stream.request(pool)
    stream.freeze(60)
    with stream.invocation("r-2"):
        stream.request(pool)
    stream.shutdown()
    again = replay(stream.recording())
    spans = stream.play().spans
    assert [(span.name, span.end_ns, span.attributes) for span in again] == [
        (span.name, span.end_ns, span.attributes) for span in spans
    ]
    assert [text(span, "faas.invocation_id") for span in again.invocations] == ["r-1", "r-2"]


def test_a_recording_holds_no_account() -> None:
    stream, _ = warm()
    with stream.invocation("r-1"):
        pass
    saved: list[bytes] = []
    pipeline = Pipeline([], recorder=saved.append)
    for process, event in stream.order:
        pipeline.feed(process, [encode(event)])
    text = b"\n".join(saved)
    assert text.count(b"arn:aws:lambda:eu-west-1:000000000000:function:orders:live") == 2
    assert b"123456789012" not in text


def test_lines_of_the_platform_count_only_from_the_host() -> None:
    """A process that sends such lines itself moves nothing."""
    stream, pool = warm()
    identifier = stream.start_invocation("r-1")
    stream.send(PlatformShutdown(reason="timeout"))
    stream.request(pool)
    stream.end_invocation(identifier)
    (span,) = invocations(stream.play())
    assert not span.error


def test_broken_lines_of_the_platform_are_counted() -> None:
    pipeline = Pipeline([])
    pipeline.feed(PLATFORM, [b"platform_shutdown\tx", b"nonsense"])
    assert pipeline.summary().bad_lines == 2
