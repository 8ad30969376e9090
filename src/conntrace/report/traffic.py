"""Sums of set-ups, and what is known of the traffic of a destination, a service or everything."""

from __future__ import annotations

from dataclasses import dataclass, field

from conntrace import semantic_names as names
from conntrace.report.record import SpanRecord
from conntrace.report.spread import Spread

PROVED = "proved"


@dataclass(slots=True)
class Sums:
    """What many set-ups (or lookups) took together. Times in milliseconds."""

    count: int = 0
    cost_ms: float = 0.0
    avoidable_ms: float = 0.0
    proved: int = 0
    """How many of them have a proved cause."""
    example: SpanRecord | None = None

    def add(self, span: SpanRecord) -> None:
        """Count one; the first that carries advice stays as the example."""
        self.count += 1
        self.cost_ms += span.duration_ms
        self.proved += span.text(names.CAUSE_CONFIDENCE) == PROVED
        if span.flag(names.CAUSE_AVOIDABLE):
            self.avoidable_ms += span.duration_ms
        self._keep(span)

    def merge(self, other: Sums) -> None:
        """Add another's sums."""
        self.count += other.count
        self.cost_ms += other.cost_ms
        self.avoidable_ms += other.avoidable_ms
        self.proved += other.proved
        if other.example is not None:
            self._keep(other.example)

    def _keep(self, span: SpanRecord) -> None:
        if self.example is None or (
            span.text(names.CAUSE_ADVICE) and not self.example.text(names.CAUSE_ADVICE)
        ):
            self.example = span


@dataclass(slots=True)
class Traffic:
    """What is known of one destination, one service, or all together."""

    setups: Sums = field(default_factory=Sums)
    requests: int = 0
    reused: int = 0
    failed: int = 0
    evictions: int = 0
    waits: int = 0
    wait_ms: float = 0.0
    strays: Sums = field(default_factory=Sums)
    """Lookups and connects that belong to no connection of an HTTP client."""
    lookups: int = 0
    """All of them, those of set-ups included."""
    connects: int = 0
    """The same: each address that was tried. None for a destination, as they name no host."""
    handshakes: int = 0
    """The same."""
    idle: Spread = field(default_factory=Spread)
    """Seconds without use before a connection's end, where the server ended it."""
    limit: Spread = field(default_factory=Spread)
    """The server's idle limit in seconds, where a close tells it."""
    invocations: int = 0
    """Of a function, and requests that a server served."""
    cold: int = 0
    invocations_failed: int = 0
    took: Spread = field(default_factory=Spread)
    """Seconds that invocations took."""

    @property
    def cost_ms(self) -> float:
        """All set-ups, and the lookups and connects alone."""
        return self.setups.cost_ms + self.strays.cost_ms

    @property
    def avoidable_ms(self) -> float:
        """The part that a change would save."""
        return self.setups.avoidable_ms + self.strays.avoidable_ms

    def merge(self, other: Traffic) -> None:
        """Add another's counts."""
        self.setups.merge(other.setups)
        self.strays.merge(other.strays)
        self.lookups += other.lookups
        self.connects += other.connects
        self.handshakes += other.handshakes
        self.requests += other.requests
        self.reused += other.reused
        self.failed += other.failed
        self.evictions += other.evictions
        self.waits += other.waits
        self.wait_ms += other.wait_ms
        self.idle.merge(other.idle)
        self.limit.merge(other.limit)
        self.invocations += other.invocations
        self.cold += other.cold
        self.invocations_failed += other.invocations_failed
        self.took.merge(other.took)
