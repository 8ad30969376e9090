"""Whether SO_KEEPALIVE had an effect, told only when the data shows that it had none."""

from __future__ import annotations

from typing import Any

from tests.unit.report.builder import Story

from conntrace.report.keepalive import keepalive_hint
from conntrace.report.model import build

ON = {"conntrace__socket__keepalive": True, "conntrace__socket__keepalive_idle_s": 7200.0}
OFF = {"conntrace__socket__keepalive": False}


def connection(
    story: Story, name: str, socket: dict[str, Any], idle_s: float, lost: bool = False
) -> None:
    story.connect(name, 0.0, **socket)
    story.reuse(name, 1.0, idle_s=0.5)
    if lost:
        closed = {"conntrace__close__initiator": "remote", "conntrace__close__reason": "x"}
        story.close(name, 9.0, conntrace__connection__idle_s=idle_s, **closed)
    else:
        story.reuse(name, 2.0, idle_s=idle_s)


def hint(story: Story) -> str:
    return keepalive_hint(build(story.records()))


def test_lost_alike_with_and_without_it() -> None:
    story = Story()
    connection(story, "a", ON, 3.0, lost=True)
    connection(story, "b", OFF, 3.1, lost=True)
    connection(story, "c", OFF, 0.2)
    assert "7200 s of silence, the longest was 3.0 s" in hint(story)
    assert "Lost after 3.0 s or more idle: 1 of 1 with it, 1 of 1 without it." in hint(story)


def test_nothing_was_lost() -> None:
    story = Story()
    connection(story, "a", ON, 3.0)
    connection(story, "b", OFF, 3.0)
    assert "No connection was lost while idle." in hint(story)


def test_a_survivor_of_the_same_pause_is_counted() -> None:
    story = Story()
    connection(story, "a", ON, 3.0, lost=True)
    connection(story, "b", ON, 5.0)
    assert "1 of 2 with it." in hint(story)


def test_no_word_without_the_setting_or_without_its_time() -> None:
    story = Story()
    connection(story, "a", OFF, 3.0, lost=True)
    assert hint(story) == ""
    connection(story, "b", {"conntrace__socket__keepalive": True}, 3.0, lost=True)
    assert hint(story) == ""


def test_no_word_when_a_probe_may_have_been_sent() -> None:
    story = Story()
    short = {**ON, "conntrace__socket__keepalive_idle_s": 2.0}
    connection(story, "a", short, 3.0, lost=True)
    assert hint(story) == ""


def test_no_word_when_a_response_took_longer_than_the_first_probe() -> None:
    story = Story()
    connection(story, "a", {**ON, "conntrace__socket__keepalive_idle_s": 60.0}, 3.0)
    story.request("a", 100.0, 61_000.0)
    assert hint(story) == ""
