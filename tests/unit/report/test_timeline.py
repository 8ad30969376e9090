"""Lives of connections in cells."""

from __future__ import annotations

import pytest
from tests.unit.report.builder import BEGIN_NS, NS_PER_S, Story

from conntrace.report.layout import Glyphs
from conntrace.report.load import of_model
from conntrace.report.model import Connection, build
from conntrace.report.read import ReadNotes
from conntrace.report.timeline import Axis, end_words, life

GLYPHS = Glyphs()


def axis(seconds: float, width: int = 33) -> Axis:
    return Axis(BEGIN_NS, BEGIN_NS + int(seconds * NS_PER_S), width)


def only(story: Story) -> Connection:
    [connection] = of_model(build(story.records()), ReadNotes()).model.connections
    return connection


def test_the_server_closed_before_anybody_noticed() -> None:
    story = Story()
    story.connect("c1", 0.0)
    story.reuse("c1", 5.0, idle_s=4.9)
    story.close(
        "c1",
        30.0,
        conntrace__close__initiator="remote",
        conntrace__close__reason="server_closed_idle",
        conntrace__close__server_idle_limit_s=5.0,
        conntrace__connection__idle_s=25.0,
    )
    drawn = life(only(story), axis(30.0), GLYPHS)
    assert drawn.rstrip() == "├┄┄┄┄■┄┄┄┄✕"
    assert end_words(only(story)) == "server closed, 5.0 s"


def test_frozen_time_is_marked() -> None:
    story = Story()
    story.connect("c1", 0.0)
    story.reuse("c1", 10.0, idle_s=10.0, conntrace__connection__frozen_s=6.0)
    assert life(only(story), axis(10.0, 13), GLYPHS) == "├┄┄┄░░░░░░■→"


@pytest.mark.parametrize(
    ("attributes", "mark", "words"),
    [
        ({"conntrace__close__initiator": "local"}, "┤", "closed"),
        ({"conntrace__close__reason": "pool_evicted_lru"}, "▲", "evicted"),
        ({"conntrace__close__reason": "lease_leaked_unread"}, "○", "response dropped unread"),
        ({"conntrace__close__initiator": "remote"}, "✕", "closed by the server"),
    ],
)
def test_ends_have_a_mark_and_words(attributes: dict[str, str], mark: str, words: str) -> None:
    story = Story()
    story.connect("c1", 0.0)
    story.close("c1", 9.0, **attributes)
    assert life(only(story), axis(10.0), GLYPHS)[-1] == mark
    assert end_words(only(story)) == words


@pytest.mark.parametrize("start", [0.0, 5.0, 9.99, 10.0])
def test_a_short_life_is_seen_wherever_it_is(start: float) -> None:
    story = Story()
    story.connect("c1", start, phases=(0, 0.1, 0, 0))
    story.request("c1", start, 0.2)
    drawn = life(only(story), axis(10.0, 20), GLYPHS)
    assert drawn.strip() == "├■→"
    assert len(drawn) <= 20


@pytest.mark.parametrize("seconds", [0.0, 0.0001, 0.02, 1.0, 59.0, 61.0, 7000.0, 1e5, 1e8])
@pytest.mark.parametrize("width", [17, 38, 98])
def test_the_ruler_fits(seconds: float, width: int) -> None:
    ruler = axis(seconds, width).ruler()
    assert ruler.startswith("0 s")
    assert len(ruler) <= width
