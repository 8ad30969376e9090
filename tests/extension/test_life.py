"""The life of the extension: the real process between a platform, a function and a back end."""

from __future__ import annotations

import json
import time
from collections.abc import Callable

from tests.extension.conftest import Start
from tests.extension.function import FunctionProcess
from tests.extension.platform import Platform
from tests.unit.exporters.collector import Collector

Function = Callable[[], FunctionProcess]


def test_it_registers_by_its_own_name_and_waits(platform: Platform, start: Start) -> None:
    extension = start(OTEL_EXPORTER_OTLP_ENDPOINT="http://127.0.0.1:9")
    platform.wait_for_next(1)
    assert platform.registrations == [("conntrace", ["INVOKE", "SHUTDOWN"])]
    platform.shut_down()
    assert extension.ended() == 0
    assert extension.log == ""


def test_the_spans_of_an_invocation_arrive_after_its_response(
    platform: Platform, start: Start, function: Function, backend: Collector
) -> None:
    start(OTEL_EXPORTER_OTLP_ENDPOINT=backend.url)
    platform.wait_for_next(1)
    process = function()
    platform.invoke("request-1")
    process.begin("request-1")
    stream = process.stream
    stream.request(stream.pool(stream.manager(), "api.example.com"))
    process.flush()
    time.sleep(0.3)
    assert backend.received == []
    process.end()
    platform.wait_for_next(2)
    platform.shut_down()
    platform.wait_for_next(2)
    deadline = time.monotonic() + 10
    while "shop" not in backend.names and time.monotonic() < deadline:
        time.sleep(0.01)
    assert "shop" in backend.names
    assert "HTTP connection_setup api.example.com:443" in backend.names
    (resource_spans, *_) = json.loads(backend.received[0].body)["resourceSpans"]
    attributes = {each["key"]: each["value"] for each in resource_spans["resource"]["attributes"]}
    assert attributes["cloud.account.id"] == {"stringValue": "123456789012"}
