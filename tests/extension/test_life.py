"""The life of the extension: the real process between a platform, a function and a back end."""

from __future__ import annotations

import json
import ssl
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import trustme

from conntrace.events import ConnectStart, SetupStart
from conntrace.settings_table import TABLE
from tests.extension.conftest import Start
from tests.extension.function import FunctionProcess
from tests.extension.platform import Platform
from tests.unit.exporters.collector import Collector, collector

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


def test_it_registers_by_its_own_name_and_waits(platform: Platform, start: Start) -> None:
    extension = start(OTEL_EXPORTER_OTLP_ENDPOINT=NOWHERE)
    platform.wait_for_next(1)
    assert platform.registrations == [("conntrace", ["INVOKE", "SHUTDOWN"])]
    platform.shut_down()
    assert extension.ended() == 0
    assert extension.log == ""


def test_the_spans_of_an_invocation_leave_after_its_response(
    platform: Platform, start: Start, function: Function, backend: Collector
) -> None:
    extension = start(OTEL_EXPORTER_OTLP_ENDPOINT=backend.url)
    platform.wait_for_next(1)
    process = function()
    platform.invoke("request-1")
    process.begin("request-1")
    connect_once(process)
    time.sleep(0.3)
    assert backend.connections == 0
    assert len(platform.next_s) == 1
    process.end()
    platform.wait_for_next(2)
    # Loading the analyzer takes longer than the first moment on a slow machine.
    run_invocations_until(platform, process, lambda: SETUP in backend.names)
    assert "shop" in backend.names
    # Its memory is taken from the function's: TLS is not loaded for nothing.
    assert "libssl" not in Path(f"/proc/{extension.process.pid}/maps").read_text()
    (resource_spans, *_) = json.loads(backend.received[0].body)["resourceSpans"]
    assert attributes_of(resource_spans["resource"])["cloud.account.id"] == "123456789012"


def test_without_the_agent_in_the_function_nothing_is_waited_for(
    platform: Platform, start: Start
) -> None:
    start(OTEL_EXPORTER_OTLP_ENDPOINT=NOWHERE)
    platform.wait_for_next(1)
    for number in range(2, 6):
        platform.invoke(f"request-{number}", timeout_s=900)
        platform.wait_for_next(number, timeout_s=5)


def test_an_invocation_that_no_process_begins_is_not_waited_for(
    platform: Platform, start: Start, function: Function
) -> None:
    """Another runtime client than those we know: a process is there, and says nothing."""
    start(OTEL_EXPORTER_OTLP_ENDPOINT=NOWHERE)
    platform.wait_for_next(1)
    function()
    platform.invoke("request-1", timeout_s=900)
    platform.wait_for_next(2, timeout_s=10)


def test_the_platform_may_end_an_invocation_too(
    platform: Platform, start: Start, function: Function
) -> None:
    start(OTEL_EXPORTER_OTLP_ENDPOINT=NOWHERE)
    platform.wait_for_next(1)
    process = function()
    platform.invoke("request-1", timeout_s=900)
    process.begin("request-1", timeout_s=900)
    time.sleep(0.2)
    assert len(platform.next_s) == 1
    done = {"requestId": "request-1", "status": "success"}
    event = {"time": "2026-01-01T00:00:00.000Z", "type": "platform.runtimeDone", "record": done}
    assert platform.post_telemetry(event, path="/any/path") == 200
    platform.wait_for_next(2)


@pytest.mark.parametrize("statuses", [[202], [404], [403, 403], [500, 500], [400, 200]])
def test_a_platform_without_telemetry_costs_nothing(
    platform: Platform, start: Start, function: Function, backend: Collector, statuses: list[int]
) -> None:
    platform.telemetry_statuses = statuses
    extension = start(OTEL_EXPORTER_OTLP_ENDPOINT=backend.url)
    platform.wait_for_next(1)
    process = function()
    platform.invoke("request-1")
    process.begin("request-1")
    process.end()
    platform.wait_for_next(2)
    platform.shut_down()
    assert extension.ended() == 0
    assert backend.names == ["shop"]
    versions = [each["schemaVersion"] for each in platform.subscriptions]
    assert versions == ["2022-12-13", "2025-01-29"][: 1 if statuses in ([202],) else 2]


