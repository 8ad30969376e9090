"""An invocation with far too much in it: memory is bounded, and what is left out is counted."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

from conntrace.events import encode
from tests.extension.conftest import Start
from tests.extension.function import FunctionProcess
from tests.extension.platform import ExtensionProcess, Platform
from tests.extension.test_backends import told_drops, told_ids
from tests.unit.exporters.collector import Collector

REQUESTS = 100_000
MOST_MEBIBYTES = 64


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
    process.end()
    platform.wait_for_next(2)
    asked = 2
    deadline = time.monotonic() + 60
    while "request-1" not in told_ids(backend.received):
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
