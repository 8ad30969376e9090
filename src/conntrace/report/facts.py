"""The measured numbers that several set-ups of one finding have in common, as short phrases."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from conntrace import semantic_names as names
from conntrace.report.record import SpanRecord
from conntrace.report.units import seconds

_SHOWN_NAMES = 3
_SHORT_S = 0.1
"""An idle time below it explains no loss (seconds)."""


def of_group(spans: Sequence[SpanRecord]) -> list[str]:
    """Phrases such as `server's idle limit 2.0 s`, most telling first; empty when none apply."""
    phrases = [
        _range("server's idle limit", spans, names.CLOSE_SERVER_IDLE_LIMIT_S),
        _range("idle before", spans, names.CONNECTION_IDLE_S, least=_SHORT_S),
        _range("of it frozen", spans, names.CONNECTION_FROZEN_S),
        _listed("pushed out by", (span.text(names.POOL_EVICTED_BY) for span in spans)),
        _listed("pools kept", (span.text(names.POOL_NUM_POOLS) for span in _evicted(spans))),
        _listed(
            "pool keys differ in",
            (name for span in spans for name in span.texts(names.POOL_KEY_DIFFERENCE)),
        ),
    ]
    return [phrase for phrase in phrases if phrase]


def numbers(spans: Iterable[SpanRecord], name: str) -> list[float]:
    """The attribute's values where it is a number."""
    return [value for span in spans if (value := span.number(name)) is not None]


def _evicted(spans: Sequence[SpanRecord]) -> list[SpanRecord]:
    return [span for span in spans if span.text(names.POOL_EVICTED_BY)]


def _range(label: str, spans: Sequence[SpanRecord], name: str, least: float = 0.0) -> str:
    values = [value for value in numbers(spans, name) if value > 0]
    if not values or max(values) < least:
        return ""
    low, high = seconds(min(values)), seconds(max(values))
    return f"{label} {low}" if low == high else f"{label} {low} to {high}"


def _listed(label: str, values: Iterable[str]) -> str:
    distinct = list(dict.fromkeys(value for value in values if value))
    if not distinct:
        return ""
    more = len(distinct) - _SHOWN_NAMES
    shown = ", ".join(distinct[:_SHOWN_NAMES])
    return f"{label} {shown}" + (f" and {more} more" if more > 0 else "")
