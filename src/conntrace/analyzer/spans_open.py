"""Open spans, their ids and times: how a finished `Span` comes to be."""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import NamedTuple

from conntrace.analyzer.ledger_records import SpanReference
from conntrace.analyzer.span import AttributeValue, Resource, Span
from conntrace.analyzer.span_room import SpanRoom
from conntrace.semantic_names import ERROR_TYPE, INTERNAL, UNFINISHED_PHASE

_DRAWN_BYTES = 4096


class Ids:
    """Trace and span ids from os.urandom, drawn in larger portions.

    After a fork, make a new one: a copy would draw the same ids as the parent.
    """

    __slots__ = ("_at", "_drawn")

    def __init__(self) -> None:
        self._drawn = ""
        self._at = 0

    def _take(self, digits: int) -> str:
        if self._at + digits > len(self._drawn):
            self._drawn = os.urandom(_DRAWN_BYTES).hex()
            self._at = 0
        taken = self._drawn[self._at : self._at + digits]
        self._at += digits
        # All zeroes means "no id" to OpenTelemetry.
        return taken if taken.strip("0") else self._take(digits)

    def trace(self) -> str:
        """A new trace id: 32 hexadecimal digits."""
        return self._take(32)

    def span(self) -> str:
        """A new span id: 16 hexadecimal digits."""
        return self._take(16)


@dataclass(slots=True, eq=False)
class OpenSpan:
    """A span that goes on, or has just ended. `span.end_ns` is its latest child's end so far."""

    span: Span
    parent: OpenSpan | None = None
    ended: bool = False
    offset_ns: int = 0
    """From its clock to the wall clock when it began: one that is set meanwhile shifts no end."""

    @property
    def reference(self) -> SpanReference:
        """What a link to it needs."""
        return SpanReference(self.span.trace_id, self.span.span_id)


class Parent(NamedTuple):
    """Under what a span hangs: one of ours, a span of the program's own, or nothing."""

    trace_id: str = ""
    span_id: str = ""
    foreign: bool = False
    open: OpenSpan | None = None
    unsampled: bool = False


ROOT = Parent()
"""Under nothing: the span begins a trace of its own."""
_UNSAMPLED = "-00"


def foreign(trace_id: str, span_id: str) -> Parent:
    """A span of the program's own, by its ids as events have them."""
    unsampled = span_id.endswith(_UNSAMPLED)
    return Parent(trace_id, span_id.removesuffix(_UNSAMPLED), True, None, unsampled)


def below(open_span: OpenSpan) -> Parent:
    """One of ours as a parent."""
    span = open_span.span
    return Parent(span.trace_id, span.span_id, False, open_span, span.unsampled_parent)


def beside(open_span: OpenSpan) -> Parent:
    """One of ours as a parent that may be over before its child, and does not keep it inside."""
    span = open_span.span
    return Parent(span.trace_id, span.span_id, unsampled=span.unsampled_parent)


class SpanMaker:
    """Makes and ends the spans of one process, in its clock, and collects the finished ones.

    Events carry CLOCK_MONOTONIC; each is mapped by the latest pair of clocks before it. Children
    are kept inside parents of ours: a parent ends with its last child at the earliest.
    """

    def __init__(self, resource: Resource, ids: Ids, finished: list[Span]) -> None:
        self.resource = resource
        self._ids = ids
        self._finished = finished
        self._offset_ns = 0
        self.room: SpanRoom | None = None
        """How many more spans may leave; None for any number."""
        self.dropped = 0
        """Spans that had no room."""

    def renew_ids(self) -> None:
        """After a fork: the copied ids would be drawn twice."""
        self._ids = Ids()

    def set_clocks(self, monotonic_ns: int, wall_ns: int) -> None:
        """A new pair: everything from here on is mapped by it."""
        self._offset_ns = wall_ns - monotonic_ns

    def wall(self, monotonic_ns: int) -> int:
        """Nanoseconds since the Unix epoch."""
        return monotonic_ns + self._offset_ns

    def begin(self, name: str, parent: Parent, start_ns: int, kind: str = INTERNAL) -> OpenSpan:
        """Open a span at a monotonic time; without a parent it begins a trace of its own."""
        start = start_ns + self._offset_ns
        above = parent.open
        if above is not None and start < above.span.start_ns:
            start = above.span.start_ns
        span = Span(
            parent.trace_id or self._ids.trace(),
            self._ids.span(),
            parent.span_id,
            name,
            kind,
            start,
            start,
            self.resource,
            foreign_parent=parent.foreign,
            unsampled_parent=parent.unsampled,
        )
        return OpenSpan(span, above, offset_ns=self._offset_ns)

    def end(self, open_span: OpenSpan, end_ns: int, error: str = "", hold: bool = False) -> None:
        """End a span at a monotonic time. `hold`: its owner releases it later. Twice is once."""
        if open_span.ended:
            return
        open_span.ended = True
        span = open_span.span
        span.end_ns = max(span.end_ns, end_ns + open_span.offset_ns)
        above = open_span.parent
        if above is not None:
            self._keep_inside(span, above)
        if error:
            span.error = True
            span.attributes[ERROR_TYPE] = error
        if not hold:
            self.release(open_span)

    @staticmethod
    def _keep_inside(span: Span, above: OpenSpan) -> None:
        if not above.ended:
            above.span.end_ns = max(above.span.end_ns, span.end_ns)
            return
        span.end_ns = max(above.span.start_ns, min(span.end_ns, above.span.end_ns))
        span.start_ns = min(span.start_ns, span.end_ns)

    def release(self, open_span: OpenSpan) -> None:
        """Hand out a span that has ended."""
        self.hand_out(open_span.span)

    def hand_out(self, span: Span) -> None:
        """To the exporters, if there is room for it."""
        if self.room is None or self.room.takes(span):
            self._finished.append(span)
        else:
            self.dropped += 1

    def break_off(
        self, open_span: OpenSpan, end_ns: int, error: str, phase: str, hold: bool = False
    ) -> None:
        """End a span that its process could not end, in the phase it was in."""
        if phase and not open_span.ended:
            open_span.span.attributes[UNFINISHED_PHASE] = phase
        self.end(open_span, end_ns, error, hold)


def put(span: Span, name: str, value: AttributeValue | None) -> None:
    """Set an attribute when there is something to say: not for None, empty texts and lists."""
    if value is not None and value != "" and value != []:
        span.attributes[name] = value
