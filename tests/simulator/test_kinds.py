"""Provisioned concurrency, SnapStart and managed instances."""

from __future__ import annotations

import threading

from conntrace.simulator import Invocation
from tests.simulator.conftest import Start, told


def test_provisioned_concurrency(start: Start) -> None:
    """INIT is over before the first invocation, which is warm."""
    function = start("app.facts", probe=True, initialization_type="provisioned-concurrency")
    assert "EXTENSION\tName: probe\tState: Ready" in function.log
    invocation = function.invoke()
    assert not invocation.cold
    variables = invocation.json()["environment"]
    assert variables["AWS_LAMBDA_INITIALIZATION_TYPE"] == "provisioned-concurrency"
    assert invocation.frozen_s > 0


def test_snap_start(start: Start) -> None:
    """The runtime's restore is answered at the first invocation, once."""
    function = start(
        probe=True,
        initialization_type="snap-start",
        environment={"PROBE_TELEMETRY": "platform", "PROBE_AFTER_S": "0.2"},
    )
    assert "RESTORE_REPORT" not in function.log
    assert not function.invoke("first").cold
    function.invoke("second").finished()
    function.shutdown()
    assert function.log.count("RESTORE_REPORT") == 1
    kinds = [event["type"] for event in told(function.log, "probe", "telemetry")]
    assert kinds.count("platform.restoreStart") == 1
    assert kinds.index("platform.restoreStart") < kinds.index("platform.start")


def test_snap_start_after_a_crash(start: Start) -> None:
    """The next invocation has a life of its own, from a snapshot like the first one's."""
    function = start(initialization_type="snap-start")
    assert function.invoke("exit 3").error == "Runtime.ExitError"
    after = function.invoke("after")
    assert after.json()["did"] == "after"
    assert function.log.count("RESTORE_REPORT") == 2


def test_managed_instances(start: Start) -> None:
    """Several workers of one environment at the same time, never frozen."""
    function = start(
        probe=True,
        initialization_type="lambda-managed-instances",
        max_concurrency=2,
        environment={"PROBE_EVENTS": "SHUTDOWN"},
    )
    found: list[Invocation] = []
    threads = [
        threading.Thread(target=lambda: found.append(function.invoke("sleep 1"))) for _ in range(2)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len({each.json()["pid"] for each in found}) == 2
    assert {1} == {each.environment for each in found}
    assert told(function.log, "probe", "INVOKE") == []
    assert function.invoke("nothing", gap_s=0.1).frozen_s == 0
    function.shutdown()
    assert len(told(function.log, "probe", "SHUTDOWN")) == 1


def test_managed_instances_refuse_invoke(start: Start) -> None:
    """An extension cannot register for INVOKE there."""
    function = start(
        probe=True,
        initialization_type="lambda-managed-instances",
        environment={"PROBE_EVENTS": "INVOKE,SHUTDOWN"},
    )
    [registered] = told(function.log, "probe", "registered")[:1]
    assert registered["status"] == 403
    assert registered["reply"]["errorType"] == "Extension.InvalidEventType"
