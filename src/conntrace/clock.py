"""The two clocks, read together.

Events carry CLOCK_MONOTONIC, which no one sets; spans need the wall clock. A pair of both, taken at
the same moment, maps one to the other.
"""

from __future__ import annotations

import time

# Taken at import, before the program or its tests freeze or patch time (freezegun and others).
monotonic_ns = time.monotonic_ns
wall_ns = time.time_ns


def clock_pair() -> tuple[int, int]:
    """CLOCK_MONOTONIC and the wall clock (Unix epoch), both in nanoseconds, of one moment.

    The wall clock is read between two monotonic readings; the middle of the two is its partner.
    """
    before = monotonic_ns()
    wall = wall_ns()
    after = monotonic_ns()
    return (before + after) // 2, wall
