"""The table that every book of the analyzer is kept in."""

from __future__ import annotations

from conntrace.analyzer.ledger_bounded import BoundedTable


def test_the_entry_put_longest_ago_makes_room_and_is_counted() -> None:
    """Whoever asked to know gets it, so that nothing is lost without a word."""
    lost: list[tuple[int, str]] = []
    table = BoundedTable[str](2, lambda key, value: lost.append((key, value)))
    for key, value in enumerate("abcd"):
        table.put(key, value)
    assert table.values() == ["c", "d"]
    assert lost == [(0, "a"), (1, "b")]
    assert table.evicted == 2


def test_an_entry_that_is_touched_or_put_again_is_the_youngest() -> None:
    """Old entries in use do not make room for new ones that are not."""
    table = BoundedTable[str](3)
    for key, value in enumerate("abc"):
        table.put(key, value)
    table.touch(0)
    table.put(1, "B")
    table.put(3, "d")
    assert table.values() == ["a", "B", "d"]
    assert table.evicted == 1
