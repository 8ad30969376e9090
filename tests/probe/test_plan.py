"""The plan of a probe: what is sent, how fast, and how the limit is searched."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from conntrace.probe.plan import (
    RESOLUTION_S,
    Bracket,
    Step,
    bracket,
    most_search_requests,
    most_search_tries,
    next_gap,
    steps_for,
    table_steps,
)

GAPS = st.lists(st.floats(0, 100), min_size=1, max_size=8)


def test_long_gaps_are_a_chain_and_short_ones_pairs() -> None:
    steps = table_steps([1.0, 0.0], repeat=2, rate=5)
    pair = [Step(0.4, None), Step(0.0, 0.0)]
    assert steps == [Step(0.0, None), *pair, *pair, Step(1.0, 1.0), Step(1.0, 1.0)]


@given(GAPS, st.integers(1, 5), st.floats(0.1, 50))
def test_the_rate_is_kept(gaps: list[float], repeat: int, rate: float) -> None:
    steps = table_steps(gaps, repeat, rate)
    assert (len(steps) - 1) / rate <= sum(step.wait_s for step in steps) + 1e-6
    measured = [step for step in steps if step.gap_s is not None]
    assert len(measured) == repeat * len(set(gaps))
    assert all(step.wait_s == step.gap_s for step in measured)


@pytest.mark.parametrize(
    ("samples", "expected"),
    [
        ([], None),
        ([(0, True), (5, True)], None),
        ([(0, False), (5, False)], None),
        ([(1, True), (5, False)], Bracket(1, 5)),
        # Jitter: the shortest gap that lost a connection counts.
        ([(1, True), (3, False), (4, True), (5, False)], Bracket(1, 3)),
    ],
)
def test_the_bracket(samples: list[tuple[float, bool]], expected: Bracket | None) -> None:
    assert bracket(samples) == expected


@given(GAPS, st.floats(0.05, 99), st.booleans())
def test_the_search_ends_in_time(gaps: list[float], limit: float, seen: bool) -> None:
    """Whatever the limit is, it is bracketed to the resolution within the promised requests."""
    tried = [(gap, gap < limit) for gap in gaps]
    around = bracket(tried)
    for _ in range(most_search_tries(gaps)):
        gap = next_gap(around, [limit] if seen else []) if around is not None else None
        if gap is None:
            break
        tried.append((gap, gap < limit))
        around = bracket(tried)
    assert around is None or around.lost_s - around.reused_s <= RESOLUTION_S * 1.01
    assert around is None or around.reused_s <= limit <= around.lost_s


def test_a_seen_close_makes_two_tries_enough() -> None:
    around = Bracket(1.0, 60.0)
    above = next_gap(around, [7.0])
    assert above == 7.05
    below = next_gap(Bracket(1.0, 7.05), [7.0])
    assert below == 6.95
    assert next_gap(Bracket(6.95, 7.05), [7.0]) is None


def test_a_wrong_hint_does_no_harm() -> None:
    assert next_gap(Bracket(1.0, 2.0), [40.0]) == 1.5


@given(GAPS, st.floats(0.05, 99), st.booleans(), st.floats(0.1, 50))
def test_the_search_keeps_the_rate_and_its_promise(
    gaps: list[float], limit: float, seen: bool, rate: float
) -> None:
    tried = [(gap, gap < limit) for gap in gaps]
    steps: list[Step] = []
    while (around := bracket(tried)) is not None:
        gap = next_gap(around, [limit] if seen else [])
        if gap is None:
            break
        steps += steps_for(gap, rate)
        tried.append((gap, gap < limit))
    assert len(steps) <= most_search_requests(gaps, rate)
    assert len(steps) / rate <= sum(step.wait_s for step in steps) + 1e-6
