"""Which trace is drawn, what of it, and how long its bars are."""

from __future__ import annotations

import pytest
from tests.unit.report import stories
from tests.unit.report.builder import Story

from conntrace.errors import ConntraceError
from conntrace.report.layout import Glyphs
from conntrace.report.model import build
from conntrace.report.record import SpanRecord
from conntrace.report.waterfall import MAX_ROWS, bar, choose_trace, waterfall


def test_the_trace_with_the_most_setup_time_is_chosen() -> None:
    story = Story()
    story.connect("c1", 0.0)
    dear = story.connect("c2", 1.0, phases=(500, 1, 1, 1))
    assert choose_trace(build(story.records())) == dear["traceId"]


def test_avoidable_setup_time_is_worth_more() -> None:
    story = Story()
    story.connect("c1", 0.0, phases=(500, 1, 1, 1))
    avoidable = story.connect("c2", 1.0, "one_shot_api", conntrace__cause__avoidable=True)
    assert choose_trace(build(story.records())) == avoidable["traceId"]


def test_a_trace_is_found_by_the_beginning_of_its_id() -> None:
    model = build(stories.control())
    some = next(iter(model.traces))
    assert choose_trace(model, some.upper()) == some
    with pytest.raises(ConntraceError, match="no trace whose id begins with 'ff'"):
        choose_trace(model, "ff")
    with pytest.raises(ConntraceError, match=r"6 traces.*report-trace-unknown"):
        choose_trace(model, "4b")


def test_a_long_trace_is_narrowed_to_the_branch_of_its_costliest_setup() -> None:
    story = Story()
    root = story.span("pytest", 0.0, 100_000.0)
    for number in range(100):
        request = story.request(f"c{number}", number * 1.0, 50.0, root)
        story.connect(f"c{number}", number * 1.0, parent=request, phases=(number, 1, 1, 1))
    model = build(story.records())
    view = waterfall(model, root["traceId"])
    assert len(view.rows) == 6
    assert view.subject.duration_ms == pytest.approx(102.2)
    assert view.left_out == len(story.spans) - 6


def test_a_flat_trace_of_any_length_is_bounded() -> None:
    story = Story()
    root = story.span("loop", 0.0, 1000.0)
    for number in range(1000):
        story.span("work", number / 1000, 1.0, root)
    view = waterfall(build(story.records()), root["traceId"])
    assert len(view.rows) <= MAX_ROWS


@pytest.mark.parametrize("length", [1, 2, 40])
def test_a_ring_of_parents_ends(length: int) -> None:
    ring = [
        SpanRecord(
            "t", f"{n}", f"{(n + 1) % length}", "HTTP connection_setup a:1", "", n + 1, n + 9
        )
        for n in range(length)
    ]
    assert waterfall(build(ring), "t").rows


def test_parents_that_are_not_in_the_file_are_accepted() -> None:
    story = Story()
    foreign = {"traceId": "ab" * 16, "spanId": "cd" * 8}
    story.connect("c1", 0.0, parent=foreign)
    view = waterfall(build(story.records()), foreign["traceId"])
    assert [row.depth for row in view.rows] == [0, 1, 1, 1, 1]


def test_bars_stay_within_their_width_and_are_never_invisible() -> None:
    story = Story()
    parent = story.span("all", 0.0, 1000.0)
    story.span("first instant", 0.0, 0.0, parent)
    story.span("last instant", 1.0, 0.0, parent)
    view = waterfall(build(story.records()), parent["traceId"])
    drawn = [bar(row.span, view, 20, Glyphs()) for row in view.rows]
    assert drawn == ["█" * 20, "▌", " " * 19 + "▌"]
