"""Whether SO_KEEPALIVE had an effect, told only when the data shows that it had none."""

from __future__ import annotations

from typing import Any

from tests.unit.report.builder import Story

from conntrace.report.keepalive import keepalive_hint
from conntrace.report.model import build

ON = {"conntrace__socket__keepalive": True, "conntrace__socket__keepalive_idle_s": 7200.0}
OFF = {"conntrace__socket__keepalive": False}


def pause(
    story: Story, name: str, socket: dict[str, Any], idle_s: float, lost: bool = False
) -> None:
    """A pause that the connection survived, or one that made a new connection necessary."""
    if lost:
        told = {"conntrace__connection__idle_s": idle_s, **socket}
        story.connect(name, 0.0, "server_closed_idle", **told)
    else:
        story.connect(name, 0.0, **socket)
        story.reuse(name, 2.0, idle_s=idle_s)


def hint(story: Story) -> str:
    return keepalive_hint(build(story.records()))


def test_lost_alike_with_and_without_it() -> None:
    story = Story()
    pause(story, "a", ON, 3.0, lost=True)
    pause(story, "b", OFF, 3.1, lost=True)
    pause(story, "c", OFF, 0.2)
    assert "7200 s of silence, the longest was 3.0 s" in hint(story)
    assert "Lost in a pause of 3.0 s or more: 1 of 1 with it, 1 of 1 without" in hint(story)


def test_nothing_was_lost() -> None:
    story = Story()
    pause(story, "a", ON, 3.0)
    pause(story, "b", OFF, 3.0)
    assert "No connection was lost in a pause." in hint(story)


def test_a_survivor_of_the_same_pause_is_counted() -> None:
    story = Story()
    pause(story, "a", ON, 3.0, lost=True)
    pause(story, "b", ON, 5.0)
    assert "1 of 2 with it." in hint(story)


def test_the_servers_limit_decides_which_pauses_count() -> None:
    story = Story()
    limit = {"conntrace__close__server_idle_limit_s": 2.0}
    pause(story, "a", {**ON, **limit}, 9.0, lost=True)
    pause(story, "b", ON, 2.5)
    pause(story, "c", ON, 1.5)
    assert "Lost in a pause of 2.0 s or more: 1 of 2 with it." in hint(story)


def test_the_first_request_of_a_replacement_tells_of_the_lost_connection() -> None:
    story = Story()
    pause(story, "a", ON, 3.0, lost=True)
    story.request("a", 0.0, conntrace__connection__idle_s=3.0)
    assert "1 of 1 with it." in hint(story)


def test_no_word_without_the_setting_or_without_its_time() -> None:
    story = Story()
    pause(story, "a", OFF, 3.0, lost=True)
    assert hint(story) == ""
    pause(story, "b", {"conntrace__socket__keepalive": True}, 3.0, lost=True)
    assert hint(story) == ""


def test_no_word_when_a_probe_may_have_been_sent() -> None:
    story = Story()
    short = {**ON, "conntrace__socket__keepalive_idle_s": 2.0}
    pause(story, "a", short, 3.0, lost=True)
    assert hint(story) == ""


def test_no_word_when_a_response_took_longer_than_the_first_probe() -> None:
    story = Story()
    pause(story, "a", {**ON, "conntrace__socket__keepalive_idle_s": 60.0}, 3.0)
    story.request("a", 100.0, 61_000.0)
    assert hint(story) == ""
