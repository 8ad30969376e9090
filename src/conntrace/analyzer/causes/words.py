"""How numbers and places are said in details, evidence and advice."""

from __future__ import annotations

from conntrace.analyzer.ledger_clients import authority
from conntrace.analyzer.ledger_records import Origin

NANOSECONDS = 1_000_000_000


def seconds(value: float) -> str:
    """A duration in words: `2.0 s`, `35 ms`, `63 s`, `5 min 20 s`; unit of the argument: s."""
    if value < 0.1:
        return f"{value * 1000:.0f} ms"
    if value < 60:
        return f"{value:.1f} s"
    if value < 120:
        return f"{value:.0f} s"
    minutes, rest = divmod(round(value), 60)
    if minutes < 120:
        return f"{minutes} min {rest} s" if rest else f"{minutes} min"
    return f"{minutes // 60} h {minutes % 60} min"


def nanoseconds(value: int) -> str:
    """The same for nanoseconds."""
    return seconds(value / NANOSECONDS)


def place(origin: Origin) -> str:
    """`host:port` of a destination."""
    return authority(origin.host, origin.port)


def count(number: int, noun: str) -> str:
    """`1 connection`, `3 connections`, `2 addresses`."""
    if number == 1:
        return f"1 {noun}"
    return f"{number} {noun}es" if noun.endswith("s") else f"{number} {noun}s"


def was_or_were(number: int) -> str:
    """The verb that goes with a number."""
    return "was" if number == 1 else "were"


def at(site: str) -> str:
    """` at file:line`, or nothing when the call site is not known."""
    return f" at {site}" if site else ""
