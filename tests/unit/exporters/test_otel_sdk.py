"""Spans into the program's own OpenTelemetry: parents, links and times, in whatever order."""

from __future__ import annotations

import itertools
import os
from collections.abc import Iterator
from typing import Any

import pytest
from opentelemetry import trace as otel_trace
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.sdk.trace.sampling import (
    ALWAYS_OFF,
    ALWAYS_ON,
    Decision,
    SamplingResult,
    StaticSampler,
)
from tests.unit.exporters.spans import START_NS, TRACE, make_span

from conntrace import __version__
from conntrace.analyzer.exporters import otel_sdk
from conntrace.analyzer.exporters.otel_sdk import OpenTelemetryExporter
from conntrace.analyzer.span import Link, Span

CALL, REQUEST, SETUP, LOOKUP, CLOSE = (digit * 16 for digit in "12345")


class Program:
    """A program with OpenTelemetry and our exporter on it."""

    def __init__(self) -> None:
        self.memory = InMemorySpanExporter()
        self.provider = TracerProvider()
        self.provider.add_span_processor(SimpleSpanProcessor(self.memory))
        self.exporter = OpenTelemetryExporter(self.provider)

    def spans(self) -> dict[str, ReadableSpan]:
        return {span.name: span for span in self.memory.get_finished_spans()}


@pytest.fixture
def program() -> Iterator[Program]:
    made = Program()
    yield made
    made.provider.shutdown()


class NoCloses(StaticSampler):
    """Turns away the closes."""

    def __init__(self) -> None:
        super().__init__(Decision.RECORD_AND_SAMPLE)

    def should_sample(self, *arguments: Any, **keywords: Any) -> SamplingResult:
        close = any(str(each).startswith("HTTP connection_close") for each in arguments)
        decision = ALWAYS_OFF if close else ALWAYS_ON
        return decision.should_sample(*arguments, **keywords)


def tree() -> list[Span]:
    """A call with a request, its set-up and a lookup, in the order of their starts."""
    return [
        make_span("DynamoDB.PutItem", CALL, kind="CLIENT", start_ms=0, end_ms=10),
        make_span("POST", REQUEST, parent=CALL, kind="CLIENT", start_ms=1, end_ms=9),
        make_span("HTTP connection_setup a:1", SETUP, parent=REQUEST, start_ms=2, end_ms=8),
        make_span("DNS lookup a", LOOKUP, parent=SETUP, start_ms=3, end_ms=4, error=True),
    ]


def parent_names(spans: dict[str, ReadableSpan]) -> dict[str, str | None]:
    by_id = {span.context.span_id: name for name, span in spans.items()}
    return {
        name: by_id[span.parent.span_id] if span.parent else None for name, span in spans.items()
    }


EXPECTED = {
    "DynamoDB.PutItem": None,
    "POST": "DynamoDB.PutItem",
    "HTTP connection_setup a:1": "POST",
    "DNS lookup a": "HTTP connection_setup a:1",
}


@pytest.mark.parametrize("order", list(itertools.permutations(range(4))))
@pytest.mark.parametrize("together", [True, False])
def test_parents_are_right_in_every_order(
    program: Program, order: tuple[int, ...], together: bool
) -> None:
    spans = tree()
    batches = [[spans[index] for index in order]]
    if not together:
        batches = [[span] for span in batches[0]]
    for batch in batches:
        program.exporter.export(batch)
    found = program.spans()
    assert parent_names(found) == EXPECTED
    assert len({span.context.trace_id for span in found.values()}) == 1


def test_times_kinds_attributes_status_and_scope(program: Program) -> None:
    program.exporter.export(reversed(tree()))  # type: ignore[arg-type]
    call = program.spans()["DynamoDB.PutItem"]
    assert (call.start_time, call.end_time) == (START_NS, START_NS + 10_000_000)
    assert call.kind is otel_trace.SpanKind.CLIENT
    assert call.status.status_code is otel_trace.StatusCode.UNSET
    assert program.spans()["DNS lookup a"].status.status_code is otel_trace.StatusCode.ERROR
    scope = call.instrumentation_scope
    assert scope is not None
    assert (scope.name, scope.version) == ("conntrace", __version__)
    assert dict(scope.attributes or {}) == {"conntrace.schema": 1}


def test_a_root_is_a_root_whatever_is_current(program: Program) -> None:
    tracer = program.provider.get_tracer("app")
    with tracer.start_as_current_span("current"):
        program.exporter.export([make_span("root", CALL)])
    assert program.spans()["root"].parent is None


