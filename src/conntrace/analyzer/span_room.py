"""A bound for the spans of one invocation, so that none fills the memory of its environment.

Requests over connections that were there already are the many and tell the least: they go first.
"""

from __future__ import annotations

from conntrace import semantic_names as names
from conntrace.analyzer.span import Span

MAX_SMOOTH = 4_000
"""Reused requests and SDK calls of one invocation."""

MAX_OTHERS = 8_000
"""Set-ups with their steps, closes, failures: everything else of one invocation."""

_ALWAYS = (names.SERVER, names.CONSUMER)


class SpanRoom:
    """Counts what it lets through; `dropped` is what had no room."""

    __slots__ = ("_others", "_smooth", "dropped")

    def __init__(self) -> None:
        self._smooth = MAX_SMOOTH
        self._others = MAX_OTHERS
        self.dropped = 0

    def takes(self, span: Span) -> bool:
        """Whether there is room for one more like this."""
        if span.kind in _ALWAYS:
            return True
        if _is_smooth(span):
            self._smooth -= 1
            taken = self._smooth >= 0
        else:
            self._others -= 1
            taken = self._others >= 0
        self.dropped += not taken
        return taken


def _is_smooth(span: Span) -> bool:
    return (
        span.kind == names.CLIENT
        and not span.error
        and span.attributes.get(names.CONNECTION_REUSED) is not False
        and names.CAUSE_NAME not in span.attributes
    )
