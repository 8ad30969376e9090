"""The table of what was there before."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.unit.report.builder import Story

from conntrace.report import bulk
from conntrace.report.load import load_files, load_spans
from conntrace.report.read import ReadNotes
from conntrace.report.seen import LEAST_BYTES, MOST_BYTES, Seen, shared_table, size_for


def numbered(count: int) -> Story:
    """That many spans."""
    story = Story()
    for number in range(count):
        story.span("work", number * 0.001, 1.0)
    return story


def test_what_returns_is_known_and_what_is_new_is_new() -> None:
    """Thousands of both, without a mistake."""
    spans = numbered(20_000).records()
    seen = Seen.alone(1)
    assert all(seen.is_new(span) for span in spans)
    assert not any(seen.is_new(span) for span in spans)


def test_one_table_for_several_readers(tmp_path: Path) -> None:
    """Each sees what the other has seen; the file goes at the end."""
    [span] = numbered(1).records()
    with shared_table(1) as path:
        assert Seen.of_file(path).is_new(span)
        assert not Seen.of_file(path).is_new(span)
    assert not Path(path).exists()


def test_the_size_is_bounded() -> None:
    """Whatever the input."""
    assert size_for(1) == LEAST_BYTES
    assert size_for(10**15) == MOST_BYTES
    assert LEAST_BYTES < size_for(0) < MOST_BYTES


@pytest.mark.parametrize("workers", [1, 2])
def test_a_copy_counts_once(workers: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Two files with the same spans, cut into parts, on one core or two."""
    story = Story()
    for number in range(300):
        story.connect(f"c{number}", float(number))
    for name in ("a.jsonl", "b.jsonl"):
        (tmp_path / name).write_text(story.lines())
    monkeypatch.setattr(bulk, "PART_BYTES", 200_000)
    notes = ReadNotes()
    files = [str(tmp_path / "a.jsonl"), str(tmp_path / "b.jsonl")]
    tally = bulk.count_files(files, notes, lambda count: None, workers=workers)
    assert tally.total.setups.count == 300
    assert notes.spans == 2 * tally.spans == 3000


def test_a_file_that_is_named_twice_is_read_once(tmp_path: Path) -> None:
    """By itself and by its folder."""
    path = tmp_path / "a.jsonl"
    path.write_text(numbered(10).lines())
    told = load_files([path, tmp_path])
    assert (told.notes.files, told.notes.spans, told.repeated) == (1, 10, 0)


@pytest.mark.parametrize("only_count", [True, False])
def test_repeated_spans_are_said(only_count: bool) -> None:
    """Counted or held, a span that comes twice counts once, and the report knows."""
    notes = ReadNotes(spans=10)
    spans = numbered(5).records()
    told = load_spans([*spans, *spans], notes, only_count=only_count)
    assert told.tally.spans == told.repeated == 5
