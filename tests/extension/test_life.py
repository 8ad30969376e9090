"""The life of the extension: the real process between a platform, a function and a back end."""

from __future__ import annotations

import json
import time
from pathlib import Path

import pytest

from tests.extension.acting import (
    NOWHERE,
    SETUP,
    Function,
    attributes_of,
    connect_once,
    run_invocations_until,
)
from tests.extension.conftest import Start
from tests.extension.function import FunctionProcess
from tests.extension.platform import Platform
from tests.unit.exporters.collector import Collector


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
    platform: Platform, start: Start, function: Function, backend: Collector
) -> None:
    platform.drop_next = 3
    extension = start(OTEL_EXPORTER_OTLP_ENDPOINT=backend.url)
    platform.wait_for_next(1)
    process = function()
    platform.drop_next = 2
    platform.invoke("request-1")
    process.begin("request-1")
    process.end()
    platform.wait_for_next(2)
    platform.shut_down()
    assert extension.ended() == 0
    assert extension.log == ""
