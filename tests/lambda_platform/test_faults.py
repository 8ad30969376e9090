"""Whatever fails, the function's results are those of the function without the layer."""

from __future__ import annotations

import json
import re
import shutil
import zipfile
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from conntrace import semantic_names as names
from conntrace.settings_table import TABLE
from conntrace.simulator import LocalLambda
from tests.lambda_platform.conftest import FUNCTIONS, Start, Traces
from tests.lambda_platform.platforms import Platform
from tests.lambda_platform.reading import invocations
from tests.layer.built import built_layer
from tests.unit.exporters.collector import Collector, Reply, collector

EVENTS = ({"number": 1}, {"number": 2}, {"number": 3})
ALWAYS = 50


@pytest.fixture
def backend() -> Iterator[Collector]:
    """A back end that answers as told."""
    with collector() as running:
        yield running


def payload_of(function: Any, event: object) -> object:
    """The answer, without what is never the same twice."""
    answer = function.invoke(event).payload
    # The emulator's answer is empty when the runtime exits in INIT.
    payload = json.loads(answer) if answer else None
    if isinstance(payload, dict):
        payload.pop("requestId", None)
    return payload


def assert_echoes(function: Any) -> None:
    assert [payload_of(function, event) for event in EVENTS] == [
        {"echo": event} for event in EVENTS
    ]


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
    local_platform: Platform, start: Start, backend: Collector, fault: str
) -> None:
    backend.replies = [REPLIES[fault]] * ALWAYS
    function = start(local_platform, "faults.echo", {"OTEL_EXPORTER_OTLP_ENDPOINT": backend.url})
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


def test_a_function_that_is_killed(platform: Platform, start: Start, traces: Traces) -> None:
    """The kernel ends a process that takes too much memory by this signal."""
    answers = []
    for traced in (False, True):
        function = start(platform, "faults.be_killed", traced=traced)
        answers.append(payload_of(function, {}))
        function.shutdown()
    assert without_ids(answers[0]) == without_ids(answers[1])
    [span] = invocations(traces.spans)
    assert span.error
    assert span.attributes[names.ERROR_TYPE] == "Runtime.ExitError"


def without_ids(payload: object) -> str:
    """The platform's own words, in which the request id stands."""
    text = json.dumps(payload)
    return text[text.find("Error:") :] if "RequestId" in text else text


IMPORTS = {
    "missing-library": ("import no_such_library", "Runtime.ImportModuleError"),
    "syntax": ("this is no Python", "Runtime.UserCodeSyntaxError"),
    "exception": ("raise ValueError('no table is named')", "ValueError"),
    "no-handler": ("def other(event, context): ...", "Runtime.HandlerNotFound"),
    "exit": ("import sys; sys.exit(3)", "Runtime.ExitError"),
    "kill": ("import os; os.kill(os.getpid(), 9)", "Runtime.ExitError"),
}
CONNECT = "import socket; socket.create_connection(('127.0.0.1', {port})).close()\n"


@pytest.mark.parametrize("fault", IMPORTS)
def test_a_function_that_cannot_be_imported(
    platform: Platform, start: Start, traces: Traces, fault: str, tmp_path: Path
) -> None:
    """One request, one span of an invocation; what the import had connected is below it."""
    port = traces.receiver.endpoint.rpartition(":")[2]
    source, error = IMPORTS[fault]
    # A syntax error is found before anything runs; a kill takes along what was not told yet.
    connect = "" if fault in ("syntax", "kill") else CONNECT.format(port=port)
    (tmp_path / "orders.py").write_text(f"{connect}{source}\n")
    answers = []
    for traced in (False, True):
        function = start(platform, "orders.handler", traced=traced, task_root=tmp_path)
        answers.append(payload_of(function, {}))
        function.shutdown()
    assert without_ids(answers[0]) == without_ids(answers[1])
    spans = traces.spans
    [span] = invocations(spans)
    assert (span.name, span.error) == ("local-function", True)
    assert span.attributes[names.ERROR_TYPE] == error
    assert span.attributes[names.UNFINISHED_PHASE] == "init"
    assert span.attributes[names.FAAS_COLDSTART] is True
    below = [each.name for each in spans.children(span)]
    assert below == ([f"{names.SOCKET_CONNECT} 127.0.0.1:{port}"] if connect else [])
    ahead = [each.attributes[names.ERROR_TYPE] for each in spans.named("local-function init")]
    if platform.lacks("no-telemetry"):
        # It tries once, and tells nobody whose invocation that was.
        assert ahead == []
    else:
        # Lambda has tried before, when no invocation waited for it yet.
        assert ahead == [error]
        assert span.attributes[names.FAAS_INVOCATION_ID]


