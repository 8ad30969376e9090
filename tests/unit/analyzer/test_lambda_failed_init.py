"""Initialisations that fail or hang, and the invocation that fails with them."""

from __future__ import annotations

import pytest
from tests.unit.analyzer.lambda_streams import LambdaStream, below, ended, invocations, one
from tests.unit.analyzer.streams import SECOND, text

from conntrace.events import SetupStart
from conntrace.events_lambda import InitError, PlatformInit, PlatformRuntimeDone


def not_importable() -> LambdaStream:
    """A function that connects while it is imported, and cannot be."""
    stream = LambdaStream()
    stream.request(stream.pool(stream.manager(), "a.example"))
    stream.send(InitError(error="Runtime.ImportModuleError"))
    stream.goodbye()
    return stream


def again(stream: LambdaStream) -> LambdaStream:
    """Another process after it, in the same environment."""
    second = LambdaStream("fedcba9876543210")
    second.now = stream.now
    second.order[:0] = stream.order
    return second


@pytest.mark.parametrize("reason", ["failure", "spindown"])
def test_a_handler_that_cannot_be_imported(reason: str) -> None:
    """The extension is told of no invocation; the emulator calls such an end a spindown."""
    stream = not_importable()
    stream.shutdown(reason)
    result = stream.play(host={"faas.name": "orders"})
    span = one(result)
    assert ended(span) == (True, "Runtime.ImportModuleError", "init")
    assert (span.name, span.kind, span.parent_span_id) == ("orders", "SERVER", "")
    assert span.attributes["faas.coldstart"] is True
    assert "faas.invocation_id" not in span.attributes
    assert [each.name for each in below(result, span)] == ["GET"]
    assert result.named("orders init") == []


def test_one_that_connected_nowhere() -> None:
    stream = LambdaStream()
    stream.send(InitError(error="Runtime.HandlerNotFound"))
    stream.goodbye()
    stream.shutdown("failure")
    (span,) = stream.play().spans
    assert (span.name, ended(span)) == ("orders", (True, "Runtime.HandlerNotFound", "init"))


def test_an_invocation_that_was_told_has_no_second_span() -> None:
    stream = not_importable()
    stream.invoke("r-1", xray="Root=1-5759e988-bd862e3fe1be46a994272793;Parent=53995c3f42cd8ad8")
    stream.sleep(0.5)
    stream.shutdown("failure")
    result = stream.play(propagators=("xray-lambda",))
    span = one(result)
    assert ended(span) == (True, "Runtime.ImportModuleError", "init")
    assert text(span, "faas.invocation_id") == "r-1"
    assert [each.name for each in below(result, span)] == ["GET"]
    # What hangs below it has left under its own trace: the header cannot be the parent any more.
    assert span.parent_span_id == ""
    assert [link.span_id for link in span.links] == ["53995c3f42cd8ad8"]
    assert span.end_ns - span.start_ns > SECOND // 2


def test_the_platform_tells_whose_invocation_failed() -> None:
    """Not by INVOKE, but when it has answered the caller."""
    stream = not_importable()
    stream.platform(PlatformInit(error="Runtime.ImportModuleError", phase="invoke"))
    stream.platform(
        PlatformRuntimeDone(request_id="r-1", status="failure", error="Runtime.ImportModuleError")
    )
    stream.shutdown("failure")
    span = one(stream.play())
    assert text(span, "faas.invocation_id") == "r-1"
    assert ended(span) == (True, "Runtime.ImportModuleError", "init")


@pytest.mark.parametrize("error", ["", "Runtime.ImportModuleError"])
def test_an_initialisation_ahead_of_any_invocation_fails_none(error: str) -> None:
    """It is tried again within the first invocation, in an environment of its own. The platform
    has told that it begins, and perhaps how it ended."""
    stream = not_importable()
    stream.platform(PlatformInit(error=error, phase="init"))
    stream.shutdown("failure")
    result = stream.play()
    assert invocations(result) == []
    init = result.one("orders init")
    assert (init.kind, ended(init)) == ("INTERNAL", (True, "Runtime.ImportModuleError", "init"))


def test_the_beginning_alone_makes_no_span() -> None:
    stream = LambdaStream()
    stream.platform(PlatformInit(start_wall_ns=stream.wall_ns - SECOND, phase="init"))
    with stream.invocation("r-1"):
        pass
    assert [span.name for span in stream.play().spans] == ["orders"]


def test_an_initialisation_that_succeeds_at_the_second_try() -> None:
    stream = again(not_importable())
    with stream.invocation("r-1"):
        pass
    stream.shutdown()
    result = stream.play()
    init = result.one("orders init")
    assert (init.kind, ended(init)) == ("INTERNAL", (True, "Runtime.ImportModuleError", "init"))
    assert ended(one(result)) == (False, "", "")


def test_an_initialisation_that_fails_twice_in_one_environment() -> None:
    """One invocation, one span."""
    stream = again(not_importable())
    stream.send(InitError(error="Runtime.ImportModuleError"))
    stream.goodbye()
    stream.shutdown("failure")
    result = stream.play()
    assert len(result.named("orders init")) == 1
    assert ended(one(result)) == (True, "Runtime.ImportModuleError", "init")


