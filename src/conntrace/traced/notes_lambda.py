"""Lines of the events that only AWS Lambda has: facts in, finished line out."""

from __future__ import annotations

from conntrace.event_lines import line
from conntrace.traced.lambda_function import FunctionFacts
from conntrace.traced.lambda_trigger import Trigger
from conntrace.traced.originals import get_ident, monotonic_ns


def function(facts: FunctionFacts) -> bytes:
    """What function this is."""
    return line(b"function", monotonic_ns(), get_ident(), *facts)


def invocation_start(
    clocks: tuple[int, int],
    invocation: int,
    request_id: str,
    deadline_wall_ns: int,
    arn: str,
    cold: bool,
    trigger: Trigger,
    xray: str,
    other_tool: str,
) -> bytes:
    """An invocation reached the process at `clocks`: CLOCK_MONOTONIC and wall clock."""
    monotonic, wall_ns = clocks
    return line(
        b"invocation_start", monotonic, get_ident(),
        invocation, request_id, wall_ns, deadline_wall_ns, arn, cold,
        trigger.kind, trigger.source, trigger.method, trigger.route,
        trigger.trace_id, trigger.span_id, xray, trigger.links, other_tool,
    )  # fmt: skip


def invocation_end(invocation: int, error: str, agent_ns: int) -> bytes:
    """The response or the error is with the platform."""
    return line(b"invocation_end", monotonic_ns(), get_ident(), invocation, error, agent_ns)


def init_error(error: str) -> bytes:
    """The handler could not be imported, or a hook of the snapshot failed."""
    return line(b"init_error", monotonic_ns(), get_ident(), error)


def restored(clocks: tuple[int, int]) -> bytes:
    """The process woke up from a snapshot at `clocks`."""
    monotonic, wall_ns = clocks
    return line(b"restored", monotonic, get_ident(), wall_ns)
