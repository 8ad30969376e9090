"""The Telemetry API: what arrives, and when."""

from __future__ import annotations

from tests.simulator.conftest import Start, told


def test_events_of_two_invocations(start: Start) -> None:
    """INIT's and the invocation's events arrive; the report of one comes with the next."""
    function = start(
        probe=True, environment={"PROBE_TELEMETRY": "platform,function", "PROBE_AFTER_S": "0.3"}
    )
    first = function.invoke("first")
    second = function.invoke("second", gap_s=0.2)
    function.shutdown()
    [subscribed] = told(first.log, "probe", "subscribed")
    assert (subscribed["status"], subscribed["reply"]) == (200, "OK")
    events = told(function.log, "probe", "telemetry")
    kinds = [event["type"] for event in events]
    for kind in ("initStart", "initRuntimeDone", "initReport", "start", "runtimeDone", "report"):
        assert f"platform.{kind}" in kinds
    done = [event["record"] for event in events if event["type"] == "platform.runtimeDone"]
    assert [first.request_id, second.request_id] == [record["requestId"] for record in done]
    assert [record["status"] for record in done] == ["success", "success"]
    assert "platform.report" not in {e["type"] for e in told(first.log, "probe", "telemetry")}
    report = next(event["record"] for event in events if event["type"] == "platform.report")
    assert first.request_id == report["requestId"]
    assert report["metrics"]["initDurationMs"] > 0
    assert any(event["type"] == "function" and '"import"' in event["record"] for event in events)


def test_a_time_out_is_told_before_shutdown(start: Start) -> None:
    """`runtimeDone` with its status reaches the extension in time."""
    function = start(probe=True, timeout_s=0.6, environment={"PROBE_TELEMETRY": "platform"})
    invocation = function.invoke("sleep 30")
    function.shutdown()
    assert invocation.status == "timeout"
    events = told(function.log, "probe")
    done = next(
        number
        for number, event in enumerate(events)
        if event["probe"] == "telemetry" and event["type"] == "platform.runtimeDone"
    )
    assert events[done]["record"]["status"] == "timeout"
    assert "SHUTDOWN" in [event["probe"] for event in events[done:]]


def test_a_platform_without_it(start: Start) -> None:
    """Answers 202, as AWS's emulator does; all else works."""
    function = start(probe=True, telemetry=False, environment={"PROBE_TELEMETRY": "platform"})
    invocation = function.invoke("nothing")
    [subscribed] = told(invocation.log, "probe", "subscribed")
    assert subscribed["status"] == 202
    assert subscribed["reply"]["errorType"] == "Telemetry.NotSupported"
