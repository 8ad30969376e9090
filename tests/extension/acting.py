"""What the tests of the extension do with a function's process, and questions to what arrives."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

from conntrace.events import ConnectStart, SetupStart
from tests.extension.function import FunctionProcess
from tests.extension.platform import Platform
from tests.unit.exporters.collector import Collector

Function = Callable[[], FunctionProcess]
NOWHERE = "http://127.0.0.1:9"
SETUP = "HTTP connection_setup api.example.com:443"


def wait_for_span(backend: Collector, name: str) -> dict[str, Any]:
    """The first span of that name, once it has arrived."""
    deadline = time.monotonic() + 20
    while name not in backend.names:
        assert time.monotonic() < deadline, f"{name} did not arrive, but {backend.names}"
        time.sleep(0.01)
    return next(
        span for request in backend.received for span in request.spans if span["name"] == name
    )


def attributes_of(span: dict[str, Any]) -> dict[str, Any]:
    return {each["key"]: next(iter(each["value"].values())) for each in span["attributes"]}


def connect_once(process: FunctionProcess) -> None:
    stream = process.stream
    stream.request(stream.pool(stream.manager(), "api.example.com"))
    process.flush()


def begin_to_connect(process: FunctionProcess, host: str) -> None:
    """A request whose connect is never answered."""
    stream = process.stream
    pool = stream.pool(stream.manager(), host)
    request = stream.start(pool)
    stream.checkout(request, pool)
    setup = stream.draw()
    stream.send(SetupStart(setup=setup, request=request, pool=pool, host=host, port=443))
    operation = stream.draw()
    stream.send(ConnectStart(operation=operation, setup=setup, address="192.0.2.1", port=443))
    process.flush()


def run_invocations_until(
    platform: Platform, process: FunctionProcess, is_so: Callable[[], bool]
) -> None:
    """Invocations that do nothing, until something has come about."""
    deadline = time.monotonic() + 20
    while not is_so():
        assert time.monotonic() < deadline
        asked = len(platform.next_s)
        platform.invoke(f"another-{asked}")
        process.begin(f"another-{asked}")
        process.end()
        platform.wait_for_next(asked + 1)
