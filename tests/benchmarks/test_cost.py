"""The comparison measures real processes, counts what they send, and says what that comes to."""

from __future__ import annotations

from pathlib import Path

import pytest
from benchmarks.costs import FIGURES, Costs, added
from benchmarks.goals import Goal
from benchmarks.table import goal_lines, import_lines, table
from benchmarks.ways import WAYS

from benchmarks import cost, importing, page, serving, sink

PART = 64
PER_CONNECTION = {"urllib3_new", "requests_new", "boto3_new"}


@pytest.mark.parametrize("name", ["plain", "conntrace", "opentelemetry"])
def test_a_process_is_measured_from_start_to_end(name: str) -> None:
    with serving.server() as port, sink.listening() as collector:
        costs = cost.run_once(WAYS[name], port, collector, PART)
    assert set(FIGURES) == set(costs.own)
    assert all(costs.own[figure] > 0 for figure in FIGURES if figure != "spans")
    if name == "plain":
        assert costs.own["spans"] == 0
    elif name == "opentelemetry":
        assert costs.own["spans"] == costs.requests
    else:
        assert costs.own["spans"] > costs.requests


def test_the_analyzers_own_part_is_known() -> None:
    with serving.server() as port, sink.listening() as collector:
        plain = cost.run_once(WAYS["plain"], port, collector, PART)
        ours = cost.run_once(WAYS["conntrace"], port, collector, PART)
    assert all(ours.analyzer[figure] > 0 for figure in ("start_cpu", "memory", *PER_CONNECTION))
    assert not any(plain.analyzer.values())


def flat(value: float, analyzer: float = 0.0) -> list[Costs]:
    """Three runs around `value`, the outer ones far from it."""
    return [
        Costs(dict.fromkeys(FIGURES, each), dict.fromkeys(FIGURES, analyzer), 7)
        for each in (value, value * 9, value / 9)
    ]


FOUND = {
    "plain": flat(100),
    "conntrace": flat(110, analyzer=20),
    "opentelemetry": flat(150),
    "datadog": flat(200),
    "sentry": flat(90),
}


def test_what_is_added_stands_between_the_medians() -> None:
    assert added(FOUND, "conntrace", "urllib3_new") == 10
    assert added(FOUND, "conntrace", "urllib3_new", with_analyzer=True) == 30


def test_the_table_has_shares_of_what_open_telemetry_adds() -> None:
    row = next(line for line in table(FOUND) if line.startswith("| urllib3, reused"))
    cells = [cell.strip() for cell in row.strip("|").split("|")]
    assert cells[1:] == ["100", "+10 (0.20)", "+30 (0.60)", "+50", "+100 (2.00)", "-10 (-0.20)"]


def test_a_goal_is_reached_or_missed() -> None:
    told = "\n".join(goal_lines(FOUND))
    assert "start to first reply: 0.20 of OpenTelemetry's; goal: at most 0.10: missed" in told
    assert "reused request: 0.20 of OpenTelemetry's; goal: at most 0.20: reached" in told
    assert "analyzer included; goal: at most 0.50: missed" in told
    assert Goal("any", 0.5).shown(0.51).endswith("missed")


def test_an_import_is_told_by_its_median_and_its_least() -> None:
    (line,) = import_lines({"run": [12.0, 5.0, 7.0]})
    assert "run: 7.0 ms (least 5.0); goal: at most 8 ms: reached" in line


def test_only_the_modules_imported_after_boto3_count() -> None:
    lines = """import time:       500 |        500 |   botocore
import time:       100 |        600 | boto3
import time:        30 |         30 |   conntrace
import time:        12 |         42 | conntrace.traced
"""
    assert importing.sum_after("boto3", lines) == 42


def test_the_imports_of_the_agent_are_measured() -> None:
    assert importing.milliseconds(importing.RUN) > 0


def test_a_page_is_written_between_its_marks_only(tmp_path: Path) -> None:
    file = tmp_path / "page.md"
    begin, end = page.marks("make bench")
    file.write_text(f"before\n{begin}\nold\n{end}\nafter\n")
    page.write_into(file, "make bench", ["new"])
    assert file.read_text() == f"before\n{begin}\n\nnew\n\n{end}\nafter\n"
    file.write_text("no marks")
    with pytest.raises(ValueError, match=begin):
        page.write_into(file, "make bench", ["new"])


@pytest.mark.parametrize("command", ["make bench", "make instructions"])
def test_the_page_has_a_place_for_each_command(command: str) -> None:
    text = page.PAGE.read_text(encoding="utf-8")
    begin, end = page.marks(command)
    assert 0 < text.index(begin) < text.index(end)


def test_sentrys_envelopes_are_counted_with_their_transaction() -> None:
    body = b'{"event_id":"1"}\n{"type":"transaction"}\n{"type":"transaction","spans":[{},{}]}\n'
    assert sink.spans_in("/api/1/envelope/", "application/x-sentry-envelope", body) == 3
    session = b'{"event_id":"1"}\n{"type":"session"}\n{"init":true}\n'
    assert sink.spans_in("/api/1/envelope/", "application/x-sentry-envelope", session) == 0
