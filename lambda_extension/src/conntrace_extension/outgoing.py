"""Finished spans on their way out: bounded in bytes, the oldest leave when there is no room."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Sequence

from conntrace.analyzer.span import Span

LIMIT_BYTES = 8 * 1024 * 1024
"""Of memory, by estimate."""

# Measured with tracemalloc and rounded up: the object, its dictionary, ids and numbers.
_SPAN_BYTES = 700
_ATTRIBUTE_BYTES = 80


class Outgoing:
    """An exporter that keeps spans until they are taken in batches."""

    def __init__(self, limit: int = LIMIT_BYTES) -> None:
        self._limit = limit
        self._spans: deque[tuple[Span, int]] = deque()
        self.waiting_bytes = 0
        self.oldest_s = 0.0
        """When the first of the spans that wait came, as far as it is known."""
        self.dropped = 0
        """Spans that had no room or were refused, so far."""

    def __len__(self) -> int:
        return len(self._spans)

    def export(self, spans: Sequence[Span]) -> None:
        """Keep spans."""
        if not self._spans:
            self.oldest_s = time.monotonic()
        for span in spans:
            size = estimated_bytes(span)
            self._spans.append((span, size))
            self.waiting_bytes += size
        self._make_room()

    def close(self, timeout_s: float) -> None:
        """Nothing to let go of: whoever takes the spans sends the last ones too."""

    def take(self, max_spans: int) -> list[Span]:
        """The oldest spans, which leave."""
        batch: list[Span] = []
        while self._spans and len(batch) < max_spans:
            span, size = self._spans.popleft()
            self.waiting_bytes -= size
            batch.append(span)
        self.oldest_s = time.monotonic()
        return batch

    def put_back(self, batch: Sequence[Span]) -> None:
        """Spans that were taken and not delivered, to be tried again."""
        for span in reversed(batch):
            size = estimated_bytes(span)
            self._spans.appendleft((span, size))
            self.waiting_bytes += size
        self._make_room()

    def _make_room(self) -> None:
        while self.waiting_bytes > self._limit:
            _, size = self._spans.popleft()
            self.waiting_bytes -= size
            self.dropped += 1


def estimated_bytes(span: Span) -> int:
    """Memory that a span takes, roughly, without counting each object."""
    size = _SPAN_BYTES
    for value in span.attributes.values():
        size += _ATTRIBUTE_BYTES
        if isinstance(value, str):
            size += len(value)
        elif isinstance(value, list):
            size += sum(map(len, value))
    return size
