"""What back ends do, and what becomes of the spans: none is lost without being counted."""

from __future__ import annotations

import json
import socket
import sysconfig
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.extension.conftest import Start
from tests.extension.function import FunctionProcess
from tests.extension.platform import Platform
from tests.unit.exporters.collector import Collector, Received, Reply, collector

Function = Callable[[], FunctionProcess]
Ready = Callable[..., "Invocations"]
# A window lasts 0.1 s; the rest is the machine's.
SOON_S = 4.0


class Invocations:
    """One invocation after the other, each told to platform and extension."""

    def __init__(self, platform: Platform, process: FunctionProcess) -> None:
        self._platform = platform
        self._process = process
        self.ids: list[str] = []
        self.held_s: list[float] = []
        """How long after each response `/next` was asked for."""

    def run(self, requests: int = 0) -> None:
        """One invocation, with so many requests in it."""
        self.ids.append(f"request-{len(self.ids)}")
        asked = len(self._platform.next_s)
        self._platform.invoke(self.ids[-1])
        self._process.begin(self.ids[-1])
        stream = self._process.stream
        if requests:
            pool = stream.pool(stream.manager(), "api.example.com")
            for _ in range(requests):
                stream.request(pool)
        out_s = self._process.end()
        self._platform.wait_for_next(asked + 1)
        self.held_s.append(self._platform.next_s[-1] - out_s)

    def run_until(self, is_so: Callable[[], bool], *, pause_s: float = 0.05) -> None:
        """More of them, until something has come about."""
        deadline = time.monotonic() + 30
        while not is_so():
            assert time.monotonic() < deadline
            self.run()
            time.sleep(pause_s)


@pytest.fixture
def invocations(platform: Platform, start: Start, function: Function) -> Ready:
    """`invocations(endpoint, **environment)`: extension and function are there and warm."""

    def ready(endpoint: str, **environment: str) -> Invocations:
        start(OTEL_EXPORTER_OTLP_ENDPOINT=endpoint, **environment)
        platform.wait_for_next(1)
        return Invocations(platform, function())

    return ready


def told_ids(requests: list[Received]) -> list[str]:
    """The invocations whose spans came, in order."""
    return [
        attribute["value"]["stringValue"]
        for request in requests
        for span in request.spans
        for attribute in span["attributes"]
        if attribute["key"] == "faas.invocation_id"
    ]


def told_drops(request: Received) -> int:
    """`conntrace.dropped_spans` of a request's resource."""
    (resource_spans, *_) = json.loads(request.body)["resourceSpans"]
    for attribute in resource_spans["resource"]["attributes"]:
        if attribute["key"] == "conntrace.dropped_spans":
            return int(attribute["value"]["intValue"])
    return 0


def unused_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port: int = probe.getsockname()[1]
        return port


@pytest.mark.parametrize("status", [400, 401, 404])
def test_what_is_refused_for_good_is_counted_and_told(
    invocations: Ready, backend: Collector, platform: Platform, status: int, tmp_path: Path
) -> None:
    backend.replies = [Reply(status)]
    running = invocations(backend.url)
    running.run_until(lambda: len(backend.received) >= 2)
    refused = told_ids(backend.received[:1])
    assert told_drops(backend.received[0]) == 0
    assert told_drops(backend.received[1]) == len(refused) > 0
    assert not set(refused) & set(told_ids(backend.received[1:]))
    log = (tmp_path / "extension.log").read_text()
    assert log.count(f"it answered {status} [otlp-trouble]\n") == 1


@pytest.mark.parametrize("status", [429, 502, 503, 504])
def test_a_busy_back_end_gets_the_same_spans_again(
    invocations: Ready, backend: Collector, status: int
) -> None:
    backend.replies = [Reply(status), Reply(status)]
    running = invocations(backend.url)
    running.run_until(lambda: len(backend.received) >= 3)
    first, second, third = (
        {span["spanId"] for span in request.spans} for request in backend.received[:3]
    )
    assert first <= second <= third
    assert told_drops(backend.received[2]) == 0


def test_retry_after_is_obeyed(invocations: Ready, backend: Collector) -> None:
    backend.replies = [Reply(503, {"Retry-After": "2"})]
    running = invocations(backend.url)
    running.run_until(lambda: len(backend.received) >= 1)
    began = time.monotonic()
    running.run_until(lambda: len(backend.received) >= 2)
    assert time.monotonic() - began > 1.5


def test_a_batch_that_is_too_large_is_halved_until_it_fits(
    invocations: Ready, backend: Collector, platform: Platform
) -> None:
    backend.replies = [Reply(413), Reply(413)]
    running = invocations(backend.url)
    running.run(requests=20)
    running.run_until(lambda: len(backend.received) >= 3)
    platform.shut_down()
    sizes = [len(request.spans) for request in backend.received[:3]]
    assert sizes[0] // 2 == sizes[1]
    assert sizes[1] // 2 == sizes[2]
    assert all(told_drops(request) == 0 for request in backend.received)


def test_an_endpoint_that_reads_no_json_gets_protobuf(
    invocations: Ready, backend: Collector, tmp_path: Path
) -> None:
    service = pytest.importorskip("opentelemetry.proto.collector.trace.v1.trace_service_pb2")
    add_protobuf(tmp_path)
    backend.replies = [Reply(415)]
    running = invocations(backend.url)
    running.run_until(lambda: len(backend.received) >= 2)
    json_request, protobuf_request = backend.received[:2]
    assert json_request.headers["content-type"] == "application/json"
    assert protobuf_request.headers["content-type"] == "application/x-protobuf"
    message = service.ExportTraceServiceRequest.FromString(protobuf_request.body)
    assert message.resource_spans[0].scope_spans[0].spans[0].name == "shop"