@pytest.mark.parametrize(
    ("reason", "error"),
    [
        ("timeout", "timeout"),
        ("TIMEOUT", "timeout"),
        ("Timeout", "timeout"),
        ("failure", "Runtime.ExitError"),
        ("ReleaseFail", "Runtime.ExitError"),
        ("something new", "Runtime.ExitError"),
    ],
)
def test_what_hung_in_the_first_invocation_is_seen(
    platform: Platform,
    start: Start,
    function: Function,
    backend: Collector,
    reason: str,
    error: str,
) -> None:
    extension = start(OTEL_EXPORTER_OTLP_ENDPOINT=backend.url)
    platform.wait_for_next(1)
    process = function()
    platform.invoke("request-1", timeout_s=0.6)
    process.begin("request-1", timeout_s=0.6)
    begin_to_connect(process, "silent.example.com")
    # The platform can tell of the end only while the extension waits for it.
    platform.wait_for_next(2)
    assert backend.received == []
    platform.shut_down(reason)
    assert extension.ended() == 0
    span = wait_for_span(backend, "shop")
    assert span["status"] == {"code": 2}
    assert attributes_of(span)["error.type"] == error
    hanging = wait_for_span(backend, "HTTP connection_setup silent.example.com:443")
    assert attributes_of(hanging)["conntrace.unfinished_phase"] == "connect"


def test_a_process_that_dies_ends_its_invocation(
    platform: Platform, start: Start, function: Function, backend: Collector
) -> None:
    extension = start(OTEL_EXPORTER_OTLP_ENDPOINT=backend.url)
    platform.wait_for_next(1)
    process = function()
    platform.invoke("request-1", timeout_s=900)
    process.begin("request-1", timeout_s=900)
    process.close()
    platform.wait_for_next(2)
    platform.shut_down("failure")
    assert extension.ended() == 0
    assert attributes_of(wait_for_span(backend, "shop"))["error.type"] == "Runtime.ExitError"


def test_an_invocation_that_never_reached_a_process_is_an_error(
    platform: Platform, start: Start, backend: Collector
) -> None:
    extension = start(OTEL_EXPORTER_OTLP_ENDPOINT=backend.url)
    platform.wait_for_next(1)
    platform.invoke("request-1", timeout_s=900)
    platform.wait_for_next(2)
    platform.shut_down("failure")
    assert extension.ended() == 0
    (request,) = backend.received
    (span,) = request.spans
    assert attributes_of(span)["faas.invocation_id"] == "request-1"
    assert span["status"] == {"code": 2}


@pytest.mark.parametrize(
    "switch",
    [{"CONNTRACE_ENABLED": "false"}, {"CONNTRACE_ENABLED": "0"}, {"OTEL_SDK_DISABLED": "TRUE"}],
)
def test_switched_off_it_only_idles(
    platform: Platform, start: Start, switch: dict[str, str]
) -> None:
    extension = start(OTEL_EXPORTER_OTLP_ENDPOINT=NOWHERE, **switch)
    platform.wait_for_next(1)
    assert platform.registrations == [("conntrace", ["SHUTDOWN"])]
    assert platform.subscriptions == []
    with pytest.raises(AssertionError, match="nobody listens"):
        FunctionProcess(platform.address, patience_s=0.1)
    platform.shut_down()
    assert extension.ended() == 0
    assert extension.log == ""


def test_a_broken_layer_idles_and_says_why(platform: Platform, start: Start) -> None:
    extension = start(without=".")
    platform.wait_for_next(1)
    assert platform.registrations == [("conntrace", ["SHUTDOWN"])]
    assert extension.log.startswith("conntrace: the extension failed and records nothing more (")
    assert "No module named 'conntrace'" in extension.log
    assert extension.log.endswith("[extension-failed]\n")
    assert extension.log.count("\n") == 1
    platform.shut_down()
    assert extension.ended() == 0


