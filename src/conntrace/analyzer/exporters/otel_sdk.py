"""Spans into the program's own OpenTelemetry, in process: its sampler, processors and exporters.

OpenTelemetry draws ids itself and must know a span's parent when the span is started, while our
children are finished before their parents. So a finished span waits until its parent has been
handed over; a root, or a span under one of the program's own, goes at once and frees what waits.

Importing this module raises ImportError when OpenTelemetry's API is not installed.
"""

from __future__ import annotations

import os
from collections import OrderedDict
from collections.abc import Sequence

from opentelemetry.context import Context
from opentelemetry.trace import (
    Link,
    NonRecordingSpan,
    SpanContext,
    SpanKind,
    Status,
    StatusCode,
    TraceFlags,
    TracerProvider,
    get_tracer_provider,
    set_span_in_context,
)

import conntrace
from conntrace import semantic_names as names
from conntrace.analyzer.span import Span

# Beyond these the oldest is forgotten. Ends of connections are what later spans link to, so they
# are kept apart from the many requests.
MAX_WAITING = 10_000
MAX_PARENTS = 10_000
MAX_LINKED = 20_000

_KINDS = {
    names.INTERNAL: SpanKind.INTERNAL,
    names.CLIENT: SpanKind.CLIENT,
    names.CONSUMER: SpanKind.CONSUMER,
    names.SERVER: SpanKind.SERVER,
}
_LINKED = (names.CONNECTION_SETUP, names.CONNECTION_CLOSE, names.POOL_EVICTION)


class OpenTelemetryExporter:
    """Hands spans to a TracerProvider with their own times, parents and links."""

    def __init__(self, tracer_provider: TracerProvider | None = None) -> None:
        """`tracer_provider`: where spans go; the global one when None."""
        provider = tracer_provider or get_tracer_provider()
        self._tracer = provider.get_tracer(
            "conntrace",
            conntrace.__version__,
            attributes={names.SCHEMA: names.SCHEMA_VERSION},
        )
        self._waiting: OrderedDict[str, list[Span]] = OrderedDict()
        self._waiting_spans = 0
        self._parents: OrderedDict[str, SpanContext] = OrderedDict()
        self._linked: OrderedDict[str, SpanContext] = OrderedDict()
        self._pid = os.getpid()

    @property
    def dropped(self) -> int:
        """Always 0: what OpenTelemetry drops later, it knows alone."""
        return 0

    def export(self, spans: Sequence[Span]) -> None:
        """Hand over each span whose parent is known to OpenTelemetry, and hold the others."""
        self._leave_parent_behind()
        for span in sorted(spans, key=lambda each: each.start_ns):
            if self._is_ready(span):
                self._hand_over(span)
            else:
                self._hold(span)

    def close(self, timeout_s: float) -> None:
        """Hand over what still waits, without its parent. The provider stays the program's."""
        self._leave_parent_behind()
        while self._waiting:
            self._release_oldest()

    def _leave_parent_behind(self) -> None:
        """In a forked child: what waits here is the parent's, which hands it over itself."""
        if self._pid != os.getpid():
            self._pid = os.getpid()
            self._waiting.clear()
            self._waiting_spans = 0

    def _is_ready(self, span: Span) -> bool:
        return span.foreign_parent or not span.parent_span_id or self._context(span) is not None

    def _context(self, span: Span) -> SpanContext | None:
        """The parent as OpenTelemetry knows it; None when there is none (yet)."""
        if span.foreign_parent:
            return _their_context(span)
        parent = span.parent_span_id
        return self._parents.get(parent) or self._linked.get(parent)

    def _hold(self, span: Span) -> None:
        self._waiting.setdefault(span.parent_span_id, []).append(span)
        self._waiting_spans += 1
        if self._waiting_spans > MAX_WAITING:
            self._release_oldest()

    def _release_oldest(self) -> None:
        """A parent that does not come, or was forgotten: better roots than nothing."""
        parent, _ = next(iter(self._waiting.items()))
        self._hand_over_waiting(parent)

    def _hand_over(self, span: Span) -> None:
        """The span, then what waits for it, from the top down."""
        self._emit(span)
        self._hand_over_waiting(span.span_id)

    def _hand_over_waiting(self, parent: str) -> None:
        children = self._waiting.pop(parent, [])
        self._waiting_spans -= len(children)
        for child in sorted(children, key=lambda each: each.start_ns):
            self._hand_over(child)

    def _emit(self, span: Span) -> None:
        parent = self._context(span)
        started = self._tracer.start_span(
            span.name,
            # An empty context makes a root; None would mean whatever is current here.
            set_span_in_context(NonRecordingSpan(parent), Context()) if parent else Context(),
            _KINDS[span.kind],
            span.attributes,
            self._links(span),
            span.start_ns,
        )
        if span.error:
            started.set_status(Status(StatusCode.ERROR))
        started.end(span.end_ns)
        self._remember(span, started.get_span_context())

    def _links(self, span: Span) -> list[Link]:
        """Those whose target is exported too; the ids of others stand in the evidence."""
        found = (self._linked.get(link.span_id) for link in span.links)
        return [Link(context) for context in found if context and context.trace_flags.sampled]

    def _remember(self, span: Span, context: SpanContext) -> None:
        linked = span.name.startswith(_LINKED)
        known, limit = (self._linked, MAX_LINKED) if linked else (self._parents, MAX_PARENTS)
        known[span.span_id] = context
        if len(known) > limit:
            known.popitem(last=False)


def _their_context(span: Span) -> SpanContext:
    """The program's own span above ours; one that is not sampled takes ours out with it."""
    flags = TraceFlags.DEFAULT if span.unsampled_parent else TraceFlags.SAMPLED
    return SpanContext(
        int(span.trace_id, 16),
        int(span.parent_span_id, 16),
        is_remote=False,
        trace_flags=TraceFlags(flags),
    )
