"""Spans kept in memory, for tests and for reports of small runs."""

from __future__ import annotations

from collections.abc import Sequence

from conntrace.analyzer.span import Span


class MemoryExporter:
    """Keeps the first `limit` spans; what comes after is counted as dropped."""

    def __init__(self, limit: int = 100_000) -> None:
        self.spans: list[Span] = []
        self._limit = limit
        self._dropped = 0

    @property
    def dropped(self) -> int:
        """Spans beyond the limit."""
        return self._dropped

    def export(self, spans: Sequence[Span]) -> None:
        """Keep the spans."""
        room = max(0, self._limit - len(self.spans))
        self.spans.extend(spans[:room])
        self._dropped += max(0, len(spans) - room)

    def close(self, timeout_s: float) -> None:
        """Nothing to let go of: the spans stay."""
