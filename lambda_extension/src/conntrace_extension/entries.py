"""What the store holds, in the order in which it came."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import TypeAlias

# What a short bytes object and its place in a list take beside its text (CPython, 64 bits).
_LINE_OVERHEAD = 48


class Fact:
    """Something the platform said: the name of a class in `conntrace.events_lambda`, its fields."""

    __slots__ = ("event", "values")

    def __init__(self, event: str, **values: object) -> None:
        self.event = event
        self.values = values


class Lost:
    """A process is gone without a goodbye; `time_ns` is when that was seen (CLOCK_MONOTONIC)."""

    __slots__ = ("process", "time_ns")

    def __init__(self, process: str, time_ns: int) -> None:
        self.process = process
        self.time_ns = time_ns


class Lines:
    """Event lines of one process, in the order in which it sent them."""

    __slots__ = ("lines", "process", "size")

    def __init__(self, process: str, lines: list[bytes]) -> None:
        self.process = process
        self.lines = lines
        self.size = sum(map(len, lines)) + _LINE_OVERHEAD * len(lines)


if TYPE_CHECKING:
    Entry: TypeAlias = Fact | Lost | Lines
