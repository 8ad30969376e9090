"""Counting large input in parts."""

from __future__ import annotations

import json
import os
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from tests.unit.report import stories
from tests.unit.report.builder import Story

from conntrace.errors import ConntraceError
from conntrace.report import bulk
from conntrace.report.load import load_files, load_spans
from conntrace.report.read import ReadNotes
from conntrace.report.seen import Seen
from conntrace.report.spread import Spread


def written(folder: Path) -> Path:
    """A file of 200 connections with two broken lines."""
    lines = []
    for number in range(200):
        story = Story(prefix=number)
        story.connect(f"c{number}", number * 1.0, "client_recreated")
        lines.append(story.lines())
    lines[50] += "broken\n"
    path = folder / "many.jsonl"
    path.write_text("".join(lines) + "broken at the end")
    return path


def test_parts_count_every_line_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Wherever the file is cut, sums and line numbers are those of the whole."""
    path = str(written(tmp_path))
    whole, whole_notes = bulk.count_part(bulk.Part(path, 0, 1 << 40), Seen.alone(1))
    for size in (997, 20_000):
        monkeypatch.setattr(bulk, "PART_BYTES", size)
        notes = ReadNotes()
        tally = bulk.count_files([path], notes, lambda count: None, workers=1)
        assert tally.spans == whole.spans == 1000
        assert tally.total.setups.count == 200
        assert tally.total.cost_ms == pytest.approx(whole.total.cost_ms)
        assert notes.problems == whole_notes.problems


def test_a_document_over_several_lines_is_counted_whole(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    story = Story()
    story.connect("c1", 0.0)
    path = tmp_path / "spans.json"
    path.write_text(json.dumps(story.document(), indent=1) + "\n")
    monkeypatch.setattr(bulk, "PART_BYTES", 300)
    notes = ReadNotes()
    tally = bulk.count_files([str(path)], notes, lambda count: None)
    assert tally.spans == len(story.spans)
    assert notes.problem_count == 0


def test_parts_side_by_side(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Two worker processes give the same counts as one."""
    path = str(written(tmp_path))
    monkeypatch.setattr(bulk, "PART_BYTES", 200_000)
    notes = ReadNotes()
    tally = bulk.count_files([path], notes, lambda count: None, workers=2)
    assert tally.total.setups.count == 200
    assert len(tally.processes) == 1
    assert notes.problem_count == 2


def test_too_many_spans_are_counted() -> None:
    """Above the limit nothing is held, and the counts hold everything."""
    told = load_spans(stories.keepalive(), ReadNotes(), limit=10)
    assert not told.complete
    assert told.tally.total.setups.count == 7
    assert not told.model.connections


def test_counting_a_folder(tmp_path: Path) -> None:
    """`--counts` reads files without holding their spans."""
    written(tmp_path)
    told = load_files([tmp_path], only_count=True)
    assert told.tally.total.setups.count == 200
    assert told.notes.problem_count == 2


def test_counting_what_has_no_size(tmp_path: Path) -> None:
    """A pipe is counted to its end, as a file is."""
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    text = written(tmp_path).read_text()
    with ThreadPoolExecutor(1) as writer:
        writing = writer.submit(pipe.write_text, text)
        told = load_files([pipe], only_count=True)
        writing.result(timeout=30)
    assert told.tally.total.setups.count == 200
    assert told.notes.problem_count == 2


def test_counting_a_file_that_is_not_there(tmp_path: Path) -> None:
    """It is an error with a slug, as without `--counts`."""
    with pytest.raises(ConntraceError, match="No such file") as raised:
        load_files([tmp_path / "missing.jsonl"], only_count=True)
    assert raised.value.slug == "report-unreadable"


def test_spread_tells_median_and_range() -> None:
    """Quantiles are right to the width of a bucket."""
    spread = Spread()
    for value in range(1, 1001):
        spread.add(float(value))
    assert (spread.low, spread.high) == (1.0, 1000.0)
    assert spread.quantile(0.5) == pytest.approx(500, rel=0.06)
    assert sum(count for _, count in spread.doublings()) == 1000
