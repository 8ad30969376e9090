"""A freeze is told before what the function did after it, whoever wakes first."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

from tests.extension.conftest import Start
from tests.extension.function import FunctionProcess
from tests.extension.platform import Platform
from tests.unit.exporters.collector import Collector


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
    spans = [span for each in backend.received for span in each.spans if span["name"] == "GET"]
    values = {each["key"]: each["value"] for each in spans[1]["attributes"]}
    assert 0.5 <= values["conntrace.connection.frozen_s"]["doubleValue"] <= 5
