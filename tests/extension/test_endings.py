"""Invocations that the function did not end itself."""

from __future__ import annotations

import time
from typing import Any

import pytest

from tests.extension.acting import Function, attributes_of, begin_to_connect, wait_for_span
from tests.extension.conftest import Start
from tests.extension.platform import Platform
from tests.unit.exporters.collector import Collector

WORK_S = 0.4


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


def invocation_of_one_that_died(
    platform: Platform, start: Start, function: Function, backend: Collector, after_s: float
) -> dict[str, Any]:
    """The span of an invocation whose process was gone after this time."""
    extension = start(OTEL_EXPORTER_OTLP_ENDPOINT=backend.url)
    platform.wait_for_next(1)
    process = function()
    platform.invoke("request-1", timeout_s=900)
    process.begin("request-1", timeout_s=900)
    time.sleep(after_s)
    process.close()
    platform.wait_for_next(2)
    platform.shut_down("failure")
    assert extension.ended() == 0
    return wait_for_span(backend, "shop")


def test_a_process_that_dies_ends_its_invocation(
    platform: Platform, start: Start, function: Function, backend: Collector
) -> None:
    span = invocation_of_one_that_died(platform, start, function, backend, 0)
    assert attributes_of(span)["error.type"] == "Runtime.ExitError"


def test_an_invocation_lasts_until_its_process_is_seen_to_be_gone(
    platform: Platform, start: Start, function: Function, backend: Collector
) -> None:
    """Not until its last word: it may have computed, or filled the memory, for a long time."""
    span = invocation_of_one_that_died(platform, start, function, backend, WORK_S)
    lasted_ns = int(span["endTimeUnixNano"]) - int(span["startTimeUnixNano"])
    assert WORK_S <= lasted_ns / 1e9 < WORK_S + 5


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
