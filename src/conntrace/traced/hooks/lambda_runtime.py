"""AWS's runtime client `awslambdaric`, versions 2 to 4: where invocations begin and end.

Hooked are the methods of its client for the Runtime API, which the managed runtimes, container
images and emulators share. `bootstrap.handle_event_request` and the handler itself are left alone:
a frame of ours around the handler would cost it a part of the recursion limit, and the traceback
that the function returns would show it.

The event is seen where the client has just parsed it, in `LambdaMarshaller.unmarshal_request`, so
nothing is parsed twice. All hooks of an invocation take about 21 us of CPU, two sends included.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any

from conntrace.clock import clock_pair
from conntrace.traced import context, notes_lambda, recorder, recording
from conntrace.traced.error_types import error_type
from conntrace.traced.hooks.base import Arguments, Hook, Keywords, has_ours
from conntrace.traced.lambda_errors import posted_error_type
from conntrace.traced.lambda_function import function_facts, other_tool, starts_cold
from conntrace.traced.lambda_trace_context import client_context_parent, xray_header
from conntrace.traced.lambda_trigger import UNSEEN, Trigger, trigger_of

_RESTORE_ERROR = "Runtime.AfterRestoreError"
_PARSE = "unmarshal_request"
_NANOSECONDS = 1_000_000

reads_traceparent = True
"""Whether a W3C header in the event is to be the parent (OTEL_PROPAGATORS)."""


class Invocation:
    """An invocation: a process works on one at a time."""

    __slots__ = ("clocks", "cold", "identity", "request", "spent_before_ns", "started")

    def __init__(self, request: Any, cold: bool) -> None:
        self.identity = context.ids.next()
        self.clocks = clock_pair()
        self.cold = cold
        self.request = request
        self.spent_before_ns = recording.spent_ns
        self.started = False


class Process:
    """What is remembered from one hook to the next."""

    __slots__ = ("current", "invocations")

    def __init__(self) -> None:
        self.current: Invocation | None = None
        self.invocations = 0


process = Process()


def begin_wait(instance: Any, args: Arguments, kwargs: Keywords) -> object:
    """The environment may freeze now: send what came since the last response.

    The response is out, so a channel that is full is given a moment.
    """
    process.current = None
    if recording.active is None or recorder.running is None:
        return None
    if not process.invocations:
        # The hello came before the runtime client, whose version is known by now.
        recording.note(notes_lambda.function(function_facts(os.environ)))
    recorder.running.flush()
    recorder.running.wait_for_reader()
    return instance


def end_wait(token: object, result: Any, error: BaseException | None) -> None:
    """An invocation is here. It is told when its event is parsed, or now if that goes unseen."""
    if error is not None:
        return
    process.invocations += 1
    cold = process.invocations == 1 and starts_cold(os.environ)
    invocation = process.current = Invocation(result, cold)
    if not _parsing_is_seen(token):
        _start(invocation, UNSEEN)


def _parsing_is_seen(client: Any) -> bool:
    """False when the program has put a marshaller of its own in place."""
    marshaller = client.marshaller
    return _PARSE not in vars(marshaller) and has_ours(vars(type(marshaller)).get(_PARSE))


def begin_parse(instance: Any, args: Arguments, kwargs: Keywords) -> object:
    """The client parses the event of the invocation that has just come."""
    invocation = process.current
    return None if invocation is None or invocation.started else invocation


def end_parse(token: object, result: object, error: BaseException | None) -> None:
    """Tell of the invocation, with what its event shows."""
    assert isinstance(token, Invocation)
    _start(token, UNSEEN if error is not None else trigger_of(result))


def _start(invocation: Invocation, trigger: Trigger) -> None:
    invocation.started = True
    request, invocation.request = invocation.request, None
    if not trigger.trace_id:
        ids = client_context_parent(request.client_context)
        trigger = trigger._replace(trace_id=ids[0], span_id=ids[1])
    if not reads_traceparent:
        trigger = trigger._replace(trace_id="", span_id="")
    recording.send(
        notes_lambda.invocation_start(
            invocation.clocks,
            invocation.identity,
            str(request.invoke_id or ""),
            _deadline_ns(request.deadline_time_in_ms),
            str(request.invoked_function_arn or ""),
            invocation.cold,
            trigger,
            xray_header(request.x_amzn_trace_id),
            other_tool(os.environ),
        )
    )


def _deadline_ns(milliseconds: object) -> int:
    try:
        return int(milliseconds) * _NANOSECONDS  # type: ignore[call-overload,no-any-return]
    except (TypeError, ValueError):
        return 0


class Reply:
    """A response or an error on its way to the platform."""

    __slots__ = ("error", "identity", "spent_before_ns")

    def __init__(self, invocation: Invocation, error: str) -> None:
        self.identity = invocation.identity
        self.spent_before_ns = invocation.spent_before_ns
        self.error = error


def begin_result(instance: Any, args: Arguments, kwargs: Keywords) -> object:
    """The response is about to leave."""
    return _begin_reply("")


def begin_error(instance: Any, args: Arguments, kwargs: Keywords) -> object:
    """An error reply is about to leave."""
    return _begin_reply(posted_error_type(_second(args, kwargs)))


def _second(args: Arguments, kwargs: Keywords) -> object:
    return args[1] if len(args) > 1 else kwargs.get("error_response_data")


def _begin_reply(error: str) -> object:
    """Everything of the invocation leaves before the reply: the freeze may come right after it."""
    invocation, process.current = process.current, None
    if invocation is None or recording.active is None:
        return None
    if not invocation.started:
        # The context could not be made, so the event was never looked at.
        _start(invocation, UNSEEN)
    _flush()
    return Reply(invocation, error)


def end_reply(token: object, result: object, error: BaseException | None) -> None:
    """The reply is out: the extension's time begins."""
    assert isinstance(token, Reply)
    word = error_type(error) or token.error
    agent_ns = recording.spent_ns - token.spent_before_ns
    recording.send(notes_lambda.invocation_end(token.identity, word, agent_ns))


