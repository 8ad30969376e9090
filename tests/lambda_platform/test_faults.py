"""Whatever fails in a function or in the extension, the function's results are those without it."""

from __future__ import annotations

import shutil
import zipfile
from pathlib import Path

import pytest

from conntrace import semantic_names as names
from conntrace.settings_table import TABLE
from tests.lambda_platform.conftest import Start, Traces
from tests.lambda_platform.platforms import Platform
from tests.lambda_platform.reading import assert_echoes, invocations, payload_of, without_ids
from tests.unit.exporters.collector import Collector


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


IMPORTS = {
    "missing-library": ("import no_such_library", "Runtime.ImportModuleError"),
    "syntax": ("this is no Python", "Runtime.UserCodeSyntaxError"),
    "exception": ("raise ValueError('no table is named')", "ValueError"),
    "no-handler": ("def other(event, context): ...", "Runtime.HandlerNotFound"),
    "exit": ("import sys; sys.exit(3)", "Runtime.ExitError"),
    "kill": ("import os; os.kill(os.getpid(), 9)", "Runtime.ExitError"),
}
CONNECT = "import socket; socket.create_connection(('127.0.0.1', {port})).close()\n"
HANG = """\
import ssl, socket
connection = socket.create_connection(("127.0.0.1", {port}))
ssl.create_default_context().wrap_socket(connection, server_hostname="localhost")
"""


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
    if platform.lacks("one-init"):
        assert ahead == []
    else:
        # Lambda has tried before, when no invocation waited for it yet.
        assert ahead == [error]
        assert span.attributes[names.FAAS_INVOCATION_ID]


def test_an_import_that_hangs(
    platform: Platform, start: Start, traces: Traces, silent_port: int, tmp_path: Path
) -> None:
    """Lambda gives INIT some time of its own, and tries again within the invocation's."""
    (tmp_path / "orders.py").write_text(HANG.format(port=silent_port))
    function = start(platform, "orders.handler", task_root=tmp_path, timeout_s=2, init_timeout_s=1)
    payload = function.invoke({}).payload
    function.shutdown()
    assert b"timed out after 2.00 seconds" in payload
    spans = traces.spans
    [span] = invocations(spans)
    assert span.error
    assert span.attributes[names.ERROR_TYPE] == "timeout"
    assert span.attributes[names.UNFINISHED_PHASE] == "tls"
    [handshake] = [
        each for each in spans.named(names.TLS_HANDSHAKE) if each.trace_id == span.trace_id
    ]
    assert handshake.error
    ahead = [each.attributes[names.ERROR_TYPE] for each in spans.named("local-function init")]
    assert ahead == ([] if platform.lacks("one-init") else ["timeout"])


def test_garbage_in_every_setting(platform: Platform, start: Start) -> None:
    garbage = {
        name: "garbage=,;%zz"
        for row in TABLE
        if not row.internal and row.field != "exec_wrapper_next"
        for name in row.names
    }
    function = start(platform, "faults.echo", garbage)
    assert_echoes(function)
    function.shutdown()
    log = function.log
    assert log.count("OTEL_TRACES_SAMPLER=garbage") == 1
    assert "[extension-failed]" not in log


def test_two_wrappers(platform: Platform, start: Start, traces: Traces, tmp_path: Path) -> None:
    """The other one runs after ours, and both do what they are there for."""
    other = tmp_path / "wrapper"
    other.write_text('#!/bin/sh\nexport OTHER_WRAPPER="ran before $2"\nexec "$@"\n')
    other.chmod(0o755)
    told = []
    for variables in (
        {"AWS_LAMBDA_EXEC_WRAPPER": str(other)},
        {"CONNTRACE_EXEC_WRAPPER_NEXT": str(other)},
    ):
        traced = "CONNTRACE_EXEC_WRAPPER_NEXT" in variables
        function = start(platform, "faults.echo_variable", variables, traced=traced)
        told.append(payload_of(function, {"variable": "OTHER_WRAPPER"}))
        function.shutdown()
    assert str(told[0]).startswith("ran before ")
    assert str(told[1]).startswith("ran before ")
    [span] = invocations(traces.spans)
    assert not span.error


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


def test_an_extension_that_fails_inside_idles(
    platform: Platform, start: Start, broken_layer: Path, backend: Collector
) -> None:
    variables = {"OTEL_EXPORTER_OTLP_ENDPOINT": backend.url}
    function = start(platform, "faults.echo", variables, other_layer=broken_layer)
    assert_echoes(function)
    function.shutdown()
    assert function.log.count("RuntimeError: damaged at pipeline.py:1) [extension-failed]") == 1
    assert "Extension.Crash" not in function.log
    assert backend.received == []
