"""Which traces leave."""

from __future__ import annotations

import dataclasses

import pytest
from tests.unit.analyzer.lambda_streams import LambdaStream
from tests.unit.exporters.spans import make_span

from conntrace import semantic_names as names
from conntrace.analyzer.exporters import sampling
from conntrace.analyzer.exporters.memory import MemoryExporter
from conntrace.analyzer.span import Link, Span
from conntrace.config import Settings

LOW = "0" * 31 + "1"
HIGH = "f" * 32


def leaving(spans: list[Span], *, dropped: int = 0, **environment: str) -> list[str]:
    memory = MemoryExporter()
    exporter = sampling.sampled(memory, Settings(environment))
    for span in spans:
        exporter.export([span])
    exporter.close(1)
    assert exporter.dropped == dropped
    return [span.name for span in memory.spans]


def trace(trace_id: str, prefix: str, *, foreign: bool = False) -> list[Span]:
    """A child, then the root above it, in the order in which they end."""
    return [
        make_span(f"{prefix}-child", "2" * 16, parent="1" * 16, trace=trace_id),
        make_span(
            f"{prefix}-root",
            "1" * 16,
            parent="9" * 16 if foreign else "",
            trace=trace_id,
            foreign=foreign,
        ),
    ]


@pytest.mark.parametrize(
    ("sampler", "ratio", "expected"),
    [
        ("", "", {"low", "high", "theirs"}),
        ("always_on", "", {"low", "high", "theirs"}),
        ("always_off", "", set()),
        ("traceidratio", "0.5", {"low"}),
        ("traceidratio", "0", set()),
        ("traceidratio", "1", {"low", "high", "theirs"}),
        ("parentbased_always_on", "", {"low", "high", "theirs"}),
        ("parentbased_always_off", "", {"theirs"}),
        ("parentbased_traceidratio", "0.5", {"low", "theirs"}),
    ],
)
def test_samplers_decide_for_whole_traces(sampler: str, ratio: str, expected: set[str]) -> None:
    spans = [
        *trace(LOW, "low"),
        *trace(HIGH, "high"),
        *trace("e" * 32, "theirs", foreign=True),
    ]
    names = leaving(spans, OTEL_TRACES_SAMPLER=sampler, OTEL_TRACES_SAMPLER_ARG=ratio)
    assert set(names) == {f"{each}-{part}" for each in expected for part in ("child", "root")}


def test_the_ratio_chooses_as_opentelemetry_does() -> None:
    official = pytest.importorskip("opentelemetry.sdk.trace.sampling").TraceIdRatioBased(0.3)
    decide = sampling.sampler("traceidratio", 0.3)
    assert decide is not None
    for step in range(1, 200):
        trace_id = f"{step * 0x0123456789ABCDEF0123456789ABCDEF % (1 << 128):032x}"
        theirs = official.should_sample(None, int(trace_id, 16), "x").decision.is_sampled()
        assert decide(make_span(trace=trace_id)) == theirs


def test_findings_leave_with_their_whole_trace() -> None:
    spans = [
        make_span("GET", "a" * 16, parent="c" * 16, trace=LOW),
        make_span("DNS lookup x", "b" * 16, parent="d" * 16, trace=LOW),
        make_span("HTTP connection_setup x:1", "d" * 16, parent="c" * 16, trace=LOW),
        make_span("DynamoDB.PutItem", "c" * 16, trace=LOW),
        make_span("GET", "e" * 16, trace=HIGH),
    ]
    assert leaving(spans, CONNTRACE_EXPORT="findings") == [
        "GET",
        "DNS lookup x",
        "HTTP connection_setup x:1",
        "DynamoDB.PutItem",
    ]


def test_a_finding_that_comes_late_still_leaves() -> None:
    spans = [
        make_span("GET", "a" * 16, trace=LOW),
        make_span("HTTP connection_close x:1", "b" * 16, parent="a" * 16, trace=LOW),
    ]
    assert leaving(spans, CONNTRACE_EXPORT="findings") == ["HTTP connection_close x:1"]


def test_a_trace_that_began_elsewhere_waits_for_a_finding() -> None:
    spans = [
        make_span("GET", "a" * 16, parent="9" * 16, foreign=True, trace=LOW),
        make_span("pool eviction x:1", "b" * 16, parent="9" * 16, foreign=True, trace=LOW),
    ]
    assert leaving(spans, CONNTRACE_EXPORT="findings") == ["GET", "pool eviction x:1"]


def test_what_waits_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sampling, "MAX_WAITING_SPANS", 2)
    monkeypatch.setattr(sampling, "MAX_DECIDED_TRACES", 2)
    waiting = [
        make_span(f"GET {n}", "a" * 16, parent="9" * 16, foreign=True, trace=f"{n:032x}")
        for n in (1, 2, 3)
    ]
    findings = [
        make_span("DNS lookup x", "b" * 16, parent="9" * 16, foreign=True, trace=f"{n:032x}")
        for n in (1, 2, 3)
    ]
    # What had waited longest was turned away, and would have been wanted.
    assert leaving(waiting + findings, dropped=1, CONNTRACE_EXPORT="findings") == [
        "DNS lookup x",
        "GET 2",
        "DNS lookup x",
        "GET 3",
        "DNS lookup x",
    ]


