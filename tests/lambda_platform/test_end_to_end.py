"""A boto3 function, the layer, the extension, and the spans that arrive: on both platforms."""

from __future__ import annotations

import json
import secrets

import pytest

from conntrace import semantic_names as names
from tests.components.jaeger_server import Jaeger
from tests.integration.running import cause, confidence
from tests.integration.sound import assert_sound
from tests.lambda_platform.conftest import Aws, Serve, Start, Traces
from tests.lambda_platform.platforms import Platform
from tests.lambda_platform.reading import ancestors, invocations, setups_of

# The event's number and the pause before it: the server keeps idle connections for 0.7 s.
GAPS = ((1, 0.0), (2, 0.1), (3, 1.6))
XRAY = "Root=1-5759e988-bd862e3fe1be46a994272793;Parent=53995c3f42cd8ad8;Sampled=1"


def test_a_warm_lookup_and_its_cause(
    platform: Platform, start: Start, serve: Serve, aws: Aws, traces: Traces
) -> None:
    """The story: a warm invocation looks a name up: the server had closed the connection."""
    server = serve(idle_limit_s=0.7)
    function = start(platform, "shop.put", aws(server.port))
    answers = [json.loads(function.invoke({"id": n}, gap_s=gap).payload) for n, gap in GAPS]
    function.shutdown()
    assert [answer["stored"] for answer in answers] == [1, 2, 3]
    assert server.accepts == 2

    spans = traces.spans
    assert_sound(spans, in_lambda=True)
    cold, warm, after_pause = invocations(spans)
    assert [cold.name, warm.name] == ["local-function"] * 2
    assert [span.attributes[names.FAAS_COLDSTART] for span in (cold, warm, after_pause)] == [
        True,
        False,
        False,
    ]
    assert [answer["request_id"] for answer in answers] == [
        span.attributes[names.FAAS_INVOCATION_ID] for span in (cold, warm, after_pause)
    ]
    [first] = setups_of(spans, cold)
    assert cause(first) == "first_use_of_destination"
    assert setups_of(spans, warm) == []
    [again] = setups_of(spans, after_pause)
    assert cause(again) == "server_closed_idle"
    assert confidence(again) == "proved"
    lookups = [span for span in spans.children(again) if span.name.startswith(names.DNS_LOOKUP)]
    assert [span.name for span in lookups] == ["DNS lookup localhost"]
    assert after_pause.attributes[names.LEDGER_LOOKUPS] == 1
    assert warm.attributes[names.LEDGER_REUSED] == 1


def test_the_frozen_share_is_told(
    platform: Platform, start: Start, serve: Serve, aws: Aws, traces: Traces
) -> None:
    """The part of the idle time in which the environment was frozen; none where nothing freezes."""
    server = serve(idle_limit_s=0.7)
    function = start(platform, "shop.put", aws(server.port))
    function.invoke({"id": 1})
    function.invoke({"id": 2}, gap_s=1.6)
    function.shutdown()
    again = setups_of(traces.spans, invocations(traces.spans)[1])[0]
    frozen_s = again.attributes.get(names.CONNECTION_FROZEN_S, 0.0)
    if platform.lacks("no-freeze"):
        assert frozen_s == 0.0
        assert again.attributes[names.CLOSE_SERVER_IDLE_LIMIT_S] == pytest.approx(0.7, abs=0.5)
    else:
        assert frozen_s == pytest.approx(1.6, abs=0.5)
        assert names.CLOSE_SERVER_IDLE_LIMIT_S not in again.attributes


def test_a_client_for_every_invocation(
    platform: Platform, start: Start, serve: Serve, aws: Aws, traces: Traces
) -> None:
    """The other half of the story: the function itself throws its connections away."""
    server = serve()
    function = start(platform, "shop.put_with_new_client", aws(server.port))
    for _ in range(3):
        function.invoke({})
    function.shutdown()
    spans = traces.spans
    assert_sound(spans, in_lambda=True)
    causes = [cause(each) for span in invocations(spans) for each in setups_of(spans, span)]
    assert causes == ["first_use_of_destination", "client_recreated", "client_recreated"]


def test_the_function_sees_no_difference(
    platform: Platform, start: Start, serve: Serve, aws: Aws
) -> None:
    """Results and errors are the same with the layer and without, byte for byte."""
    server = serve()
    answers = []
    for traced in (True, False):
        plain = start(platform, "shop.fail", aws(server.port), traced=traced)
        payload = json.loads(plain.invoke({"id": 1}).payload)
        assert payload["errorType"] == "KeyError"
        assert payload.pop("requestId")
        answers.append(json.dumps(payload))
    assert answers[0] == answers[1]


