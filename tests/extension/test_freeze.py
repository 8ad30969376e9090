"""A freeze is told before what the function did after it, whoever wakes first."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

from tests.extension.acting import Function, attributes_of, run_invocations_until
from tests.extension.conftest import Start
from tests.extension.function import FunctionProcess
from tests.extension.platform import Platform
from tests.unit.exporters.collector import Collector


def test_a_freeze_between_init_and_the_first_invocation_is_known(
    platform: Platform,
    start: Start,
    function: Callable[[], FunctionProcess],
    backend: Collector,
) -> None:
    """Environments that were prepared ahead rest before their first invocation."""
    extension = start(OTEL_EXPORTER_OTLP_ENDPOINT=backend.url)
    platform.wait_for_next(1)
    process = function()
    stream = process.stream
    pool = stream.pool(stream.manager(), "api.example.com")
    stream.request(pool)
    process.flush()
    time.sleep(0.3)
    extension.freeze(2.5)
    platform.invoke("request-1")
    process.begin("request-1")
    stream.request(pool)
    process.end()
    platform.wait_for_next(2)
    platform.shut_down()
    assert extension.ended() == 0
    assert 1.5 <= frozen_s(backend, 1) <= 8


def frozen_s(backend: Collector, number: int) -> float:
    """Of a request that arrived: how much of its connection's idle time was frozen."""
    spans = [span for each in backend.received for span in each.spans if span["name"] == "GET"]
    values = {each["key"]: each["value"] for each in spans[number]["attributes"]}
    return float(values["conntrace.connection.frozen_s"]["doubleValue"])


def test_the_function_may_wake_first(
    platform: Platform,
    start: Start,
    function: Callable[[], FunctionProcess],
    backend: Collector,
) -> None:
    extension = start(OTEL_EXPORTER_OTLP_ENDPOINT=backend.url)
    platform.wait_for_next(1)
    process = function()
    stream = process.stream
    pool = stream.pool(stream.manager(), "api.example.com")

    def invocation(request_id: str) -> None:
        process.begin(request_id)
        stream.request(pool)
        process.end()

    platform.invoke("request-1")
    invocation("request-1")
    platform.wait_for_next(2)
    time.sleep(0.3)
    freezing = threading.Thread(target=extension.freeze, args=(1.5,))
    freezing.start()
    time.sleep(1.0)
    platform.invoke("request-2")
    invocation("request-2")
    freezing.join()
    platform.wait_for_next(3)
    platform.shut_down()
    assert extension.ended() == 0
    assert 0.5 <= frozen_s(backend, 1) <= 5


def test_a_freeze_between_invocations_is_known(
    platform: Platform, start: Start, function: Function, backend: Collector
) -> None:
    extension = start(OTEL_EXPORTER_OTLP_ENDPOINT=backend.url)
    platform.wait_for_next(1)
    process = function()
    platform.invoke("request-1")
    process.begin("request-1")
    stream = process.stream
    pool = stream.pool(stream.manager(), "api.example.com")
    stream.request(pool)
    process.end()
    platform.wait_for_next(2)
    time.sleep(0.3)
    extension.freeze(1.0)
    platform.invoke("request-2")
    process.begin("request-2")
    stream.request(pool)
    process.end()
    platform.wait_for_next(3)
    run_invocations_until(platform, process, lambda: backend.names.count("GET") == 2)
    second = [span for each in backend.received for span in each.spans if span["name"] == "GET"][1]
    assert 0.5 <= attributes_of(second)["conntrace.connection.frozen_s"] <= 5