def test_garbage_in_every_setting(local_platform: Platform, start: Start) -> None:
    garbage = {
        name: "garbage=,;%zz"
        for row in TABLE
        if not row.internal and row.field != "exec_wrapper_next"
        for name in row.names
    }
    function = start(local_platform, "faults.echo", garbage)
    assert_echoes(function)
    function.shutdown()
    log = function.log
    assert log.count("OTEL_TRACES_SAMPLER=garbage") == 1
    assert "[extension-failed]" not in log


@pytest.fixture
def broken_layer(layer: Path, tmp_path: Path) -> Path:
    """The layer, in which the analyzer is damaged."""
    folder = tmp_path / "layer"
    with zipfile.ZipFile(layer) as archive:
        archive.extractall(folder)
    for program in ("conntrace", "extensions/conntrace"):
        (folder / program).chmod(0o755)
    shutil.rmtree(folder / "conntrace.d" / "bytecode")
    pipeline = folder / "conntrace.d" / "agent" / "conntrace" / "analyzer" / "pipeline.py"
    pipeline.write_text("raise RuntimeError('damaged')\n")
    return folder


@pytest.fixture
def run(broken_layer: Path) -> Iterator[Callable[..., LocalLambda]]:
    """`run("faults.echo")` is a function with the damaged layer."""
    with ExitStack() as stack:

        def made(handler: str, **environment: str) -> LocalLambda:
            variables = {"AWS_LAMBDA_EXEC_WRAPPER": "/opt/conntrace", **environment}
            function = LocalLambda(handler, FUNCTIONS, broken_layer, variables, timeout_s=20)
            return stack.enter_context(function)

        yield made


def test_a_back_end_that_takes_protobuf_only(backend: Collector) -> None:
    """The layer's other flavour has the encoder; it is loaded when the back end asks for it."""
    service = pytest.importorskip("opentelemetry.proto.collector.trace.v1.trace_service_pb2")
    variables = {
        "AWS_LAMBDA_EXEC_WRAPPER": "/opt/conntrace",
        "OTEL_EXPORTER_OTLP_ENDPOINT": backend.url,
    }
    backend.replies = [Reply(415)]
    layer = built_layer("protobuf") / "opt"
    with LocalLambda("faults.echo", FUNCTIONS, layer, variables, timeout_s=20) as function:
        for _ in range(20):
            payload_of(function, {})
            if len(backend.received) >= 2:
                break
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


def test_an_extension_that_fails_inside_idles(
    run: Callable[..., LocalLambda], backend: Collector
) -> None:
    function = run("faults.echo", OTEL_EXPORTER_OTLP_ENDPOINT=backend.url)
    assert_echoes(function)
    function.close()
    assert function.log.count("RuntimeError: damaged at pipeline.py:1) [extension-failed]") == 1
    assert "Extension.Crash" not in function.log
    assert backend.received == []


def test_a_freeze_in_the_middle_of_an_export(
    local_platform: Platform, start: Start, backend: Collector
) -> None:
    """An answer that comes while nothing runs is read afterwards; nothing is lost or counted."""
    backend.replies = [Reply(delay_s=0.4)] * ALWAYS
    function = start(local_platform, "faults.echo", {"OTEL_EXPORTER_OTLP_ENDPOINT": backend.url})
    for number in range(5):
        function.invoke({"number": number}, gap_s=1.0)
    function.shutdown()
    ids = [
        attribute["value"]["stringValue"]
        for request in backend.received
        for span in request.spans
        for attribute in span["attributes"]
        if attribute["key"] == names.FAAS_INVOCATION_ID
    ]
    assert len(set(ids)) == 5
    assert "conntrace:" not in function.log
