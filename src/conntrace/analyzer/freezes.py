"""When the whole environment stood still, so that no process of it could run.

Times are CLOCK_MONOTONIC in nanoseconds, which runs on meanwhile.
"""

from __future__ import annotations

from collections import deque

MAX_FREEZES = 512


class Freezes:
    """The freezes of one environment, oldest first; of many, the latest are kept."""

    __slots__ = ("_spans",)

    def __init__(self) -> None:
        self._spans: deque[tuple[int, int]] = deque(maxlen=MAX_FREEZES)

    def add(self, start_ns: int, end_ns: int) -> None:
        """Note one freeze; what overlaps the one before counts once."""
        if self._spans:
            start_ns = max(start_ns, self._spans[-1][1])
        if end_ns > start_ns:
            self._spans.append((start_ns, end_ns))

    def within(self, start_ns: int, end_ns: int) -> int:
        """How much of a time was spent frozen, in nanoseconds.

        A process was awake at both ends, so each freeze lies within or without: its middle tells,
        because the analyzer's host notices a freeze's ends a little early or late.
        """
        total = 0
        for start, end in reversed(self._spans):
            if start + end <= 2 * start_ns:
                break
            if start + end < 2 * end_ns:
                total += min(end, end_ns) - max(start, start_ns)
        return total
