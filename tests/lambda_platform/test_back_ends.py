"""Back ends that fail in every way: the function's results are those without the layer."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from conntrace import semantic_names as names
from conntrace.simulator.receiver import SpanReceiver
from conntrace.testing import read_spans
from tests.components.processes import free_port
from tests.lambda_platform.conftest import Start
from tests.lambda_platform.platforms import Platform
from tests.lambda_platform.reading import assert_echoes, invocations, payload_of
from tests.layer.built import built_layer
from tests.unit.exporters.collector import Collector, Reply

ALWAYS = 50
REPLIES = {
    "400": Reply(400),
    "401": Reply(401),
    "413": Reply(413),
    "415": Reply(415),
    "429": Reply(429, {"Retry-After": "1"}),
    "503": Reply(503),
    "cut": Reply(hang_up=True),
    "slow": Reply(delay_s=0.5),
}


@pytest.mark.parametrize("fault", REPLIES)
def test_a_back_end_that_fails(
    platform: Platform, start: Start, backend: Collector, fault: str
) -> None:
    backend.replies = [REPLIES[fault]] * ALWAYS
    function = start(platform, "faults.echo", {"OTEL_EXPORTER_OTLP_ENDPOINT": backend.url})
    assert_echoes(function)
    function.shutdown()
    assert backend.received
    assert "[extension-failed]" not in function.log
    if fault != "slow":
        assert "reach http://127.0.0.1" in function.log


def test_a_back_end_that_is_not_there(platform: Platform, start: Start) -> None:
    function = start(platform, "faults.echo", {"OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:9"})
    assert_echoes(function)
    function.shutdown()
    # One for each invocation, and one for INIT where the platform tells of it.
    assert re.search("[34] spans did not reach http://127.0.0.1:9 .otlp-failed.", function.log)
    assert function.log.count("[otlp-trouble]") == 1


def test_a_back_end_that_hangs(platform: Platform, start: Start, silent_port: int) -> None:
    """It takes the connection and says nothing. What it was sent is counted as lost."""
    function = start(
        platform, "faults.echo", {"OTEL_EXPORTER_OTLP_ENDPOINT": f"http://127.0.0.1:{silent_port}"}
    )
    assert_echoes(function)
    function.shutdown()
    # The attempt's own time ends together with what was left, and may be told before.
    late = "( in the time that was left)?"
    words = rf"[34] spans did not reach http://127.0.0.1:\d+{late} .otlp-failed."
    assert re.search(words, function.log)


def test_a_back_end_that_comes_back(platform: Platform, start: Start, tmp_path: Path) -> None:
    """After a hundred invocations: what is not there any more is counted."""
    port = free_port()
    function = start(
        platform, "faults.echo", {"OTEL_EXPORTER_OTLP_ENDPOINT": f"http://127.0.0.1:{port}"}
    )
    for number in range(100):
        assert payload_of(function, {"number": number}) == {"echo": {"number": number}}
    receiver = SpanReceiver(tmp_path / "late.jsonl", port)
    try:
        for number in range(3):
            function.invoke({"late": number}, gap_s=0.3)
        function.shutdown()
    finally:
        receiver.close()
    spans = read_spans(receiver.path)
    dropped = max(int(dict(s.resource.attributes).get(names.DROPPED_SPANS, 0)) for s in spans)
    seen = invocations(spans)
    assert len(seen) + dropped >= 103
    assert len({span.attributes[names.FAAS_INVOCATION_ID] for span in seen}) == len(seen)


def test_a_back_end_that_takes_protobuf_only(
    platform: Platform, start: Start, backend: Collector
) -> None:
    """The layer's other flavour has the encoder; it is loaded when the back end asks for it."""
    service = pytest.importorskip("opentelemetry.proto.collector.trace.v1.trace_service_pb2")
    backend.replies = [Reply(415)]
    function = start(
        platform,
        "faults.echo",
        {"OTEL_EXPORTER_OTLP_ENDPOINT": backend.url},
        other_layer=built_layer("protobuf") / "layer.zip",
    )
    for _ in range(20):
        payload_of(function, {})
        if len(backend.received) >= 2:
            break
    function.shutdown()
    first, *others = backend.received
    assert first.headers["content-type"] == "application/json"
    assert {each.headers["content-type"] for each in others} == {"application/x-protobuf"}
    messages = [service.ExportTraceServiceRequest.FromString(each.body) for each in others]
    assert "local-function" in {
        span.name
        for message in messages
        for resource in message.resource_spans
        for scope in resource.scope_spans
        for span in scope.spans
    }
    assert "[extension-failed]" not in function.log


def test_a_freeze_in_the_middle_of_an_export(
    platform: Platform, start: Start, backend: Collector
) -> None:
    """An answer that comes while nothing runs is read afterwards; nothing is lost or counted."""
    delay_s = 0.4
    backend.replies = [Reply(delay_s=delay_s)] * ALWAYS
    function = start(platform, "faults.echo", {"OTEL_EXPORTER_OTLP_ENDPOINT": backend.url})
    for number in range(4):
        function.invoke({"number": number}, gap_s=1.0)
    function.shutdown()
    ids = [
        attribute["value"]["stringValue"]
        for request in backend.received
        for span in request.spans
        for attribute in span["attributes"]
        if attribute["key"] == names.FAAS_INVOCATION_ID
    ]
    assert len(set(ids)) == 4
    assert "conntrace:" not in function.log
    # Everybody was done before the answer came: the pause began in the middle of an export. Where
    # nothing freezes (`no-freeze`) the extension has read the answer in the pause.
    done_ms = [float(text) for text in re.findall(r"\tDuration: ([\d.]+) ms", function.log)]
    assert platform.lacks("no-freeze") or min(done_ms) < delay_s * 1000
