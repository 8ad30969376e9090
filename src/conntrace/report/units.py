"""Numbers as people read them."""

from __future__ import annotations


def ms(value: float) -> str:
    """Milliseconds without unit: one decimal below ten, whole above."""
    return f"{value:.1f}" if value < 9.95 else f"{value:,.0f}"


def duration(value_ms: float) -> str:
    """A time with its unit: 0.4 ms, 63 ms, 12.3 s."""
    return f"{ms(value_ms)} ms" if value_ms < 9_999.5 else f"{value_ms / 1000:,.1f} s"


def part_of(part_ms: float, whole_ms: float) -> str:
    """A time before `of` and the whole: without its unit where the whole has the same."""
    part, whole = duration(part_ms), duration(whole_ms)
    return part.rpartition(" ")[0] if part.rpartition(" ")[2] == whole.rpartition(" ")[2] else part


def seconds(value: float) -> str:
    """Seconds with as many digits as help: 0.25 s, 2.0 s, 7200 s."""
    if value < 1:
        return f"{value:.2f} s"
    return f"{value:.1f} s" if value < 100 else f"{value:.0f} s"


def count(number: int, noun: str) -> str:
    """A number with its noun: 1 request, 1,204 requests, 2 processes, 3 queries."""
    return f"{number:,} {noun if number == 1 else _plural(noun)}"


def _plural(noun: str) -> str:
    if noun.endswith("y"):
        return f"{noun[:-1]}ies"
    return f"{noun}es" if noun.endswith("s") else f"{noun}s"