def test_a_fault_in_the_middle_of_its_life_idles_too(
    platform: Platform, start: Start, function: Function
) -> None:
    """The analyzer cannot be loaded, which shows after the first response only."""
    extension = start(without="analyzer/pipeline.py", OTEL_EXPORTER_OTLP_ENDPOINT=NOWHERE)
    platform.wait_for_next(1)
    process = function()
    for number in range(1, 4):
        platform.invoke(f"request-{number}")
        process.begin(f"request-{number}")
        process.end()
        platform.wait_for_next(number + 1)
    assert extension.is_running
    assert extension.log.count("[extension-failed]\n") == 1
    assert extension.log.count("\n") == 1
    platform.shut_down()
    assert extension.ended() == 0


def test_a_platform_that_hangs_up_is_asked_again(
    platform: Platform, start: Start, backend: Collector
) -> None:
    platform.drop_next = 3
    extension = start(OTEL_EXPORTER_OTLP_ENDPOINT=backend.url)
    platform.wait_for_next(1)
    platform.drop_next = 2
    platform.invoke("request-1")
    platform.wait_for_next(2)
    platform.shut_down()
    assert extension.ended() == 0
    assert extension.log == ""


def test_managed_instances_grant_no_invocations(
    platform: Platform, start: Start, function: Callable[[str], FunctionProcess], backend: Collector
) -> None:
    """Several processes, one invocation each at a time, thinking and sending all the time."""
    platform.refuses_invoke = True
    extension = start(OTEL_EXPORTER_OTLP_ENDPOINT=backend.url)
    platform.wait_for_next(1)
    assert [events for _, events in platform.registrations] == [
        ["INVOKE", "SHUTDOWN"],
        ["SHUTDOWN"],
    ]
    processes = [function(f"{number:016x}") for number in (1, 2)]
    for number, process in enumerate(processes):
        process.begin(f"request-{number}")
    for process in processes:
        process.end()
    platform.shut_down()
    assert extension.ended() == 0
    assert backend.names == ["shop", "shop"]
    assert [each["schemaVersion"] for each in platform.subscriptions] == ["2025-01-29"]


def test_managed_instances_send_without_being_asked(
    platform: Platform, start: Start, function: Function, backend: Collector
) -> None:
    start(
        OTEL_EXPORTER_OTLP_ENDPOINT=backend.url,
        AWS_LAMBDA_INITIALIZATION_TYPE="lambda-managed-instances",
    )
    platform.wait_for_next(1)
    assert platform.registrations == [("conntrace", ["SHUTDOWN"])]
    process = function()
    process.begin("request-1")
    process.end()
    wait_for_span(backend, "shop")


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


def test_without_an_endpoint_findings_go_to_the_log(
    platform: Platform, start: Start, function: Function
) -> None:
    extension = start()
    platform.wait_for_next(1)
    process = function()
    platform.invoke("request-1")
    process.begin("request-1")
    connect_once(process)
    process.end()
    platform.wait_for_next(2)
    run_invocations_until(platform, process, lambda: "\n" in extension.log)
    platform.shut_down()
    assert extension.ended() == 0
    (line,) = extension.log.splitlines()
    told = json.loads(line)
    assert (told["type"], told["requestId"]) == ("conntrace.findings", "request-1")
    (finding,) = told["findings"]
    assert finding["cause"] == "first_use_of_destination"
    assert finding["destination"] == "api.example.com:443"


