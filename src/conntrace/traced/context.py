"""What is going on around a hook: the SDK call, request or set-up that this thread or task is in.

A context variable, not a thread-local: it follows greenlets and `asyncio.to_thread`. Operations are
never changed by anyone but the code that runs inside them.
"""

from __future__ import annotations

import sys
from contextvars import ContextVar
from itertools import count
from typing import NamedTuple

from conntrace.traced.call_sites import NOWHERE

CALL = "call"
REQUEST = "request"
SETUP = "setup"

_SUPPRESS_KEY = "suppress_instrumentation"
_OPENTELEMETRY_CLIENT_KIND = 2
_HTTP_ATTRIBUTES = ("http.request.method", "http.method", "url.full", "http.url")

NO_SPAN = ("", "")


class Ids:
    """Draws the ids of one process; after a fork the child goes on from the same number."""

    def __init__(self) -> None:
        self._numbers = count(1)
        self.next = self._numbers.__next__

    def first_of_child(self) -> int:
        """The lowest id that a child forked now will draw."""
        return self.next()


ids = Ids()


class Operation:
    """Something of ours that is going on and under which other things happen.

    What most operations never change is set on the class: making one costs a third less, and one
    is made for every request.
    """

    span = NO_SPAN
    subject: object = None
    pool: object = None
    their_span: object = None
    started = False
    ended = False
    error = ""
    connection = 0
    previous = 0
    started_ns = 0
    method = ""
    path = ""
    sends_close = False
    large_body = False
    # Of a request: who takes its response, when that is not read at once.
    site = NOWHERE
    # Where what happens inside belongs, while no OpenTelemetry span is current.
    place: Place | None = None

    def __init__(self, kind: str, identity: int, outer: Operation | None) -> None:
        self.kind = kind
        self.identity = identity
        self.outer = outer
        self.call: int = identity if kind == CALL else (outer.call if outer else 0)
        self.request: int = identity if kind == REQUEST else (outer.request if outer else 0)


current: ContextVar[Operation | None] = ContextVar("conntrace_operation", default=None)
suppressed: ContextVar[bool] = ContextVar("conntrace_suppressed", default=False)


# Host and port that are left unseen: AWS Lambda's Runtime API, which clients of the platform inside
# the function talk to.
private_origin: tuple[str, int] | None = None


def is_private(host: object, port: object) -> bool:
    """True for a client's destination that is no business of the program's."""
    return private_origin is not None and (host, port) == private_origin


class Place(NamedTuple):
    """Where an event belongs: the set-up, request and SDK call around it, and the active span."""

    setup: int
    request: int
    call: int
    trace_id: str
    span_id: str


NO_PLACE = Place(0, 0, 0, "", "")


def is_suppressed() -> bool:
    """True inside our own exporter, and where OpenTelemetry's exporters ask not to be traced."""
    if suppressed.get():
        return True
    context = sys.modules.get("opentelemetry.context")
    if context is None:
        return False
    try:
        # The SDK's processors set a key of their own making, other tools the plain name.
        own_key = getattr(context, "_SUPPRESS_INSTRUMENTATION_KEY", _SUPPRESS_KEY)
        return bool(context.get_value(own_key) or context.get_value(_SUPPRESS_KEY))
    except Exception:
        return False


def active_span() -> object | None:
    """The recording OpenTelemetry span that is current, or None; never imports OpenTelemetry."""
    trace = sys.modules.get("opentelemetry.trace")
    if trace is None:
        return None
    try:
        span: object = trace.get_current_span()
        return span if span.get_span_context().is_valid else None  # type: ignore[attr-defined]
    except Exception:
        # Half imported, or another package under that name.
        return None


def span_ids(span: object | None) -> tuple[str, str]:
    """Trace and span id of an OpenTelemetry span in hexadecimal, empty for None.

    The span id of a span that is not sampled is followed by its trace flags, `-00`.
    """
    if span is None:
        return NO_SPAN
    identity = span.get_span_context()  # type: ignore[attr-defined]
    flags = "" if identity.trace_flags.sampled else "-00"
    return f"{identity.trace_id:032x}", f"{identity.span_id:016x}{flags}"


def is_http_client_span(span: object | None) -> bool:
    """True for a recording CLIENT span that stands for an HTTP request."""
    if span is None or not span.is_recording():  # type: ignore[attr-defined]
        return False
    kind = getattr(span, "kind", None)
    if getattr(kind, "value", kind) != _OPENTELEMETRY_CLIENT_KIND:
        return False
    attributes = getattr(span, "attributes", None) or {}
    return any(name in attributes for name in _HTTP_ATTRIBUTES)


def place() -> Place:
    """Where an event that happens now belongs."""
    operation = current.get()
    span = active_span()
    if span is None and operation is not None and operation.span == NO_SPAN:
        if operation.place is None:
            setup = operation.identity if operation.kind == SETUP else 0
            operation.place = Place(setup, operation.request, operation.call, "", "")
        return operation.place
    trace_id, span_id = span_ids(span)
    if operation is None:
        return Place(0, 0, 0, trace_id, span_id)
    if (trace_id, span_id) != operation.span:
        # The program opened a span of its own inside ours: that one is nearer.
        if operation.kind == SETUP:
            return Place(operation.identity, operation.request, operation.call, trace_id, span_id)
        if span_id:
            return Place(0, 0, 0, trace_id, span_id)
    setup = operation.identity if operation.kind == SETUP else 0
    return Place(setup, operation.request, operation.call, trace_id, span_id)
