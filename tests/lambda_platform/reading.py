"""Questions to the spans of a function."""

from __future__ import annotations

from conntrace import semantic_names as names
from conntrace.testing import Span, Spans


def invocations(spans: Spans) -> list[Span]:
    """The SERVER spans, in order."""
    return sorted((s for s in spans if s.kind == names.SERVER), key=lambda span: span.start_ns)


def setups_of(spans: Spans, invocation: Span) -> list[Span]:
    """The connection set-ups anywhere below an invocation."""
    return [setup for setup in spans.setups if invocation in ancestors(spans, setup)]


def ancestors(spans: Spans, span: Span) -> list[Span]:
    """Parent, parent's parent, and so on."""
    found = []
    above = spans.parent(span)
    while above is not None:
        found.append(above)
        above = spans.parent(above)
    return found
