"""Invocations that never began, because the initialisation before them failed or hung.

Lambda answers the caller itself then, and the extensions hear of the invocation late or not at all.
So the span of the initialisation becomes that of the invocation, with all that hangs below it.
"""

from __future__ import annotations

from conntrace import semantic_names as names
from conntrace.analyzer.environment import Environment
from conntrace.analyzer.invocation_facts import context_of, describe_invocation
from conntrace.analyzer.span import Link, Span
from conntrace.analyzer.spans_open import Ids
from conntrace.events_lambda import InvocationStart, PlatformInvoke

AHEAD = "init"
"""The phase of an initialisation that no invocation waits for."""


def failed_invocation(
    told: PlatformInvoke, environment: Environment, end_ns: int, error: str
) -> Span:
    """The span of an invocation that no process ever began.

    `end_ns` is CLOCK_MONOTONIC; `error` stands when neither platform nor process says another.
    """
    end_ns = told.wall_ns + max(0, end_ns - told.time_ns)
    start = _start_of(told.request_id, environment, told.arn)
    span = environment.take_failed_init()
    if span is not None:
        span.end_ns = max(span.end_ns, end_ns)
        _, links = context_of(start, told.xray, xray_parent=False)
        span.links += links
        return _as_invocation(span, start, environment)
    parent, links = context_of(start, told.xray, environment.xray_parent)
    ids = Ids()
    span = Span(
        parent.trace_id or ids.trace(),
        ids.span(),
        parent.span_id,
        "",
        names.SERVER,
        told.wall_ns,
        end_ns,
        environment.resource,
        links=links,
        error=True,
        foreign_parent=parent.foreign,
        unsampled_parent=parent.unsampled,
    )
    span.attributes[names.ERROR_TYPE] = (
        environment.init_error or environment.outcome(told.request_id) or error
    )
    if environment.any_process or environment.init_error:
        span.attributes[names.UNFINISHED_PHASE] = names.INIT
    if environment.init_span is not None:
        span.links.append(Link(*environment.init_span))
    return _as_invocation(span, start, environment)


def untold_invocation(environment: Environment) -> Span | None:
    """The environment ends, and no extension was told of the invocation that failed with it.

    None when no initialisation failed, or when no invocation waited for it.
    """
    request_id = environment.failed_request
    if not request_id and environment.init_phase == AHEAD:
        environment.leave_failed_init()
        return None
    span = environment.take_failed_init()
    if span is None:
        return None
    return _as_invocation(span, _start_of(request_id, environment), environment)


def _start_of(request_id: str, environment: Environment, arn: str = "") -> InvocationStart:
    return InvocationStart(request_id=request_id, arn=arn, cold=not environment.any_started)


def _as_invocation(span: Span, start: InvocationStart, environment: Environment) -> Span:
    span.kind = names.SERVER
    span.name = str(dict(environment.resource.attributes).get(names.FAAS_NAME, "function"))
    describe_invocation(span, start)
    return span