def begin_restore(instance: Any, args: Arguments, kwargs: Keywords) -> object:
    """The snapshot is taken while this call to the Runtime API goes on (SnapStart).

    The function's own hooks for the snapshot have run; those for the restore come after the end.
    """
    if recorder.running is not None:
        recorder.running.pause()
    return context.suppressed.set(True)


def end_restore(token: Any, result: object, error: BaseException | None) -> None:
    """Another life begins, perhaps one of many from the same snapshot."""
    context.suppressed.reset(token)
    if recorder.running is not None:
        recorder.running.resume()
    if error is None:
        recording.send(notes_lambda.restored(clock_pair()))


def begin_restore_error(instance: Any, args: Arguments, kwargs: Keywords) -> object:
    """A hook of the function failed after the restore; the environment ends."""
    return _begin_failure(_RESTORE_ERROR)


def begin_init_error(instance: Any, args: Arguments, kwargs: Keywords) -> object:
    """The environment ends after this call, which goes through `http.client`."""
    word = args[1] if len(args) > 1 else kwargs.get("error_type_override")
    reply = args[0] if args else kwargs.get("error_response_data")
    return _begin_failure(str(word or posted_error_type(reply)))


def _begin_failure(error: str) -> object:
    recording.note(notes_lambda.init_error(error))
    _flush()
    return context.suppressed.set(True)


def end_unseen(token: Any, result: object, error: BaseException | None) -> None:
    """The call to the Runtime API is over."""
    context.suppressed.reset(token)


def _flush() -> None:
    if recorder.running is not None:
        recorder.running.flush()


def _rows(name: str, begin: Callable[..., object], end: Callable[..., None]) -> tuple[Hook, ...]:
    """Since version 4 the methods stand in a base class; the first row that fits patches."""
    return tuple(
        Hook("awslambdaric.lambda_runtime_client", f"{holder}.{name}", begin, end)
        for holder in ("BaseLambdaRuntimeClient", "LambdaRuntimeClient")
    )


HOOKS = (
    *_rows("wait_next_invocation", begin_wait, end_wait),
    *_rows("post_invocation_result", begin_result, end_reply),
    *_rows("post_invocation_error", begin_error, end_reply),
    *_rows("post_init_error", begin_init_error, end_unseen),
    *_rows("restore_next", begin_restore, end_restore),
    *_rows("report_restore_error", begin_restore_error, end_unseen),
    Hook(
        "awslambdaric.lambda_runtime_marshaller",
        f"LambdaMarshaller.{_PARSE}",
        begin_parse,
        end_parse,
    ),
)
