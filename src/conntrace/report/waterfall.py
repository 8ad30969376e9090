"""One trace as a waterfall: its spans as a tree, with bars on a time axis of the trace's own."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from conntrace import semantic_names as names
from conntrace.errors import ConntraceError
from conntrace.report.layout import Glyphs
from conntrace.report.model import Model, is_named
from conntrace.report.record import SpanRecord

MAX_ROWS = 24
MAX_DEPTH = 12


@dataclass(frozen=True, slots=True)
class Row:
    """One line of the waterfall."""

    depth: int
    span: SpanRecord


@dataclass(frozen=True, slots=True)
class Waterfall:
    """What is shown of one trace: its rows, the time they cover, and what was left out."""

    trace_id: str
    rows: list[Row]
    start_ns: int
    end_ns: int
    left_out: int
    subject: SpanRecord
    """The costliest set-up in it, whose cause is told below; the first span if there is none."""


def choose_trace(model: Model, wanted: str = "") -> str:
    """The trace whose id begins with `wanted`, else the one with the most avoidable set-up time.

    When nothing was avoidable, the one with the most set-up time of all.
    Empty when the model has no trace with a set-up or lookup. Raises ConntraceError when no or
    several traces fit `wanted`.
    """
    if wanted:
        return _the_one(model, wanted.lower())
    setups = [each.setup for each in model.connections if each.setup]
    candidates = setups or [*model.lookups, *model.raw_connects]
    avoidable = [span for span in candidates if span.flag(names.CAUSE_AVOIDABLE)]
    cost: dict[str, float] = {}
    for span in avoidable or candidates:
        cost[span.trace_id] = cost.get(span.trace_id, 0.0) + span.duration_ms
    return max(cost, key=lambda trace: (cost[trace], trace), default="")


def waterfall(model: Model, trace_id: str) -> Waterfall:
    """Lay out a trace; of a long one only the branch around its costliest set-up."""
    spans = model.traces[trace_id]
    children = _children(spans)
    subject = _subject(spans)
    tops = _focus(children, _tops(spans), subject)
    rows = [row for top in tops for row in _walk(top, children, 0, set())]
    shown = rows[:MAX_ROWS]
    return Waterfall(
        trace_id=trace_id,
        rows=shown,
        start_ns=min(row.span.start_ns for row in shown),
        end_ns=max(row.span.end_ns for row in shown),
        left_out=len(spans) - len(shown),
        subject=subject,
    )


def bar(span: SpanRecord, view: Waterfall, width: int, glyphs: Glyphs) -> str:
    """The span's bar in `width` cells; at least half a cell, so that nothing is invisible."""
    length = max(1, view.end_ns - view.start_ns)
    begin = int((span.start_ns - view.start_ns) / length * width)
    cells = (span.end_ns - span.start_ns) / length * width
    begin = max(0, min(begin, width - 1))
    whole = min(round(cells), width - begin)
    return " " * begin + (glyphs.bar * whole if whole else glyphs.half_bar)


def _the_one(model: Model, wanted: str) -> str:
    fitting = [trace for trace in model.traces if trace.startswith(wanted)]
    if len(fitting) == 1:
        return fitting[0]
    problem = "no trace" if not fitting else f"{len(fitting)} traces"
    raise ConntraceError(
        "report-trace-unknown", f"{problem} whose id begins with {wanted[:40]!r} in the spans"
    )


def _subject(spans: list[SpanRecord]) -> SpanRecord:
    def weight(span: SpanRecord) -> tuple[bool, bool, bool, float]:
        avoidable = span.flag(names.CAUSE_AVOIDABLE)
        explained = bool(span.text(names.CAUSE_NAME))
        is_setup = is_named(span, names.CONNECTION_SETUP)
        return is_setup, avoidable, explained, span.duration_ms

    return max(spans, key=weight)


def _children(spans: list[SpanRecord]) -> dict[str, list[SpanRecord]]:
    children: dict[str, list[SpanRecord]] = {}
    for span in spans:
        children.setdefault(span.parent_id, []).append(span)
    return children


def _tops(spans: list[SpanRecord]) -> list[SpanRecord]:
    """Roots, and spans whose parent is not in the file. In a ring of parents the first span."""
    known = {span.span_id for span in spans}
    return [span for span in spans if span.parent_id not in known] or spans[:1]


def _focus(
    children: dict[str, list[SpanRecord]], tops: list[SpanRecord], subject: SpanRecord
) -> list[SpanRecord]:
    """Go down towards the subject until what is left fits."""
    current = tops
    for _ in range(MAX_DEPTH):
        branches = [list(_walk(top, children, 0, set())) for top in current]
        if sum(map(len, branches)) <= MAX_ROWS:
            break
        around = [b[0].span for b in branches if any(row.span is subject for row in b)]
        below = children.get(around[0].span_id, []) if len(current) == 1 and around else around
        if not below or (around and around[0] is subject):
            break
        current = below
    return current


def _walk(
    span: SpanRecord, children: dict[str, list[SpanRecord]], depth: int, seen: set[str]
) -> Iterator[Row]:
    if span.span_id in seen or depth > MAX_DEPTH:
        return
    seen.add(span.span_id)
    yield Row(depth, span)
    for child in children.get(span.span_id, []):
        yield from _walk(child, children, depth + 1, seen)