@pytest.mark.parametrize("lost", [False, True])
@pytest.mark.parametrize("told", [False, True])
def test_a_process_that_ends_while_it_is_imported(lost: bool, told: bool) -> None:
    """By `sys.exit`, or killed: only the platform knows that it should not have."""
    stream = LambdaStream()
    if not lost:
        stream.goodbye()
    stream.sleep(0.1)
    if told:
        stream.platform(PlatformInit(error="Runtime.ExitError", phase="invoke"))
        stream.shutdown("spindown")
    else:
        stream.shutdown("failure")
    result = stream.play(lost=lost)
    assert ended(one(result)) == (True, "Runtime.ExitError", "init")


@pytest.mark.parametrize("lost", [False, True])
def test_a_process_that_was_not_needed_any_more(lost: bool) -> None:
    """It ends before the extension hears of the spindown."""
    stream = LambdaStream(initialization="provisioned-concurrency")
    stream.request(stream.pool(stream.manager(), "a.example"))
    if not lost:
        stream.goodbye()
    stream.shutdown("spindown")
    result = stream.play(lost=lost)
    assert invocations(result) == []
    assert not any(span.error for span in result.spans)


@pytest.mark.parametrize("told", [False, True])
def test_an_import_that_hangs(told: bool) -> None:
    """The time-out of the very first invocation, in a connect of the initialisation."""
    stream = LambdaStream()
    pool = stream.pool(stream.manager(), "a.example")
    request = stream.start(pool)
    stream.checkout(request, pool)
    setup = stream.draw()
    stream.send(SetupStart(setup=setup, request=request, pool=pool, host="a.example", port=443))
    stream.connect(setup)
    stream.sleep(10)
    if told:
        stream.invoke("r-1")
    stream.sleep(3)
    stream.shutdown("timeout")
    result = stream.play()
    assert ended(one(result)) == (True, "timeout", "connect")
    assert ended(result.setups[0]) == (True, "timeout", "connect")
    assert text(one(result), "faas.invocation_id") == ("r-1" if told else "")
    assert result.named("orders init") == []


def test_an_import_that_hangs_is_as_long_as_the_platform_waited() -> None:
    """The process is killed, and the extension hears of it before it hears of the time-out."""
    stream = LambdaStream()
    stream.sleep(10)
    stream.shutdown("timeout")
    span = one(stream.play(lost=True))
    assert ended(span) == (True, "timeout", "init")
    assert span.end_ns - span.start_ns >= 10 * SECOND


def test_a_program_that_makes_room_for_another() -> None:
    """By `execv` while it is imported: the platform says that all went well."""
    stream = LambdaStream()
    stream.request(stream.pool(stream.manager(), "a.example"))
    stream.sleep(0.1)
    stream.platform(PlatformInit(phase="init", end_wall_ns=stream.wall_ns))
    stream.invoke("r-1")
    stream.platform(PlatformRuntimeDone(request_id="r-1", status="success"))
    stream.shutdown("spindown")
    result = stream.play(lost=True)
    assert [span.name for span in result.spans if span.error] == []


def test_an_initialisation_that_is_tried_again_is_judged_anew() -> None:
    """The first one failed; the second one hangs until the time-out."""
    stream = again(not_importable())
    stream.invoke("r-1")
    stream.sleep(3)
    stream.shutdown("timeout")
    assert ended(one(stream.play())) == (True, "timeout", "init")


def test_an_invocation_without_any_process() -> None:
    """The runtime never came so far: the extension alone tells."""
    stream = LambdaStream()
    stream.order.clear()
    stream.platform(PlatformInit(error="Runtime.ExitError"))
    stream.invoke("r-1")
    stream.shutdown("failure")
    result = stream.play(host={"faas.name": "orders", "cloud.account.id": "123456789012"})
    (span,) = result.spans
    assert (span.name, ended(span)) == ("orders", (True, "Runtime.ExitError", "init"))
    assert dict(span.resource.attributes)["cloud.account.id"] == "123456789012"


@pytest.mark.parametrize(
    ("reason", "told"), [("spindown", []), ("timeout", ["r-3"]), ("failure", ["r-3"])]
)
def test_a_runtime_that_is_not_traced(reason: str, told: list[str]) -> None:
    """The wrapper was forgotten: of what went well, nothing is known and nothing said."""
    stream = LambdaStream()
    stream.order.clear()
    for number in (1, 2, 3):
        stream.invoke(f"r-{number}")
        stream.sleep(1)
    stream.shutdown(reason)
    spans = invocations(stream.play())
    assert [text(span, "faas.invocation_id") for span in spans] == told
    assert [text(span, "conntrace.unfinished_phase") for span in spans] == [""] * len(told)


@pytest.mark.parametrize(("status", "errors"), [("success", 0), ("error", 0), ("failure", 1)])
def test_the_platform_tells_how_an_untraced_runtime_fared(status: str, errors: int) -> None:
    stream = LambdaStream()
    stream.order.clear()
    stream.invoke("r-1")
    stream.platform(PlatformRuntimeDone(request_id="r-1", status=status))
    stream.invoke("r-2")
    stream.platform(PlatformRuntimeDone(request_id="r-2", status="success"))
    stream.shutdown("spindown")
    assert len(stream.play().spans) == errors
