"""An invocation with far too much in it: memory is bounded, and what is left out is counted."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

import pytest

from conntrace.events import encode
from tests.extension.acting import attributes_of
from tests.extension.conftest import Start
from tests.extension.function import FunctionProcess
from tests.extension.platform import ExtensionProcess, Platform
from tests.extension.test_backends import told_drops, told_ids
from tests.unit.exporters.collector import Collector

REQUESTS = 100_000
MOST_MEBIBYTES = 64
MOST_S = 1.0
"""From the response to `/next`. The limit is a tenth of it: this machine may have much to do."""
TIMEOUT_S = 2.0
MARGIN_S = 0.1
"""So long before the deadline the extension is to be done."""
LATE_S = 0.5
"""That this machine, with much else to do, may add to it."""


def peak_mebibytes(extension: ExtensionProcess) -> float:
    """The largest resident size so far (VmHWM of proc(5))."""
    status = Path(f"/proc/{extension.process.pid}/status").read_text()
    return int(status.partition("VmHWM:")[2].split()[0]) / 1024


def lines_of_requests(process: FunctionProcess) -> list[bytes]:
    """Requests on one connection, as many as REQUESTS; the first one sets it up."""
    stream = process.stream
    pool = stream.pool(stream.manager(), "api.example.com")
    stream.request(pool)
    process.flush()
    number, _ = stream.request(pool)
    template = b"\n".join(encode(event) for event in stream.events)
    stream.events.clear()
    stream.next_id = number + REQUESTS
    sign = b"\t%d\t" % number
    assert template.count(sign) == 4, template
    return [template.replace(sign, b"\t%d\t" % (number + each)) for each in range(REQUESTS)]


def test_a_hundred_thousand_requests_in_one_invocation(
    platform: Platform,
    start: Start,
    function: Callable[[], FunctionProcess],
    backend: Collector,
) -> None:
    extension = start(OTEL_EXPORTER_OTLP_ENDPOINT=backend.url)
    platform.wait_for_next(1)
    process = function()
    platform.invoke("request-1", timeout_s=600)
    process.begin("request-1", timeout_s=600)
    process.send_lines(lines_of_requests(process))
    assert backend.received == []
    ended_s = process.end()
    platform.wait_for_next(2)
    spent_s = platform.next_s[1] - ended_s
    assert spent_s < MOST_S
    asked = 2
    deadline = time.monotonic() + 60
    # What is told of the extension's time may come too late for the span of the next one.
    while asked < 4 or "request-1" not in told_ids(backend.received):
        assert time.monotonic() < deadline
        platform.invoke(f"request-{asked}")
        process.begin(f"request-{asked}")
        process.end()
        asked += 1
        platform.wait_for_next(asked)
    assert peak_mebibytes(extension) < MOST_MEBIBYTES
    platform.shut_down()
    assert extension.ended() == 0
    dropped = sum(map(told_drops, backend.received))
    assert dropped > REQUESTS / 2
    assert backend.names.count("GET") + dropped >= REQUESTS
    assert "[extension-failed]" not in extension.log
    told_s = [
        float(attributes_of(span).get("conntrace.ledger.extension_s", 0))
        for each in backend.received
        for span in each.spans
    ]
    assert max(told_s) == pytest.approx(spent_s, abs=0.3)


def test_a_deadline_in_the_middle_of_a_flood(
    platform: Platform,
    start: Start,
    function: Callable[[], FunctionProcess],
    backend: Collector,
) -> None:
    """The platform ends the function, and finds the extension waiting for its word."""
    extension = start(OTEL_EXPORTER_OTLP_ENDPOINT=backend.url)
    platform.wait_for_next(1)
    process = function()
    lines = lines_of_requests(process)
    deadline_s = time.monotonic() + TIMEOUT_S
    platform.invoke("request-1", timeout_s=TIMEOUT_S)
    process.begin("request-1", timeout_s=TIMEOUT_S)
    while time.monotonic() < deadline_s - MARGIN_S and len(platform.next_s) == 1:
        process.send_lines(lines[:1000])
    platform.wait_for_next(2)
    assert platform.next_s[1] < deadline_s + LATE_S
    platform.shut_down("timeout")
    assert extension.ended() == 0
    [span] = [s for each in backend.received for s in each.spans if s["name"] == "shop"]
    assert attributes_of(span)["error.type"] == "timeout"
    assert "[extension-failed]" not in extension.log