def invocation(trace_id: str, name: str, *, parent: str = "", unsampled: bool = False) -> Span:
    """The span of an invocation; `parent` is whoever called the function."""
    return dataclasses.replace(
        make_span(name, "1" * 16, parent=parent, trace=trace_id, kind=names.SERVER),
        foreign_parent=bool(parent),
        unsampled_parent=unsampled,
    )


def child(trace_id: str, name: str, *, unsampled: bool = False) -> Span:
    """A span of ours within it."""
    span = make_span(name, "2" * 16, parent="1" * 16, trace=trace_id)
    return dataclasses.replace(span, unsampled_parent=unsampled)


@pytest.mark.parametrize(
    ("sampler", "expected"),
    [("", []), ("parentbased_traceidratio", []), ("always_on", ["GET", "orders"])],
)
def test_a_caller_that_is_not_sampled_is_followed(sampler: str, expected: list[str]) -> None:
    spans = [
        child(LOW, "GET", unsampled=True),
        invocation(LOW, "orders", parent="9" * 16, unsampled=True),
    ]
    assert leaving(spans, OTEL_TRACES_SAMPLER=sampler) == expected


@pytest.mark.parametrize("parent", ["", "9" * 16])
def test_an_invocation_without_findings_stays(parent: str) -> None:
    """Its own span ends it, wherever its trace began."""
    found = child(HIGH, "HTTP connection_setup x:1")
    spans = [
        child(LOW, "GET"),
        invocation(LOW, "smooth", parent=parent),
        child(HIGH, "GET"),
        found,
        invocation(HIGH, "told", parent=parent),
    ]
    assert leaving(spans, CONNTRACE_EXPORT="findings") == ["GET", found.name, "told"]


@pytest.mark.parametrize("found_first", [True, False])
def test_invocations_of_one_trace_are_decided_each_for_itself(found_first: bool) -> None:
    """The caller may call the function twice in its trace."""
    smooth = [child(LOW, "GET"), invocation(LOW, "smooth", parent="9" * 16)]
    told = [
        child(LOW, "PUT"),
        child(LOW, "DNS lookup x"),
        invocation(LOW, "told", parent="9" * 16),
    ]
    spans = [*told, *smooth] if found_first else [*smooth, *told]
    assert leaving(spans, CONNTRACE_EXPORT="findings") == ["PUT", "DNS lookup x", "told"]


def test_what_was_not_finished_is_a_finding() -> None:
    hanging = child(LOW, "GET")
    hanging.attributes[names.UNFINISHED_PHASE] = "waiting"
    spans = [hanging, invocation(LOW, "orders")]
    assert leaving(spans, CONNTRACE_EXPORT="findings") == ["GET", "orders"]


@pytest.mark.parametrize(("sampler", "count"), [("always_off", 0), ("always_on", 4)])
def test_samplers_decide_for_invocations(sampler: str, count: int) -> None:
    """From the analyzer's own spans: initialisation and invocation are two traces."""
    stream = LambdaStream()
    pool = stream.pool(stream.manager(), "a.example")
    stream.request(pool)
    with stream.invocation("r-1", cold=True):
        stream.request(pool)
    spans = [span for span in stream.play().spans if span.name in ("GET", "orders", "orders init")]
    assert len(leaving(spans, OTEL_TRACES_SAMPLER=sampler)) == count


@pytest.mark.parametrize("explained", [True, False])
def test_what_leaves_links_to_nothing_that_stays(explained: bool) -> None:
    """A link that leads nowhere becomes evidence, where there is a cause; others are kept."""
    close = make_span("close", "3" * 16, trace=HIGH)
    to_close, to_caller = Link(HIGH, close.span_id), Link("c" * 32, "4" * 16)
    setup = make_span("setup", "5" * 16, trace=LOW)
    setup.links += [to_close, to_caller]
    if explained:
        setup.attributes |= {names.CAUSE_NAME: "server_closed_idle", names.CAUSE_EVIDENCE: ["FIN"]}
    memory = MemoryExporter()
    settings = Settings({"OTEL_TRACES_SAMPLER": "traceidratio", "OTEL_TRACES_SAMPLER_ARG": "0.5"})
    sampling.sampled(memory, settings).export([close, setup])
    [left] = memory.spans
    assert left.links == [to_caller]
    ids = f"span {close.span_id} of trace {HIGH}, not exported"
    assert left.attributes.get(names.CAUSE_EVIDENCE) == (["FIN", ids] if explained else None)
    assert setup.links == [to_close, to_caller]
