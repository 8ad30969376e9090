"""INIT: who is started when, with what, and what happens when it fails or takes too long."""

from __future__ import annotations

import re
import time
from pathlib import Path

import pytest

from tests.simulator.conftest import Start, can_mount, told

NOT_FOR_EXTENSIONS = {
    "AWS_EXECUTION_ENV",
    "AWS_LAMBDA_LOG_GROUP_NAME",
    "AWS_LAMBDA_LOG_STREAM_NAME",
    "AWS_XRAY_CONTEXT_MISSING",
    "AWS_XRAY_DAEMON_ADDRESS",
    "LAMBDA_RUNTIME_DIR",
    "LAMBDA_TASK_ROOT",
    "_AWS_XRAY_DAEMON_ADDRESS",
    "_AWS_XRAY_DAEMON_PORT",
    "_HANDLER",
}


def test_the_runtime_starts_when_all_have_registered(start: Start) -> None:
    """Extensions register first; INVOKE comes only after everybody's /next."""
    function = start(probe=True, environment={"PROBE_SLOW_S": "0.3"})
    log = function.invoke("nothing").log
    [registered] = told(log, "probe", "registered")
    [imported] = told(log, "function", "import")
    [invoked] = told(log, "probe", "INVOKE")
    first_next = told(log, "probe", "next")[0]
    assert registered["status"] == 200
    assert registered["at"] < imported["at"] < invoked["at"]
    assert first_next["at"] < invoked["at"]
    assert registered["reply"] == {
        "functionName": "local-function",
        "functionVersion": "$LATEST",
        "handler": "app.do",
        "accountId": "123456789012",
    }
    assert "EXTENSION\tName: probe\tState: Ready\tEvents: [INVOKE, SHUTDOWN]" in log


def test_both_environments_of_variables(start: Start) -> None:
    """The extension gets the function's variables but for those the platform keeps from it."""
    function = start("app.facts", probe=True, environment={"SHOP": "test"}, memory_mb=700)
    invocation = function.invoke({"a": [1, None]})
    seen = invocation.json()
    variables = seen["environment"]
    [extension] = told(invocation.log, "probe", "started")
    assert seen["event"] == {"a": [1, None]}
    assert set(variables) >= NOT_FOR_EXTENSIONS
    assert set() == NOT_FOR_EXTENSIONS & set(extension["environment"])
    for name in ("SHOP", "AWS_REGION", "AWS_LAMBDA_FUNCTION_NAME", "AWS_LAMBDA_RUNTIME_API"):
        assert extension["environment"][name] == variables[name]
    assert variables["AWS_LAMBDA_FUNCTION_MEMORY_SIZE"] == "700"
    assert variables["AWS_LAMBDA_INITIALIZATION_TYPE"] == "on-demand"
    assert "HOME" not in variables, "nothing of the caller's own environment is handed on"
    assert extension["cwd"] == "/"
    assert variables["LAMBDA_TASK_ROOT"] == seen["cwd"] == seen["path"][0]
    assert invocation.request_id == seen["request_id"]
    assert 0 < seen["remaining_ms"] <= 10_000
    assert re.fullmatch(
        r"Root=1-[0-9a-f]{8}-[0-9a-f]{24};Parent=[0-9a-f]{16};Sampled=0",
        variables["_X_AMZN_TRACE_ID"],
    )


def test_the_layer_is_on_opt_for_the_function_only(start: Start) -> None:
    """The wrapper that the function's configuration names runs the runtime."""
    if not can_mount():
        pytest.skip("only root is sure to be allowed to mount; others may get the layer's own path")
    function = start(
        "app.facts", probe=True, environment={"AWS_LAMBDA_EXEC_WRAPPER": "/opt/wrapper"}
    )
    seen = function.invoke().json()
    assert {"extensions", "wrapper"} <= set(seen["layer"])
    assert seen["environment"]["WRAPPED_BY"] == "/opt/wrapper"
    assert seen["environment"]["WRAPPED_COMMAND"].endswith("/bootstrap.py")
    assert not Path("/opt/wrapper").exists()


