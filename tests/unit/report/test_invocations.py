"""Invocations, and what was frozen between them."""

from __future__ import annotations

import json

import pytest
from tests.unit.analyzer.lambda_streams import LambdaStream
from tests.unit.report import stories
from tests.unit.report.builder import BEGIN_NS, NS_PER_S, Story, rendered

from conntrace.analyzer.exporters.otlp_json import export_request
from conntrace.report.json_report import document
from conntrace.report.load import Loaded, load_spans, of_model
from conntrace.report.model import build
from conntrace.report.otlp import spans_of
from conntrace.report.read import ReadNotes


def loaded(story: Story) -> Loaded:
    """A story as the reports get it."""
    return of_model(build(story.records()), ReadNotes())


def seconds(stretches: list[tuple[int, int]]) -> list[tuple[float, float]]:
    """Stretches in seconds since the story's begin."""
    return [
        (round((a - BEGIN_NS) / NS_PER_S, 3), round((b - BEGIN_NS) / NS_PER_S, 3))
        for a, b in stretches
    ]


def test_each_invocation_has_its_connections() -> None:
    """Through parents, however deep; connections that were only used count too."""
    told = of_model(build(stories.function()), ReadNotes())
    found = [[each.number for each in call.connections] for call in told.invocations]
    assert found == [[1], [1], [2], [2], [2]]
    assert [call.new_connections for call in told.invocations] == [1, 0, 1, 0, 0]
    assert [call.is_cold for call in told.invocations] == [True, False, False, False, False]
    assert told.invocations[4].error == "timeout"


def test_frozen_time_lies_between_invocations() -> None:
    """A freeze ends where the next invocation begins, not at the request in it."""
    first, second = of_model(build(stories.function()), ReadNotes()).model.connections
    assert seconds(first.frozen) == [(2.1, 65.0)]
    assert seconds(second.frozen) == [(65.2, 68.0)]


def test_a_freeze_over_several_invocations_is_shared_out() -> None:
    """An idle connection may sleep through invocations that do not use it."""
    story = Story()
    story.connect("c1", 0.0)
    for at in (0.0, 10.0, 20.0):
        story.span("work", at, 1000.0, kind="SERVER", faas__coldstart=False)
    frozen = {"conntrace__connection__frozen_s": 9.0}
    story.reuse("c1", 20.5, idle_s=20.4, **frozen)
    [connection] = loaded(story).model.connections
    assert seconds(connection.frozen) == [(5.5, 10.0), (15.5, 20.0)]


def test_without_invocations_the_freeze_ends_at_the_request() -> None:
    """All that is known is how long it was."""
    story = Story()
    story.connect("c1", 0.0)
    story.reuse("c1", 10.0, idle_s=9.9, conntrace__connection__frozen_s=6.0)
    assert seconds(loaded(story).model.connections[0].frozen) == [(4.0, 10.0)]


def test_the_span_of_the_invocation_has_the_last_word() -> None:
    """Spans that were not exported are in its ledger; without one, its set-ups are added up."""
    story = Story()
    told = {"conntrace__ledger__setup_s": 0.5, "conntrace__ledger__avoidable_s": 0.25}
    by_ledger = story.span("f", 0.0, 900.0, kind="SERVER", **told)
    story.connect("c1", 0.1, parent=by_ledger)
    by_spans = story.span("f", 2.0, 900.0, kind="SERVER")
    avoidable = {"conntrace__cause__avoidable": True}
    story.connect("c2", 2.1, "client_recreated", parent=by_spans, **avoidable)
    calls = loaded(story).invocations
    assert (calls[0].setup_ms, calls[0].avoidable_ms) == (500.0, 250.0)
    assert calls[1].setup_ms == calls[1].avoidable_ms == pytest.approx(34.2)


def test_lookups_before_the_first_invocation() -> None:
    """A function's init is told apart from its invocations; other roots are none."""
    story = Story(resource={"faas.name": "put-order"})
    init = story.span("put-order init", 0.0, 300.0)
    story.span("DNS lookup db.example.org", 0.1, 9.0, init, conntrace__cause__name="x")
    story.span("warm up init", 1.0, 5.0, init)
    [call] = loaded(story).invocations
    assert call.is_init
    assert len(call.strays) == 1
    assert call.setup_ms == 9.0
    assert "init" in rendered(story.records())


def test_spans_as_the_analyzer_makes_them() -> None:
    """A function's whole life, through the analyzer and the file's form."""
    stream = LambdaStream()
    pool = stream.pool(stream.manager("boto3 dynamodb", "app.py:3"), "db.example.org")
    stream.request(pool)
    with stream.invocation("r-1", cold=True):
        stream.request(pool)
    stream.freeze(60.0)
    with stream.invocation("r-2", source="aws:sqs", trigger="pubsub", error="KeyError"):
        stream.request(pool)
        stream.request(stream.pool(stream.manager("boto3 s3", "app.py:9"), "s3.example.org"))
    spans = stream.play().spans
    records = list(spans_of(json.loads(export_request(spans)), lambda reason: pytest.fail(reason)))
    told = of_model(build(records), ReadNotes())
    kinds = [(call.name, call.is_init, call.is_cold, call.error) for call in told.invocations]
    assert kinds == [
        ("orders", True, False, ""),
        ("orders", False, True, ""),
        ("orders", False, False, "KeyError"),
    ]
    assert [[c.number for c in call.connections] for call in told.invocations] == [[1], [1], [1, 2]]
    assert [call.new_connections for call in told.invocations] == [1, 0, 1]
    [(begin, end)] = told.model.connections[0].frozen
    assert end == told.invocations[2].span.start_ns
    assert (end - begin) / NS_PER_S == pytest.approx(60.0, abs=0.01)
    assert begin >= told.invocations[1].span.end_ns
    assert told.tally.services["orders"].invocations == 2
    assert told.tally.services["orders"].cold == 1


def test_avoidable_time_of_each_function() -> None:
    """Two functions and a service that is none, all in one input."""
    spans = []
    for number, name in enumerate(("cart", "order")):
        story = Story(resource={"faas.name": name, "service.name": "shop"}, prefix=number)
        for turn in range(3):
            call = story.span(name, turn, 50.0, kind="SERVER", faas__coldstart=turn == 0)
            if number:
                again = {"conntrace__cause__avoidable": True}
                story.connect(f"c{turn}", turn, "client_recreated", parent=call, **again)
        spans += story.records()
    told = of_model(build(spans), ReadNotes())
    services = {each["name"]: each for each in document(told)["services"]}
    assert services["order"]["avoidable_ms"] == pytest.approx(3 * 34.2)
    assert services["order"]["invocations"] == 3
    assert services["cart"]["avoidable_ms"] == 0
    assert services["cart"]["cold_starts"] == 1
    text = rendered(spans)
    assert "each function, per invocation" in text
    assert "avoidable in all: 103 ms" in text
    counted = load_spans(spans, ReadNotes(), only_count=True)
    assert document(counted)["services"] == document(told)["services"]


def test_served_requests_are_summed_up_only() -> None:
    """A web server has too many of them for a list of its own."""
    story = Story()
    for number in range(20):
        story.span("GET /orders", number, 5.0, kind="SERVER", server__address="shop.example.org")
    text = rendered(story.records())
    assert "20 invocations" in text
    assert "\ninvocations " not in text
    assert "shop.example.org" not in text