@pytest.mark.parametrize("endpoint", ["", NOWHERE])
def test_garbage_in_every_setting_is_said_once_and_stops_nothing(
    platform: Platform, start: Start, function: Function, endpoint: str
) -> None:
    garbage = {
        name: "\x01 garbage=,;%zz\udcff"
        for row in TABLE
        if not row.internal
        for name in row.names
        if not name.endswith("_ENDPOINT")
    }
    garbage["CONNTRACE_NONSENSE"] = "1"
    garbage["OTEL_EXPORTER_OTLP_ENDPOINT"] = endpoint
    extension = start(**garbage)
    platform.wait_for_next(1)
    process = function()
    for number in range(1, 4):
        platform.invoke(f"request-{number}")
        process.begin(f"request-{number}")
        process.end()
        platform.wait_for_next(number + 1)
    platform.shut_down()
    assert extension.ended() == 0
    log = extension.log.splitlines()
    told = [line for line in log if line.endswith("[wrong-setting]")]
    assert len(told) == len({line.split("=")[0].split(" ")[1] for line in told}) > 10
    assert sum(line.endswith("[unknown-setting]") for line in log) == 1
    assert "[extension-failed]" not in extension.log


def test_an_endpoint_that_is_none_is_said(platform: Platform, start: Start) -> None:
    extension = start(OTEL_EXPORTER_OTLP_ENDPOINT="http://")
    platform.wait_for_next(1)
    platform.shut_down()
    assert extension.ended() == 0
    (line,) = extension.log.splitlines()
    assert line.endswith("[wrong-setting]")


def test_a_certificate_that_is_not_there_is_said_and_costs_the_spans_only(
    platform: Platform, start: Start, function: Function
) -> None:
    extension = start(
        OTEL_EXPORTER_OTLP_ENDPOINT="https://127.0.0.1:9",
        OTEL_EXPORTER_OTLP_CERTIFICATE="/nowhere.pem",
    )
    platform.wait_for_next(1)
    process = function()
    platform.invoke("request-1")
    process.begin("request-1")
    process.end()
    platform.wait_for_next(2)
    platform.shut_down()
    assert extension.ended() == 0
    (line,) = extension.log.splitlines()
    assert line.endswith("[otlp-certificate]")


def test_what_nobody_understands_is_left_out_and_said(
    platform: Platform, start: Start, function: Function, backend: Collector
) -> None:
    extension = start(OTEL_EXPORTER_OTLP_ENDPOINT=backend.url)
    platform.wait_for_next(1)
    process = function()
    platform.invoke("request-1")
    process.begin("request-1")
    process.send_lines([b"no_such_event\t1\t2", b"\xff\xfe", b"lookup_start\tno number"])
    process.end()
    platform.wait_for_next(2)
    platform.shut_down()
    assert extension.ended() == 0
    assert backend.names == ["shop"]
    (line,) = extension.log.splitlines()
    assert line.endswith("packets or lines were not understood and left out [bad-events]")


def test_a_proxy_carries_the_spans_and_not_the_platform(
    platform: Platform, start: Start, backend: Collector
) -> None:
    extension = start(
        HTTP_PROXY=backend.url,
        http_proxy=backend.url,
        OTEL_EXPORTER_OTLP_ENDPOINT="http://backend.test:4318",
    )
    platform.wait_for_next(1)
    platform.invoke("request-1")
    platform.wait_for_next(2)
    platform.shut_down()
    assert extension.ended() == 0
    (request,) = backend.received
    assert request.target == "http://backend.test:4318/v1/traces"


def test_a_back_end_with_a_certificate_of_its_own(
    platform: Platform, start: Start, tmp_path: Path
) -> None:
    authority = trustme.CA()
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("127.0.0.1").configure_cert(context)
    bundle = tmp_path / "ca.pem"
    authority.cert_pem.write_to_path(bundle)
    with collector(context) as backend:
        extension = start(
            OTEL_EXPORTER_OTLP_ENDPOINT=backend.url,
            OTEL_EXPORTER_OTLP_CERTIFICATE=str(bundle),
            OTEL_EXPORTER_OTLP_HEADERS="x-key=a%20secret",
        )
        platform.wait_for_next(1)
        platform.invoke("request-1")
        platform.wait_for_next(2)
        platform.shut_down()
        assert extension.ended() == 0
        (request,) = backend.received
    assert request.headers["x-key"] == "a secret"
    assert "secret" not in extension.log
