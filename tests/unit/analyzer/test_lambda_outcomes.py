"""How invocations end that their process cannot end: time-outs and crashes."""

from __future__ import annotations

import pytest
from tests.unit.analyzer.lambda_streams import LambdaStream, below, ended, invocations, one
from tests.unit.analyzer.streams import SECOND, number, text

from conntrace.analyzer.exporters.memory import MemoryExporter
from conntrace.analyzer.pipeline import Pipeline
from conntrace.events import CallStart, LookupStart, SetupStart, TlsStart, encode
from conntrace.events_lambda import PlatformRuntimeDone

HOST = "dynamodb.eu-west-1.amazonaws.com"


def begun(request_id: str = "r-1") -> tuple[LambdaStream, int, int]:
    """A warm function in the middle of an invocation: stream, pool and the invocation's id."""
    stream = LambdaStream()
    pool = stream.pool(stream.manager("boto3 dynamodb", "app.py:3"), HOST)
    stream.request(pool)
    stream.invoke(request_id)
    return stream, pool, stream.start_invocation(request_id, cold=True)


def test_an_error_of_the_handler_is_the_invocations() -> None:
    stream = LambdaStream()
    with stream.invocation("r-1", error="KeyError"):
        pass
    assert ended(one(stream.play())) == (True, "KeyError", "")


@pytest.mark.parametrize("lost", [False, True])
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
def test_a_shutdown_ends_what_is_open(reason: str, error: str, lost: bool) -> None:
    """Also when the process was killed before the extension heard of the reason."""
    stream, pool, _ = begun()
    stream.checkout(stream.start(pool), pool)
    stream.sleep(3)
    stream.shutdown(reason)
    result = stream.play(lost=lost)
    assert ended(one(result)) == (True, error, "waiting")
    (request,) = below(result, one(result))
    assert ended(request) == (True, error, "waiting")
    assert number(one(result), "conntrace.ledger.requests") == 1
    if error == "timeout":
        # The platform keeps its deadline, whenever the host heard of it.
        assert one(result).end_ns - one(result).start_ns == 3 * SECOND


@pytest.mark.parametrize("phase", ["dns", "connect", "tls", "handler"])
def test_a_time_out_tells_what_it_hung_in(phase: str) -> None:
    stream, pool, _ = begun()
    if phase != "handler":
        request = stream.start(pool)
        stream.checkout(request, pool, outcome="placeholder", connection=0)
        setup = stream.draw()
        stream.send(SetupStart(setup=setup, request=request, pool=pool, host=HOST, port=443))
        operation = stream.draw()
        if phase == "dns":
            stream.send(LookupStart(operation=operation, setup=setup, host=HOST))
        elif phase == "tls":
            stream.send(TlsStart(operation=operation, setup=setup, host=HOST))
        else:
            stream.connect(setup)
    stream.sleep(3)
    stream.shutdown("timeout")
    result = stream.play()
    assert ended(one(result)) == (True, "timeout", phase)
    if phase != "handler":
        setup_span = result.setups[-1]
        assert ended(setup_span) == (True, "timeout", phase)


@pytest.mark.parametrize("phase", ["waiting", "tls", "handler"])
def test_an_sdk_call_tells_what_its_own_request_hung_in(phase: str) -> None:
    """Or that none went on: the SDK pauses between two attempts."""
    stream, pool, _ = begun()
    stream.send(CallStart(call=77, service="DynamoDB", operation="PutItem"))
    stream.send(CallStart(call=78, service="DynamoDB", operation="GetItem"))
    if phase != "handler":
        request = stream.start(pool, call=77)
        stream.checkout(request, pool, outcome="placeholder", connection=0)
    if phase == "tls":
        setup = stream.draw()
        stream.send(SetupStart(setup=setup, request=request, pool=pool, host=HOST, port=443))
        stream.send(TlsStart(operation=stream.draw(), setup=setup, host=HOST))
    stream.sleep(3)
    stream.shutdown("timeout")
    result = stream.play()
    assert ended(result.one("DynamoDB.PutItem")) == (True, "timeout", phase)
    assert ended(result.one("DynamoDB.GetItem")) == (True, "timeout", "handler")


def test_the_platform_knows_a_crash_from_a_time_out() -> None:
    """Told by the Telemetry API before or after the process is gone."""
    for first in (True, False):
        stream, _, _ = begun()
        stream.sleep(3)
        if first:
            stream.platform(PlatformRuntimeDone(request_id="r-1", status="timeout"))
        stream.goodbye()
        if not first:
            stream.platform(PlatformRuntimeDone(request_id="r-1", status="timeout"))
        stream.shutdown("failure")
        assert ended(one(stream.play())) == (True, "timeout", "handler")


def test_the_platforms_own_error_type_is_taken() -> None:
    stream, _, _ = begun()
    stream.platform(
        PlatformRuntimeDone(request_id="r-1", status="failure", error="Runtime.OutOfMemory")
    )
    assert ended(one(stream.play(lost=True))) == (True, "Runtime.OutOfMemory", "handler")