def test_an_error_of_the_handler(
    platform: Platform, start: Start, serve: Serve, aws: Aws, traces: Traces
) -> None:
    """The span is an error and names the exception."""
    function = start(platform, "shop.fail", aws(serve().port))
    function.invoke({})
    function.shutdown()
    [span] = invocations(traces.spans)
    assert span.error
    assert span.attributes[names.ERROR_TYPE] == "KeyError"


def test_a_time_out_shows_where_it_hung(
    platform: Platform, start: Start, silent_port: int, aws: Aws, traces: Traces
) -> None:
    """The very first invocation waits for a server that never answers the handshake."""
    function = start(platform, "shop.hang_in_put", aws(silent_port), timeout_s=6)
    payload = function.invoke({}).payload
    function.shutdown()
    assert b"timed out after 6.00 seconds" in payload
    spans = traces.spans
    [span] = invocations(spans)
    assert span.error
    assert span.attributes[names.ERROR_TYPE] == "timeout"
    [handshake] = spans.named(names.TLS_HANDSHAKE)
    assert handshake.error
    assert handshake.attributes[names.UNFINISHED_PHASE] == "tls"
    assert span in ancestors(spans, handshake)


def test_a_runtime_that_exits(
    platform: Platform, start: Start, serve: Serve, aws: Aws, traces: Traces
) -> None:
    """What it did before is there, and its span is an error."""
    function = start(platform, "shop.leave", aws(serve().port))
    assert b"Runtime.ExitError" in function.invoke({}).payload
    function.shutdown()
    spans = traces.spans
    [span] = invocations(spans)
    assert span.error
    assert span.attributes[names.ERROR_TYPE] == "Runtime.ExitError"
    assert len(setups_of(spans, span)) == 1


def test_xray_context_is_a_link(
    platform: Platform, start: Start, serve: Serve, aws: Aws, traces: Traces
) -> None:
    """A link by default; the parent when the user says so.

    The emulator's function never sees it. Its extension does, which helps when that is heard first.
    """
    for settings in ({}, {"OTEL_PROPAGATORS": "tracecontext,xray-lambda"}):
        function = start(platform, "shop.put", {**aws(serve().port), **settings})
        function.invoke({}, trace_header=XRAY)
        function.shutdown()
    linked, child = invocations(traces.spans)
    trace_id, span_id = "5759e988bd862e3fe1be46a994272793", "53995c3f42cd8ad8"
    assert linked.parent_span_id == ""
    links = [(link.trace_id, link.span_id) for link in linked.links]
    if platform.lacks("no-trace-header"):
        assert links in ([], [(trace_id, span_id)])
        assert child.parent_span_id in ("", span_id)
        return
    assert (trace_id, span_id) in links
    assert (trace_id, span_id) == (child.trace_id, child.parent_span_id)


def test_a_slow_backend_costs_the_caller_nothing(
    platform: Platform, start: Start, serve: Serve, aws: Aws, silent_port: int
) -> None:
    """The endpoint accepts and never answers; the response is out at once.

    The emulator holds it back until the extension is done: then also that must be short.
    """
    server = serve()
    endpoint = {"OTEL_EXPORTER_OTLP_ENDPOINT": f"http://127.0.0.1:{silent_port}"}
    function = start(platform, "shop.put", {**aws(server.port), **endpoint})
    function.invoke({})
    quickest = min(function.invoke({}).response_s for _ in range(5))
    assert quickest < 0.5


def test_seen_in_jaeger(
    platform: Platform, start: Start, serve: Serve, aws: Aws, jaeger: Jaeger
) -> None:
    """Real Jaeger has the trace, and the cause on the set-up above the lookup."""
    service = f"shop-{secrets.token_hex(4)}"
    server = serve(idle_limit_s=0.7)
    settings = {
        "OTEL_EXPORTER_OTLP_ENDPOINT": jaeger.otlp_http_endpoint,
        "OTEL_SERVICE_NAME": service,
    }
    function = start(platform, "shop.put", {**aws(server.port), **settings})
    for number, gap_s in GAPS:
        function.invoke({"id": number}, gap_s=gap_s)
    function.shutdown()
    found = jaeger.otlp_spans(service, spans=12)
    by_id = {span["spanId"]: span for span in found}
    lookups = [span for span in found if span["name"] == "DNS lookup localhost"]
    causes = []
    for lookup in sorted(lookups, key=lambda span: int(span["startTimeUnixNano"])):
        setup = by_id[lookup["parentSpanId"]]
        values = {item["key"]: item["value"] for item in setup["attributes"]}
        causes.append(values[names.CAUSE_NAME]["stringValue"])
    assert causes == ["first_use_of_destination", "server_closed_idle"]
