"""How numbers are spread: counts on a logarithmic scale, of fixed size however many there are."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, field

STEPS = 8
"""Buckets for each doubling: a median told from them is off by 5 % at most."""

_SMALLEST = 0.001


@dataclass(slots=True)
class Spread:
    """Counts of positive numbers by size; smallest and largest are exact."""

    count: int = 0
    low: float = math.inf
    high: float = 0.0
    buckets: dict[int, int] = field(default_factory=dict)

    def add(self, value: float) -> None:
        """Count one number; nothing below a thousandth is told apart."""
        self.count += 1
        self.low, self.high = min(self.low, value), max(self.high, value)
        bucket = math.ceil(math.log2(max(value, _SMALLEST)) * STEPS)
        self.buckets[bucket] = self.buckets.get(bucket, 0) + 1

    def merge(self, other: Spread) -> None:
        """Add another's counts."""
        self.count += other.count
        self.low, self.high = min(self.low, other.low), max(self.high, other.high)
        for bucket, count in other.buckets.items():
            self.buckets[bucket] = self.buckets.get(bucket, 0) + count

    def quantile(self, share: float) -> float:
        """The number that this share of all does not exceed, to the width of a bucket."""
        wanted, seen = share * self.count, 0
        for bucket in sorted(self.buckets):
            seen += self.buckets[bucket]
            if seen >= wanted:
                middle = math.pow(2.0, (bucket - 0.5) / STEPS)
                return min(self.high, max(self.low, middle))
        return 0.0

    def doublings(self) -> Iterator[tuple[float, int]]:
        """Upper bound and count for each doubling from the smallest to the largest."""
        if not self.buckets:
            return
        coarse: dict[int, int] = {}
        for bucket, count in self.buckets.items():
            power = math.ceil(bucket / STEPS)
            coarse[power] = coarse.get(power, 0) + count
        for power in range(min(coarse), max(coarse) + 1):
            yield 2.0**power, coarse.get(power, 0)
