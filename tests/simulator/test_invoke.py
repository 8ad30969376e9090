"""Invocations: answers, errors, limits, and what a failure does to the environment."""

from __future__ import annotations

import json
import re
import threading
from pathlib import Path

import pytest

from conntrace.simulator import Invocation
from tests.simulator.conftest import Start, told


def test_the_response_does_not_wait_for_extensions(start: Start) -> None:
    """It is out at once; duration and bill go to the extension's next /next."""
    function = start(probe=True, environment={"PROBE_AFTER_S": "1.5"})
    function.invoke("first").finished()
    invocation = function.invoke("second")
    assert invocation.json()["did"] == "second"
    assert invocation.response_s < 1.2
    assert invocation.duration_s >= 1.5
    assert invocation.finished().billed_s >= 1.5


def test_one_environment_serves_one_after_the_other(start: Start) -> None:
    """The first is cold, the others are warm, in the same process."""
    function = start()
    invocations = [function.invoke(str(number)) for number in range(3)]
    assert [each.cold for each in invocations] == [True, False, False]
    assert len({each.json()["pid"] for each in invocations}) == 1
    assert [each.init_s > 0 for each in invocations] == [True, False, False]


def test_calls_at_once_get_environments_of_their_own(start: Start) -> None:
    """As on the platform, each with a Runtime API of its own; warm ones are used again."""
    function = start("app.facts")
    found: list[Invocation] = []
    threads = [threading.Thread(target=lambda: found.append(function.invoke())) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert {1, 2, 3} == {each.environment for each in found}
    assert len({each.json()["environment"]["AWS_LAMBDA_RUNTIME_API"] for each in found}) == 3
    assert not function.invoke().cold


def test_an_exception_is_the_answer(start: Start) -> None:
    """The runtime client's own error document; the environment stays."""
    function = start(probe=True)
    invocation = function.invoke("raise no more")
    answer = invocation.json()
    assert "ValueError" == invocation.error == answer["errorType"]
    assert answer["errorMessage"] == "no more"
    assert invocation.request_id == answer["requestId"]
    assert invocation.status == "error"
    assert "[ERROR] ValueError: no more" in invocation.log
    assert not function.invoke("next").cold


def test_a_long_error_is_the_answer_too(start: Start) -> None:
    """The runtime client puts all of it into a header as well."""
    function = start()
    message = "x" * 250_000
    invocation = function.invoke(f"raise {message}")
    assert ("ValueError", message) == (invocation.error, invocation.json()["errorMessage"])
    assert not function.invoke("next").cold


def test_a_time_out_resets_the_environment(start: Start, tmp_path: Path) -> None:
    """Caller and extension are told; files stay; the next INIT is part of its invocation."""
    function = start(probe=True, timeout_s=0.7)
    kept = tmp_path / "kept"
    invocation = function.invoke(f"write {kept}")
    assert invocation.error == "Sandbox.Timedout"
    assert invocation.json() == {
        "errorType": "Sandbox.Timedout",
        "errorMessage": f"RequestId: {invocation.request_id} Error: "
        "Task timed out after 0.70 seconds",
    }
    assert 0.7 <= invocation.response_s < 5
    assert "Status: timeout" in invocation.report
    assert "Task timed out after 0.70 seconds" in invocation.log
    [event] = told(function.log, "probe", "SHUTDOWN")
    assert event["event"]["shutdownReason"] == "timeout"
    function.settings.environment["IMPORT_S"] = "0.2"  # type: ignore[index]
    after = function.invoke("after")
    assert after.cold
    assert after.duration_s >= 0.2
    assert after.init_s == 0
    assert "Init Duration" not in after.report
    assert kept.read_text() == "x"


@pytest.mark.parametrize(
    ("deed", "words"),
    [
        ("exit 3", "Runtime exited with error: exit status 3"),
        ("exit 0", "Runtime exited without providing a reason"),
        ("kill", "Runtime exited with error: signal: killed"),
    ],
)
def test_a_runtime_that_ends(start: Start, deed: str, words: str) -> None:
    """Runtime.ExitError; extensions are told `failure`; the next invocation is cold."""
    function = start(probe=True)
    invocation = function.invoke(deed)
    assert invocation.error == "Runtime.ExitError"
    assert f"RequestId: {invocation.request_id} Error: {words}" == invocation.json()["errorMessage"]
    assert invocation.status == "failure"
    [event] = told(function.log, "probe", "SHUTDOWN")
    assert event["event"]["shutdownReason"] == "failure"
    assert function.invoke("next").cold


def test_too_much_memory(start: Start) -> None:
    """The runtime that needs more than the function has is killed."""
    function = start(memory_mb=128)
    invocation = function.invoke("fill 300")
    assert invocation.error == "Runtime.OutOfMemory"
    assert invocation.json()["errorMessage"].endswith("signal: killed")
    assert invocation.memory_mb > 128
    assert function.invoke("next").cold


@pytest.mark.parametrize(
    ("variables", "error"),
    [
        ({"PROBE_CRASH": "INVOKE"}, "Extension.Crash"),
        ({"PROBE_ERROR": "Extension.Tired"}, "Extension.Tired"),
    ],
)
def test_an_extension_that_gives_up(start: Start, variables: dict[str, str], error: str) -> None:
    """It takes the environment with it."""
    function = start(probe=True, environment=variables)
    invocation = function.invoke("sleep 2")
    assert error == invocation.error
    assert invocation.status == "failure"


def test_an_extension_that_is_not_done_in_time(start: Start) -> None:
    """The caller has its response; the invocation ends as a time-out all the same."""
    function = start(probe=True, timeout_s=0.8, environment={"PROBE_AFTER_S": "30"})
    invocation = function.invoke("quick")
    assert invocation.error == ""
    assert invocation.status == "timeout"
    assert invocation.response_s < invocation.duration_s
    assert function.invoke("next").cold


def test_a_response_that_is_too_large(start: Start) -> None:
    """Six megabytes are the limit."""
    function = start()
    assert function.invoke(f"big {7 * 1024 * 1024}").error == "Function.ResponseSizeTooLarge"
    assert len(function.invoke("big 5000000").json()) == 5_000_000


def test_the_report_line(start: Start) -> None:
    """START, what the function printed, END, REPORT with all figures."""
    function = start(memory_mb=256)
    invocation = function.invoke("nothing")
    number = r"(\d+(?:\.\d\d)?)"
    match = re.fullmatch(
        rf"REPORT RequestId: {invocation.request_id}\tDuration: {number} ms\t"
        rf"Billed Duration: {number} ms\tMemory Size: 256 MB\tMax Memory Used: {number} MB\t"
        rf"Init Duration: {number} ms",
        invocation.report,
    )
    assert match is not None, invocation.report
    duration, billed, memory, init = map(float, match.groups())
    assert duration == pytest.approx(invocation.duration_s * 1000, abs=0.01)
    assert 0 <= billed - (duration + init) < 1.02
    assert 5 < memory < 256
    kinds = [line.split()[0] for line in invocation.log.splitlines() if line[0] != "{"]
    assert kinds == ["INIT_START", "START", "END", "REPORT"]


def test_bytes_and_headers(start: Start) -> None:
    """Bytes are sent as they are; the trace header is the caller's when there is one."""
    function = start("app.facts", probe=True)
    given = "Root=1-00000001-000000000000000000000002;Parent=0000000000000003;Sampled=1"
    invocation = function.invoke(json.dumps([1]).encode(), trace_header=given)
    assert invocation.json()["event"] == [1]
    assert given == invocation.json()["environment"]["_X_AMZN_TRACE_ID"]
    [event] = told(invocation.log, "probe", "INVOKE")
    assert {"type": "X-Amzn-Trace-Id", "value": given} == event["event"]["tracing"]
    without = function.invoke(trace_header="")
    assert "_X_AMZN_TRACE_ID" not in without.json()["environment"]
    assert "tracing" not in told(without.log, "probe", "INVOKE")[0]["event"]
