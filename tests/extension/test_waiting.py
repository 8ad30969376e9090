"""What the extension waits for before it asks for the next event, and what it does not."""

from __future__ import annotations

import time

import pytest

from tests.extension.acting import NOWHERE, Function
from tests.extension.conftest import Start
from tests.extension.platform import Platform
from tests.unit.exporters.collector import Collector


def test_without_the_agent_in_the_function_nothing_is_waited_for(
    platform: Platform, start: Start
) -> None:
    """Attached and not started: that is said, once."""
    extension = start(OTEL_EXPORTER_OTLP_ENDPOINT=NOWHERE)
    platform.wait_for_next(1)
    for number in range(2, 6):
        platform.invoke(f"request-{number}", timeout_s=900)
        platform.wait_for_next(number, timeout_s=5)
    said = "no process of this function is traced: AWS_LAMBDA_EXEC_WRAPPER is not set"
    assert extension.log == f"conntrace: {said} [layer-not-started]\n"


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
