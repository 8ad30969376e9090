"""SHUTDOWN: reasons, limits, and that nothing is left, whatever happens."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from tests.components.processes import wait_until
from tests.simulator.conftest import FUNCTION, LAYER, Start, alive, told


def test_the_order(start: Start) -> None:
    """SIGTERM for the runtime first, then the event with two seconds' time."""
    function = start(probe=True, environment={"WATCH_SIGTERM": "1"})
    function.invoke("nothing")
    before = time.time()
    function.shutdown()
    [terminated] = told(function.log, "function", "SIGTERM")
    [told_end] = told(function.log, "probe", "SHUTDOWN")
    assert terminated["at"] < told_end["at"]
    event = told_end["event"]
    assert event["shutdownReason"] == "spindown"
    assert {"eventType", "shutdownReason", "deadlineMs"} == set(event)
    assert 1 < event["deadlineMs"] / 1000 - before < 4
    assert len(told(function.log, "probe", "exit")) == 1


def test_an_extension_that_takes_too_long(start: Start) -> None:
    """It is killed when the time is up."""
    function = start(probe=True, environment={"PROBE_SHUTDOWN_S": "30"})
    function.invoke("nothing")
    begun = time.monotonic()
    function.shutdown()
    assert 1.9 <= time.monotonic() - begun < 10
    assert told(function.log, "probe", "exit") == []


@pytest.mark.parametrize("reason", ["failure", "timeout"])
def test_other_reasons(start: Start, reason: str) -> None:
    """A test can choose the reason; the next invocation is cold."""
    function = start(probe=True)
    function.invoke("nothing")
    function.shutdown(reason)
    assert reason == told(function.log, "probe", "SHUTDOWN")[0]["event"]["shutdownReason"]
    assert function.invoke("again").cold


def test_an_extension_that_does_not_want_to_know(start: Start) -> None:
    """Registered for INVOKE only: killed without an event."""
    function = start(probe=True, environment={"PROBE_EVENTS": "INVOKE"})
    function.invoke("nothing")
    function.shutdown()
    assert told(function.log, "probe", "SHUTDOWN") == []


def test_nothing_is_left_when_the_test_is_killed(tmp_path: Path) -> None:
    """SIGKILL for the one who holds the local Lambda ends all of its processes, frozen or not."""
    ticks = tmp_path / "ticks"
    program = f"""
import time
from conntrace.simulator import LocalLambda
function = LocalLambda("app.do", {str(FUNCTION)!r}, layer={str(LAYER)!r})
child = function.invoke({f"spawn {ticks}"!r}).json()
warm = function.invoke("nothing")
print(child, warm.json()["pid"], flush=True)
time.sleep(60)
"""
    command = [sys.executable, "-c", program]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as holder:
        assert holder.stdout is not None
        pids = [int(word) for word in holder.stdout.readline().split()]
        assert [alive(pid) for pid in pids] == [True, True]
        os.kill(holder.pid, signal.SIGKILL)
    wait_until(lambda: not any(alive(pid) for pid in pids), "the function's processes to end")


def test_an_error_of_the_caller_breaks_off(start: Start) -> None:
    """Nobody waits for a long invocation, or for a long gap, that nobody wants any more."""
    for event, gap_s in (("sleep 60", 0.0), ("nothing", 60.0)):
        function = start(probe=True, timeout_s=90)
        function.invoke("nothing")
        thread = threading.Thread(target=function.invoke, args=(event,), kwargs={"gap_s": gap_s})
        thread.start()
        time.sleep(0.5)
        begun = time.monotonic()
        with pytest.raises(KeyboardInterrupt), function:
            raise KeyboardInterrupt
        thread.join(20)
        assert not thread.is_alive()
        assert time.monotonic() - begun < 20


def test_the_program_around_the_environment_is_killed(start: Start) -> None:
    """The processes go with it, and the invocation ends."""
    function = start(timeout_s=60)
    pid = function.invoke("nothing").json()["pid"]
    [holder] = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[1:2]
    threading.Timer(0.5, os.kill, (int(holder), signal.SIGKILL)).start()
    assert function.invoke("sleep 50").error == "Runtime.ExitError"
    wait_until(lambda: not alive(pid), "the function's process to end")