def test_protobuf_from_the_start(invocations: Ready, backend: Collector, tmp_path: Path) -> None:
    pytest.importorskip("opentelemetry.exporter.otlp.proto.common")
    add_protobuf(tmp_path)
    running = invocations(backend.url, OTEL_EXPORTER_OTLP_PROTOCOL="http/protobuf")
    running.run_until(lambda: bool(backend.received))
    assert backend.received[0].headers["content-type"] == "application/x-protobuf"


def add_protobuf(folder: Path) -> None:
    """What the layer's protobuf flavour brings, from this environment."""
    (folder / "conntrace.d").mkdir()
    (folder / "conntrace.d" / "protobuf").symlink_to(sysconfig.get_path("purelib"))


def test_without_the_flavour_protobuf_is_replaced_and_that_is_said(
    invocations: Ready, backend: Collector, tmp_path: Path
) -> None:
    running = invocations(backend.url, OTEL_EXPORTER_OTLP_PROTOCOL="http/protobuf")
    running.run_until(lambda: bool(backend.received))
    assert backend.received[0].headers["content-type"] == "application/json"
    assert (tmp_path / "extension.log").read_text().count("[layer-no-protobuf]\n") == 1


def test_grpc_is_replaced_and_that_is_said(
    invocations: Ready, backend: Collector, tmp_path: Path
) -> None:
    running = invocations(
        "", OTEL_EXPORTER_OTLP_TRACES_ENDPOINT=backend.url, OTEL_EXPORTER_OTLP_PROTOCOL="grpc"
    )
    running.run_until(lambda: bool(backend.received))
    assert backend.received[0].target == "/v1/traces"
    (line,) = (tmp_path / "extension.log").read_text().splitlines()
    assert f"spans go to {backend.url} by http/json [layer-no-grpc]" in line


def test_a_back_end_that_cuts_the_connection_gets_the_spans_once_more(
    invocations: Ready, backend: Collector
) -> None:
    backend.replies = [Reply(hang_up=True)]
    running = invocations(backend.url)
    running.run_until(lambda: len(backend.received) >= 2)
    first, second = ({span["spanId"] for span in each.spans} for each in backend.received[:2])
    assert first <= second


def test_what_was_cut_twice_is_given_up_and_counted(invocations: Ready, backend: Collector) -> None:
    backend.replies = [Reply(hang_up=True)] * 2
    running = invocations(backend.url)
    running.run_until(lambda: len(backend.received) >= 3)
    assert told_drops(backend.received[2]) >= len(told_ids(backend.received[:1]))


def test_a_back_end_that_comes_back_after_many_invocations_gets_them_all(
    invocations: Ready, platform: Platform, tmp_path: Path
) -> None:
    port = unused_port()
    running = invocations(f"http://127.0.0.1:{port}")
    for _ in range(100):
        running.run()
    with collector(port=port) as backend:
        running.run_until(lambda: len(told_ids(backend.received)) >= 100, pause_s=0.2)
        ids = told_ids(backend.received)
        assert ids == running.ids[: len(ids)]
        assert told_drops(backend.received[0]) == 0
    assert (tmp_path / "extension.log").read_text().count("[otlp-trouble]\n") == 1


def test_a_back_end_that_never_answers_holds_nothing_back(
    invocations: Ready, platform: Platform, tmp_path: Path
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        running = invocations(f"http://127.0.0.1:{silent.getsockname()[1]}")
        for _ in range(5):
            running.run()
        assert max(running.held_s) < SOON_S
        began = time.monotonic()
        platform.shut_down()
        log = wait_for_line(tmp_path, "[otlp-failed]")
        assert time.monotonic() - began < SOON_S
    assert "conntrace: 5 spans did not reach http://127.0.0.1:" in log
    # On a busy machine the export's own time-out comes first.
    assert "in the time that was left" in log or "TimeoutError: timed out [otlp-trouble]" in log


def wait_for_line(folder: Path, text: str) -> str:
    deadline = time.monotonic() + 20
    while text not in (log := (folder / "extension.log").read_text()):
        assert time.monotonic() < deadline, log
        time.sleep(0.01)
    return log


def test_a_slow_back_end_is_waited_for_a_moment_and_once(
    invocations: Ready, backend: Collector
) -> None:
    backend.replies = [Reply(delay_s=5.0)] * 3
    running = invocations(backend.url)
    running.run_until(lambda: bool(backend.received))
    for _ in range(3):
        running.run()
    assert max(running.held_s) < SOON_S
    running.run_until(lambda: len(backend.received) >= 2, pause_s=0.2)
    first, second = (set(told_ids([each])) for each in backend.received[:2])
    assert first
    assert not first & second


def test_a_freeze_in_the_middle_of_an_export_loses_nothing(
    platform: Platform, start: Start, function: Function, backend: Collector
) -> None:
    """The back end hangs up meanwhile: on thawing nobody knows whether the spans arrived."""
    backend.replies = [Reply(hang_up=True, delay_s=1.0)]
    extension = start(OTEL_EXPORTER_OTLP_ENDPOINT=backend.url)
    platform.wait_for_next(1)
    running = Invocations(platform, function())
    running.run_until(lambda: bool(backend.received))
    extension.freeze(1.5)
    running.run_until(lambda: len(backend.received) >= 2)
    assert set(told_ids(backend.received[:1])) <= set(told_ids(backend.received[1:2]))
    assert "[otlp-trouble]" not in extension.log