def test_under_the_programs_own_span(program: Program) -> None:
    tracer = program.provider.get_tracer("app")
    with tracer.start_as_current_span("theirs") as theirs:
        context = theirs.get_span_context()
        trace_id, span_id = f"{context.trace_id:032x}", f"{context.span_id:016x}"
        program.exporter.export(
            [
                make_span("child", REQUEST, parent=SETUP, trace=trace_id),
                make_span("ours", SETUP, parent=span_id, trace=trace_id, foreign=True),
            ]
        )
    found = program.spans()
    assert parent_names(found) == {"theirs": None, "ours": "theirs", "child": "ours"}
    assert found["child"].context.trace_id == context.trace_id


def test_a_late_child_finds_its_parent(program: Program) -> None:
    program.exporter.export(tree())
    program.exporter.export([make_span("HTTP connection_close a:1", CLOSE, parent=REQUEST)])
    assert parent_names(program.spans())["HTTP connection_close a:1"] == "POST"


def test_links_point_to_what_opentelemetry_has(program: Program) -> None:
    program.exporter.export([make_span("HTTP connection_close a:1", CLOSE)])
    program.exporter.export(
        [
            make_span(
                "HTTP connection_setup a:1",
                SETUP,
                trace="a" * 32,
                links=(Link(TRACE, CLOSE), Link(TRACE, "f" * 16)),
            )
        ]
    )
    found = program.spans()
    (link,) = found["HTTP connection_setup a:1"].links
    close = found["HTTP connection_close a:1"].context
    assert (link.context.trace_id, link.context.span_id) == (close.trace_id, close.span_id)


def test_no_link_to_what_is_not_sampled() -> None:
    """A link to a span that the program's sampler turned away would lead nowhere."""
    memory = InMemorySpanExporter()
    provider = TracerProvider(sampler=NoCloses())
    provider.add_span_processor(SimpleSpanProcessor(memory))
    exporter = OpenTelemetryExporter(provider)
    exporter.export([make_span("HTTP connection_close a:1", CLOSE)])
    links = (Link(TRACE, CLOSE),)
    exporter.export([make_span("HTTP connection_setup a:1", SETUP, trace="a" * 32, links=links)])
    (setup,) = memory.get_finished_spans()
    assert (setup.name, list(setup.links)) == ("HTTP connection_setup a:1", [])
    provider.shutdown()


def test_a_link_within_a_trace_that_waits(program: Program) -> None:
    eviction = make_span("pool eviction b:1", CLOSE, parent=CALL, start_ms=1)
    setup = make_span(
        "HTTP connection_setup a:1", SETUP, parent=CALL, start_ms=2, links=(Link(TRACE, CLOSE),)
    )
    program.exporter.export([setup, eviction])
    program.exporter.export([make_span("call", CALL)])
    assert len(program.spans()["HTTP connection_setup a:1"].links) == 1


def test_what_waits_for_ever_goes_without_its_parent(program: Program) -> None:
    program.exporter.export([make_span("GET", REQUEST, parent=CALL)])
    assert program.spans() == {}
    program.exporter.close(1)
    assert parent_names(program.spans()) == {"GET": None}
    assert program.exporter.dropped == 0


def test_memory_is_bounded(program: Program, monkeypatch: pytest.MonkeyPatch) -> None:
    for limit in ("MAX_WAITING", "MAX_PARENTS", "MAX_LINKED"):
        monkeypatch.setattr(otel_sdk, limit, 3)
    for number in range(10):
        identity, parent = f"{number + 1:016x}", f"{number + 100:016x}"
        program.exporter.export([make_span(f"waits {number}", identity, parent=parent)])
    assert len(program.spans()) == 7
    for number in range(10):
        program.exporter.export([make_span(f"GET {number}", f"{number + 50:016x}")])
        program.exporter.export([make_span("pool eviction", f"{number + 70:016x}")])
    assert len(program.exporter._parents) == 3
    assert len(program.exporter._linked) == 3


def test_their_sampler_decides() -> None:
    memory = InMemorySpanExporter()
    provider = TracerProvider(sampler=ALWAYS_OFF)
    provider.add_span_processor(SimpleSpanProcessor(memory))
    OpenTelemetryExporter(provider).export(tree())
    assert memory.get_finished_spans() == ()
    provider.shutdown()


def test_a_forked_child_leaves_its_parents_spans_alone(program: Program) -> None:
    program.exporter.export([make_span("GET", REQUEST, parent=CALL)])
    pid = os.fork()
    if pid == 0:
        program.exporter.close(1)
        program.exporter.export([make_span("child's own", SETUP)])
        os._exit(0 if list(program.spans()) == ["child's own"] else 1)
    _, status = os.waitpid(pid, 0)
    assert status == 0
    program.exporter.close(1)
    assert list(program.spans()) == ["GET"]


def test_without_a_provider_the_global_one_takes_them() -> None:
    OpenTelemetryExporter().export(tree())
