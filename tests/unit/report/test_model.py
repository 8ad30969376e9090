"""From spans to connections, whatever order and whatever is missing."""

from __future__ import annotations

import random

from tests.unit.report import stories
from tests.unit.report.builder import Story

from conntrace.report.model import Destination, build


def test_a_connection_has_its_setup_phases_requests_and_close() -> None:
    story = Story()
    story.connect("c1", 0.0, parent=story.request("c1", 0.0, 40.0))
    story.reuse("c1", 1.0, idle_s=0.9)
    story.close("c1", 2.0, conntrace__close__initiator="remote")
    [connection] = build(story.records()).connections
    assert connection.setup is not None
    assert connection.close is not None
    assert connection.request_count == 2
    assert connection.phases_ms == {"dns": 8.0, "connect": 1.0, "trust_store": 19.0, "tls": 6.0}
    assert connection.destination == Destination("dynamodb.eu-west-1.amazonaws.com", 443)


def test_the_order_of_the_spans_does_not_matter() -> None:
    spans = stories.keepalive()
    expected = build(spans)
    random.Random(1).shuffle(spans)
    shuffled = build(spans)
    assert [c.setup for c in shuffled.connections] == [c.setup for c in expected.connections]
    assert [c.phases_ms for c in shuffled.connections] == [
        c.phases_ms for c in expected.connections
    ]


def test_a_span_that_was_sent_twice_counts_once() -> None:
    spans = stories.control()
    assert build(spans + spans).request_count == build(spans).request_count


def test_without_parents_every_phase_stands_alone() -> None:
    spans = stories.control()
    for span in spans:
        span.parent_id = ""
    model = build(spans)
    assert model.connections[0].phases_ms == {}
    assert len(model.lookups) == 1
    assert len(model.raw_connects) == 1


def test_a_missing_parent_leaves_the_setup_whole() -> None:
    story = Story()
    request = story.request("c1", 0.0)
    story.connect("c1", 0.0, parent=request)
    story.spans.remove(request)
    [connection] = build(story.records()).connections
    assert sum(connection.phases_ms.values()) == 34.0


def test_the_same_connection_id_in_two_processes_is_two_connections() -> None:
    model = build(stories.processes())
    assert len(model.processes) == 2
    assert [connection.number for connection in model.connections] == [1, 2, 3]


def test_requests_of_a_connection_opened_before_the_recording() -> None:
    story = Story()
    story.reuse("c1", 0.0, idle_s=1.0)
    [connection] = build(story.records()).connections
    assert connection.setup is None
    assert connection.cost_ms == 0.0


def test_the_close_span_tells_of_requests_that_have_no_span() -> None:
    story = Story()
    story.connect("c1", 0.0)
    story.close("c1", 9.0, conntrace__connection__requests=7)
    assert build(story.records()).request_count == 7


def test_another_tools_request_span_counts_and_its_parents_do_not() -> None:
    story = Story()
    server = story.span("GET /", 0.0, 50.0, kind="SERVER", conntrace__connection__id="c1")
    outer = story.span("DynamoDB.PutItem", 0.0, 45.0, server, kind="CLIENT")
    story.connect("c1", 0.001, parent=story.request("c1", 0.0, 40.0, outer))
    assert build(story.records()).request_count == 1


def test_a_setup_without_ids_is_its_own_connection_and_finds_its_close() -> None:
    story = Story()
    setup = story.span("HTTP connection_setup [::1]:8080", 0.0, 5.0)
    story.span("HTTP connection_close [::1]:8080", 1.0, 0.0, links=[setup])
    story.span("HTTP connection_setup other:1", 0.0, 5.0)
    connections = build(story.records()).connections
    assert [bool(connection.close) for connection in connections] == [True, False]
    assert str(connections[0].destination) == "[::1]:8080"


def test_nothing_gives_an_empty_model() -> None:
    assert build([]).connections == []
