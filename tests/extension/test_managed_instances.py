"""Managed instances: nothing is ever frozen, and the extension is told of no invocation."""

from __future__ import annotations

import time
from collections.abc import Callable

from conntrace_extension.extension import MANAGED_FLUSH_S
from conntrace_extension.flusher import MAX_BATCH

from tests.extension.acting import Function, wait_for_span
from tests.extension.conftest import Start
from tests.extension.function import FunctionProcess
from tests.extension.platform import Platform
from tests.unit.exporters.collector import Collector, Reply


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


def test_full_batches_do_not_wait_for_each_other(
    start: Start, platform: Platform, function: Function, backend: Collector
) -> None:
    """A back end far away answers late; only what fills no batch waits for its time."""
    backend.replies = [Reply(delay_s=0.3)] * 9
    start(
        OTEL_EXPORTER_OTLP_ENDPOINT=backend.url,
        AWS_LAMBDA_INITIALIZATION_TYPE="lambda-managed-instances",
    )
    platform.wait_for_next(1)
    process = function()
    for number in range(2 * MAX_BATCH + 100):
        process.begin(f"request-{number}")
        process.end()
    until_s = time.monotonic() + MANAGED_FLUSH_S - 1
    while len(backend.received) < 2 and time.monotonic() < until_s:
        time.sleep(0.05)
    assert backend.names == ["shop"] * (2 * MAX_BATCH)
