"""How much of a pause was spent frozen."""

from __future__ import annotations

import pytest

from conntrace.analyzer.freezes import MAX_FREEZES, Freezes


@pytest.mark.parametrize(
    ("start", "end", "frozen"),
    [
        (0, 1000, 600),
        (100, 900, 600),
        (150, 450, 150),  # the first of the two
        (0, 100, 0),
        (900, 1000, 0),
        (350, 450, 0),
        # Noticed a little late or early: a process was awake at both ends of its pause.
        (210, 290, 0),
        (390, 1000, 400),
        (0, 110, 0),
        (0, 810, 600),
    ],
)
def test_the_part_of_a_pause_that_was_frozen(start: int, end: int, frozen: int) -> None:
    freezes = Freezes()
    freezes.add(100, 300)
    freezes.add(400, 800)
    assert freezes.within(start, end) == frozen


def test_freezes_that_overlap_count_once() -> None:
    freezes = Freezes()
    freezes.add(100, 300)
    freezes.add(200, 400)
    freezes.add(250, 300)
    freezes.add(900, 800)
    assert freezes.within(0, 1000) == 300


def test_the_latest_are_kept() -> None:
    freezes = Freezes()
    for at in range(MAX_FREEZES + 100):
        freezes.add(at * 10, at * 10 + 5)
    assert freezes.within(0, 10 * MAX_FREEZES + 1000) == 5 * MAX_FREEZES