def test_an_invocation_that_runs_past_its_deadline_is_ended() -> None:
    """Managed instances report a time-out and let the code run on: its end is of no use then."""
    stream, pool, identifier = begun()
    memory = MemoryExporter()
    pipeline = Pipeline([memory])
    for process, event in stream.order:
        pipeline.feed(process, [encode(event)])
    pipeline.tick(stream.now + 3 * SECOND + SECOND // 2)
    assert memory.spans[-1].kind != "SERVER"
    pipeline.tick(stream.now + 5 * SECOND)
    assert ended(memory.spans[-1]) == (True, "timeout", "handler")
    assert 0 < memory.spans[-1].end_ns - memory.spans[-1].start_ns <= 3 * SECOND
    stream.events.clear()
    stream.sleep(6)
    stream.request(pool)
    stream.end_invocation(identifier)
    pipeline.feed(stream.process, stream.lines)
    pipeline.finish()
    assert len([span for span in memory.spans if span.kind == "SERVER"]) == 1


def test_what_the_process_said_itself_stays() -> None:
    stream, _, identifier = begun()
    stream.end_invocation(identifier, "ValueError")
    stream.platform(PlatformRuntimeDone(request_id="r-1", status="error", error="Other"))
    assert ended(one(stream.play())) == (True, "ValueError", "")


def test_a_success_that_is_told_does_not_end_anything_early() -> None:
    """The Telemetry API may be quicker than the process's own word."""
    stream, _, identifier = begun()
    stream.platform(PlatformRuntimeDone(request_id="r-1", status="success"))
    stream.end_invocation(identifier, agent_ns=5_000_000)
    span = one(stream.play())
    assert ended(span) == (False, "", "")
    assert number(span, "conntrace.ledger.agent_s") == pytest.approx(0.005)


def test_a_process_that_is_gone_without_a_word_has_crashed() -> None:
    stream, _, _ = begun()
    assert ended(one(stream.play(lost=True))) == (True, "Runtime.ExitError", "handler")


def test_exit_in_the_handler_is_a_crash() -> None:
    """The interpreter says goodbye in order, in the middle of an invocation."""
    stream, _, _ = begun()
    stream.goodbye()
    stream.shutdown("failure")
    assert ended(one(stream.play())) == (True, "Runtime.ExitError", "handler")


def test_a_spindown_finds_nothing_to_complain_of() -> None:
    stream, pool, identifier = begun()
    stream.request(pool)
    stream.end_invocation(identifier)
    stream.shutdown("spindown")
    result = stream.play(lost=True)
    assert not any(span.error for span in result.spans)


@pytest.mark.parametrize("new_process", [False, True])
def test_after_a_time_out_the_books_are_right(new_process: bool) -> None:
    """The same environment goes on: with a new process, or with the one whose end was not told."""
    stream, pool, _ = begun()
    stream.checkout(stream.start(pool), pool)
    stream.sleep(3)
    again = stream
    if new_process:
        stream.goodbye()
        again = LambdaStream("fedcba9876543210")
        again.now = stream.now + SECOND
        again.order[:0] = stream.order
        for _, event in again.order[-2:]:
            event.time_ns = again.now
        pool = again.pool(again.manager("boto3 dynamodb", "app.py:3"), HOST)
        again.request(pool)
    with again.invocation("r-2", cold=new_process):
        if not new_process:
            again.request(pool, {"outcome": "placeholder", "connection": 0})
        else:
            again.request(pool)
    again.shutdown()
    first, second = invocations(again.play())
    assert first.error
    assert ended(second) == (False, "", "")
    assert number(first, "conntrace.ledger.requests") == 1
    assert number(second, "conntrace.ledger.requests") == 1
    assert first.end_ns <= second.start_ns


def test_one_that_never_began_is_told_when_the_next_one_begins() -> None:
    stream = LambdaStream()
    stream.invoke("r-1")
    stream.sleep(1)
    with stream.invocation("r-2"):
        pass
    result = stream.play()
    assert [(text(span, "faas.invocation_id"), span.error) for span in invocations(result)] == [
        ("r-1", True),
        ("r-2", False),
    ]


def test_an_environment_that_was_never_invoked_is_no_failure() -> None:
    """Provisioned concurrency that nobody needed."""
    stream = LambdaStream(initialization="provisioned-concurrency")
    stream.request(stream.pool(stream.manager(), "a.example"))
    stream.sleep(3600)
    stream.shutdown("spindown")
    result = stream.play()
    assert invocations(result) == []
    assert not any(span.error for span in result.spans)


def test_a_clock_that_went_back_before_the_end_of_a_process() -> None:
    """The platform's clock and the process's disagree by hours: no time is negative."""
    stream, pool, _ = begun()
    stream.checkout(stream.start(pool), pool)
    stream.sleep(3)
    stream.platform(PlatformRuntimeDone(request_id="r-1", status="timeout"))
    stream.invoke("r-2", wall_ns=stream.wall_ns - 7200 * SECOND)
    stream.shutdown("timeout")
    result = stream.play()
    assert len(invocations(result)) == 2
    assert all(0 <= span.end_ns - span.start_ns < 5 * SECOND for span in result.spans)
