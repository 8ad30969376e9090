"""What a probe will do, decided before and between requests. Pure: no clock, no network."""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import pairwise
from typing import NamedTuple

RESOLUTION_S = 0.1
"""How exactly the idle limit is found."""


class Step(NamedTuple):
    """One request: how long the connection is idle before it, and for which gap it counts.

    `gap_s` is None for a request that only brings the connection into a known state.
    """

    wait_s: float
    gap_s: float | None


class Bracket(NamedTuple):
    """The idle limit lies between: idle this long, and the connection was still used; or not."""

    reused_s: float
    lost_s: float

    @property
    def found(self) -> bool:
        """Narrow enough."""
        return self.lost_s - self.reused_s <= RESOLUTION_S * 1.001


def table_steps(gaps: Sequence[float], repeat: int, rate: float) -> list[Step]:
    """All requests of the table of gaps, never more than `rate` a second on the average.

    A gap shorter than the pause that the rate asks for is measured by pairs of requests with the
    pause before each pair.
    """
    steps = [Step(0.0, None)]
    for gap in sorted(set(gaps)):
        steps += steps_for(gap, rate) * repeat
    return steps


def steps_for(gap: float, rate: float) -> list[Step]:
    """What measures this gap once."""
    pause = 1 / rate
    if gap >= pause:
        return [Step(gap, gap)]
    return [Step(2 * pause - gap, None), Step(gap, gap)]


def most_search_requests(gaps: Sequence[float], rate: float) -> int:
    """The most requests that the search for the limit may send, whatever the table shows."""
    # The search tries gaps between two neighbours of the table; the lower one tells whether some
    # of them need a request before them to keep the rate.
    edges = pairwise(sorted({0.0, *gaps}))
    return max(
        (_most_tries(after - before) * len(steps_for(before, rate)) for before, after in edges),
        default=0,
    )


def most_search_tries(gaps: Sequence[float]) -> int:
    """The most gaps that the search for the limit may try."""
    edges = pairwise(sorted({0.0, *gaps}))
    return max((_most_tries(after - before) for before, after in edges), default=0)


def _most_tries(width_s: float) -> int:
    if width_s <= RESOLUTION_S:
        return 0
    # Two tries around the time that a close showed, then halving from the wider side at worst.
    return 2 + math.ceil(math.log2(width_s / RESOLUTION_S))


def bracket(samples: Sequence[tuple[float, bool]]) -> Bracket | None:
    """The limit as far as pairs of gap and reused tell it; None when there is nothing to search.

    The shortest gap that lost a connection counts, and the longest below it that never did.
    """
    lost = [gap for gap, reused in samples if not reused]
    if not lost:
        return None
    shortest_lost = min(lost)
    kept = [gap for gap, reused in samples if reused and gap < shortest_lost]
    return Bracket(max(kept), shortest_lost) if kept else None


def next_gap(around: Bracket, seen_limits: Sequence[float]) -> float | None:
    """The gap to try next, or None when the limit is found.

    A close that was seen tells the limit at once: its two sides are tried before halving.
    """
    if around.found:
        return None
    half = RESOLUTION_S / 2
    for limit in seen_limits:
        for gap in (limit + half, limit - half):
            if around.reused_s + half / 2 < gap < around.lost_s - half / 2:
                return round(gap, 3)
    return round((around.reused_s + around.lost_s) / 2, 3)
