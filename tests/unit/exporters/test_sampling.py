"""Which traces leave."""

from __future__ import annotations

import pytest
from tests.unit.exporters.spans import make_span

from conntrace.analyzer.exporters import sampling
from conntrace.analyzer.exporters.memory import MemoryExporter
from conntrace.analyzer.span import Span
from conntrace.config import Settings

LOW = "0" * 31 + "1"
HIGH = "f" * 32


def leaving(spans: list[Span], **environment: str) -> list[str]:
    memory = MemoryExporter()
    exporter = sampling.sampled(memory, Settings(environment))
    for span in spans:
        exporter.export([span])
    exporter.close(1)
    assert exporter.dropped == 0
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
    assert leaving(waiting + findings, CONNTRACE_EXPORT="findings") == [
        "DNS lookup x",
        "GET 2",
        "DNS lookup x",
        "GET 3",
        "DNS lookup x",
    ]
