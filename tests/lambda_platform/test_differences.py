"""What AWS's emulator does otherwise: each row of the table, seen beside the local Lambda.

The layer is the simulator tests' probe: an extension that prints what it is told.
"""

from __future__ import annotations

import json
import re
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from itertools import pairwise
from pathlib import Path

import pytest

from tests.lambda_platform.conftest import FUNCTIONS
from tests.lambda_platform.platforms import DIFFERENCES, Function, Platform
from tests.simulator.conftest import LAYER, told

Probe = Callable[..., Function]


@pytest.fixture
def probe(platform: Platform) -> Iterator[Probe]:
    """`probe(PROBE_AFTER_S="1")` starts `seen.about` with the probe as its layer."""
    with ExitStack() as stack:

        def start(timeout_s: int = 20, **variables: str) -> Function:
            variables["PYTHONDONTWRITEBYTECODE"] = "1"
            function = platform.start("seen.about", FUNCTIONS, LAYER, variables, timeout_s)
            stack.callback(function.shutdown)
            return function

        yield start


def test_freeze(platform: Platform, probe: Probe) -> None:
    """Whether time passes for an extension between invocations."""
    function = probe(PROBE_TICK_S="0.05")
    function.invoke({})
    time.sleep(0.3)
    function.invoke({"sleep": 0.3}, gap_s=1.0)
    function.shutdown()
    ticks = [tick["at"] for tick in told(function.log, "probe", "tick")]
    longest = max(later - earlier for earlier, later in pairwise(ticks))
    assert platform.lacks("no-freeze") == (longest < 0.9)


def test_response(platform: Platform, probe: Probe) -> None:
    """Whether the caller waits for the extension."""
    function = probe(PROBE_AFTER_S="1.5")
    function.invoke({})
    assert platform.lacks("late-response") == (function.invoke({}).response_s > 1.4)


def test_trace_header(platform: Platform, probe: Probe) -> None:
    """Whether the function sees the caller's trace header. The extension does on both."""
    header = "Root=1-5759e988-bd862e3fe1be46a994272793;Parent=53995c3f42cd8ad8;Sampled=1"
    function = probe()
    seen = json.loads(function.invoke({}, trace_header=header).payload)
    function.shutdown()
    [event] = told(function.log, "probe", "INVOKE")
    assert header == event["event"]["tracing"]["value"]
    assert platform.lacks("no-trace-header") == ("_X_AMZN_TRACE_ID" not in seen["environment"])


def test_telemetry(platform: Platform, probe: Probe) -> None:
    """Whether there is a Telemetry API."""
    function = probe(PROBE_TELEMETRY="platform")
    function.invoke({})
    [subscribed] = told(function.log, "probe", "subscribed")
    assert subscribed["status"] == (202 if platform.lacks("no-telemetry") else 200)


def test_two_calls_at_once(platform: Platform, probe: Probe) -> None:
    """Whether a second environment is made."""
    function = probe(timeout_s=5)
    payloads: list[bytes] = []

    def call() -> None:
        try:
            payloads.append(function.invoke({"sleep": 1}).payload)
        except OSError:
            payloads.append(b"the connection broke")

    threads = [threading.Thread(target=call) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    answered = sum(b'"request_id"' in payload for payload in payloads)
    assert platform.lacks("one-at-a-time") == (answered < 2)


def test_time_out(platform: Platform, probe: Probe) -> None:
    """How the caller is told."""
    function = probe(timeout_s=1)
    payload = function.invoke({"sleep": 20}).payload.decode()
    assert "Task timed out after 1.00 seconds" in payload
    assert platform.lacks("plain-time-out") == (not payload.startswith("{"))


@pytest.mark.parametrize(
    ("event", "ours", "theirs"),
    [
        ({"sleep": 20}, "timeout", "Timeout"),
        ({"exit": 3}, "failure", "ReleaseFail"),
        ({}, "spindown", "SandboxTerminated"),
    ],
)
def test_reasons(
    platform: Platform, probe: Probe, event: dict[str, int], ours: str, theirs: str
) -> None:
    """What an extension is told at SHUTDOWN."""
    function = probe(timeout_s=1)
    function.invoke(event)
    function.shutdown()
    reason = told(function.log, "probe", "SHUTDOWN")[0]["event"]["shutdownReason"]
    assert reason == (theirs if platform.lacks("other-reasons") else ours)


def test_initialization_type(platform: Platform, probe: Probe) -> None:
    """Whether the function can tell why it was started."""
    seen = json.loads(probe().invoke({}).payload)
    kind = seen["environment"].get("AWS_LAMBDA_INITIALIZATION_TYPE")
    assert kind == (None if platform.lacks("no-init-type") else "on-demand")


def test_report(platform: Platform, probe: Probe) -> None:
    """Whether the memory in the REPORT line was measured."""
    function = probe()
    function.invoke({})
    function.shutdown()
    match = re.search(r"Memory Size: (\d+) MB\tMax Memory Used: (\d+) MB", function.log)
    assert match is not None, function.log
    assert platform.lacks("no-report") == (match[1] == match[2])


def test_memory(platform: Platform) -> None:
    """Whether a function may use more than it has."""
    function = platform.start("faults.fill", FUNCTIONS, None, {}, 20)
    payload = function.invoke({"mb": 700}).payload
    function.shutdown()
    assert platform.lacks("no-memory-limit") == (json.loads(payload) == {"filled": 700})


def test_a_failed_init(platform: Platform, tmp_path: Path) -> None:
    """Whether it is tried again within the invocation."""
    (tmp_path / "orders.py").write_text("print('tried', flush=True)\nraise ValueError\n")
    function = platform.start("orders.handler", tmp_path, None, {}, 20)
    function.invoke({})
    function.shutdown()
    tries = function.log.splitlines().count("tried")
    assert tries == (1 if platform.lacks("one-init") else 2)


def test_names_of_the_log(platform: Platform, probe: Probe) -> None:
    """Whether the extension sees them; the function does on both."""
    function = probe()
    seen = json.loads(function.invoke({}).payload)["environment"]
    [extension] = told(function.log, "probe", "started")
    assert "AWS_LAMBDA_LOG_STREAM_NAME" in seen
    let_through = "AWS_LAMBDA_LOG_STREAM_NAME" in extension["environment"]
    assert platform.lacks("lets-log-names-through") == let_through


def test_every_row_is_seen_here() -> None:
    """No row of the table without a test."""
    text = Path(__file__).read_text()
    assert [name for name in DIFFERENCES if f'lacks("{name}")' not in text] == []
