"""How much of an idle time the environment stood still."""

from __future__ import annotations

from conntrace.analyzer.freezes import MAX_FREEZES, Freezes


def frozen(*spans: tuple[int, int]) -> Freezes:
    freezes = Freezes()
    for start, end in spans:
        freezes.add(start, end)
    return freezes


def test_freezes_within_a_time_add_up() -> None:
    assert frozen((10, 20), (30, 50)).within(5, 60) == 30


def test_none_outside_counts() -> None:
    assert frozen((10, 20), (70, 90)).within(25, 60) == 0


def test_one_that_ends_late_does_not_count_for_what_came_after_it() -> None:
    """The function answered a request before the host noticed that it was awake."""
    assert frozen((100, 600)).within(590, 900) == 0


def test_one_that_begins_early_counts_from_when_the_process_was_last_awake() -> None:
    """The host's last look at the clock was before the request."""
    assert frozen((100, 600)).within(150, 700) == 450


def test_one_that_ends_after_the_time_counts_up_to_its_end() -> None:
    assert frozen((100, 620)).within(50, 600) == 500


def test_what_is_told_twice_counts_once() -> None:
    assert frozen((10, 20), (15, 30)).within(0, 100) == 20


def test_the_latest_are_kept() -> None:
    many = frozen(*[(10 * n, 10 * n + 5) for n in range(MAX_FREEZES + 10)])
    assert many.within(0, 10 * MAX_FREEZES + 100) == 5 * MAX_FREEZES
