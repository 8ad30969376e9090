"""What connections have to do with each other."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from tests.unit.report import stories
from tests.unit.report.builder import Story, rendered

from conntrace.report.load import of_model
from conntrace.report.model import Connection, build
from conntrace.report.read import ReadNotes
from conntrace.report.record import SpanRecord
from conntrace.report.relations import is_leaked


def related(spans: list[SpanRecord]) -> dict[int, Connection]:
    """The connections by number."""
    model = of_model(build(spans), ReadNotes()).model
    return {each.number: each for each in model.connections}


def test_leak_eviction_replacement_and_fork() -> None:
    """1 leaks and is replaced by 2; 3 pushes 2 out, 4 replaces it; 5 is a child's own."""
    found = related(stories.relations())
    assert [is_leaked(each) for each in found.values()] == [True, False, False, False, False]
    assert {n: each.replaces for n, each in found.items()} == {1: 0, 2: 1, 3: 0, 4: 2, 5: 0}
    assert {n: each.evicted_by for n, each in found.items() if each.evicted_by} == {2: 3}
    assert {n: each.forked_from for n, each in found.items() if each.forked_from} == {5: 4}


def test_a_link_to_a_failed_request_leads_to_its_connection() -> None:
    """The set-up after a broken request replaces that request's connection."""
    story = Story()
    story.connect("c1", 0.0)
    broken = story.request("c1", 1.0, error="connection_reset")
    story.connect("c2", 2.0, "replaced_after_error", links=[broken])
    assert related(story.records())[2].replaces == 1


@pytest.mark.parametrize("make", [each[0] for each in stories.STORIES.values()])
def test_relations_are_of_other_connections(make: Callable[[], list[SpanRecord]]) -> None:
    """Nobody replaces, evicts or forks itself, and every number is there."""
    found = related(make())
    for number, each in found.items():
        for other in (each.replaces, each.evicted_by or 0, each.forked_from):
            assert other == 0 or (other in found and other != number)


def test_an_evictor_that_was_not_recorded() -> None:
    """The victim is evicted all the same; nobody is named."""
    spans = [s for s in stories.relations() if "other.example.org" not in s.name]
    found = related(spans)
    assert found[2].evicted_by == 0
    assert "evicted\n" in rendered(spans)


def test_a_child_that_goes_on_with_its_parents_connection() -> None:
    """It has the parent's id, and no set-up of its own; another program's is no parent's."""
    parent = Story(host="api.example.org")
    parent.connect("c1", 0.0)
    parent.connect("c2", 0.5)
    spans = parent.records()
    for number, parent_pid in enumerate((4242, 99), start=1):
        resource = {"process.pid": 5000 + number, "process.parent_pid": parent_pid}
        child = Story(host="api.example.org", resource=resource, prefix=number)
        child.reuse("c1", number, idle_s=0.9)
        if parent_pid == 4242:
            # Counted since the parent connected: two of the parent's, one of its own.
            child.close("c1", 3.0, conntrace__connection__requests=3)
        spans += child.records()
    assert [each.forked_from for each in related(spans).values()] == [0, 0, 1, 0]
    # The child's is no further connection; the one of an unknown parent may be.
    assert "2 requests · 3 connections to 1 host · 3 processes" in rendered(spans)