@pytest.mark.parametrize(
    ("wrapper", "code"), [("/opt/none", 127), ("/opt/probe_extension.py", 126)]
)
def test_a_wrapper_that_cannot_run(start: Start, wrapper: str, code: int) -> None:
    """As a shell has it: 127 for what is not there, 126 for what cannot be executed."""
    function = start(probe=True, environment={"AWS_LAMBDA_EXEC_WRAPPER": wrapper})
    invocation = function.invoke("nothing")
    assert invocation.error == "Runtime.ExitError"
    assert f"exit status {code}" in invocation.json()["errorMessage"]


def test_a_module_that_cannot_be_imported(start: Start) -> None:
    """INIT fails, is tried again within the invocation, and the runtime's error is the answer."""
    function = start(probe=True, environment={"IMPORT_FAILS": "1"})
    invocation = function.invoke("nothing")
    assert invocation.error == "Runtime.ImportModuleError"
    assert "Unable to import module 'app'" in invocation.json()["errorMessage"]
    assert invocation.status == "failure"
    assert re.findall(r"INIT_REPORT .*Phase: (\w+)\tStatus: error", invocation.log) == [
        "init",
        "invoke",
    ]
    assert "Init Duration" not in invocation.report
    assert told(invocation.log, "probe", "INVOKE") == []
    assert len(told(invocation.log, "probe", "SHUTDOWN")) == 2, "one for each INIT"


def test_a_runtime_that_exits_in_init(start: Start) -> None:
    """Its exit status is told."""
    function = start(environment={"IMPORT_EXITS": "1"})
    invocation = function.invoke("nothing")
    assert invocation.error == "Runtime.ExitError"
    assert invocation.json()["errorMessage"].endswith("Runtime exited with error: exit status 7")


def test_an_init_that_takes_too_long_is_done_again(start: Start) -> None:
    """Within the invocation, under the function's own limit, and without an Init Duration."""
    function = start(environment={"IMPORT_S": "0.8"}, init_timeout_s=0.4)
    invocation = function.invoke("nothing")
    assert invocation.error == ""
    assert "Phase: init\tStatus: timeout" in invocation.log
    assert len(told(invocation.log, "function", "import")) == 2
    assert invocation.duration_s >= 0.8
    assert "Init Duration" not in invocation.report


def test_an_init_that_never_ends(start: Start) -> None:
    """The second INIT runs into the function's limit: the invocation times out."""
    function = start(environment={"IMPORT_S": "30"}, init_timeout_s=0.3, timeout_s=0.6)
    begun = time.monotonic()
    invocation = function.invoke("nothing")
    assert invocation.error == "Sandbox.Timedout"
    assert invocation.json()["errorMessage"].endswith("Task timed out after 0.60 seconds")
    assert invocation.status == "timeout"
    assert time.monotonic() - begun < 10


@pytest.mark.parametrize("point", ["start", "registered"])
def test_an_extension_that_exits_in_init(start: Start, point: str) -> None:
    """Extension.Crash, even with exit code 0."""
    function = start(probe=True, environment={"PROBE_CRASH": point})
    invocation = function.invoke("nothing")
    assert invocation.error == "Extension.Crash"
    assert invocation.status == "failure"


def test_an_extension_that_never_registers(start: Start) -> None:
    """The runtime is not started; the invocation times out."""
    function = start(
        probe=True, environment={"PROBE_SLOW_S": "30"}, init_timeout_s=0.3, timeout_s=0.6
    )
    invocation = function.invoke("nothing")
    assert invocation.error == "Sandbox.Timedout"
    assert told(invocation.log, "function") == []


def test_another_python_is_first_on_the_path(start: Start, tmp_path: Path) -> None:
    """A script that stands for an interpreter in a folder without `python3` still is `python3`."""
    import sys

    python = tmp_path / "special-python"
    python.write_text(f'#!/bin/sh\nSPECIAL=1 exec "{sys.executable}" "$@"\n')
    python.chmod(0o755)
    function = start("app.facts", probe=True, python=python)
    invocation = function.invoke()
    [extension] = told(invocation.log, "probe", "started")
    assert extension["environment"]["SPECIAL"] == "1"
    assert invocation.json()["environment"]["SPECIAL"] == "1"
