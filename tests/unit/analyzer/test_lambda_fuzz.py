"""Any order of a function's and the platform's words: whole spans, sane times, no exception."""

from __future__ import annotations

import random

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.unit.analyzer.lambda_streams import LambdaStream
from tests.unit.analyzer.streams import SECOND
from tests.unit.analyzer.test_fuzz import any_event

from conntrace.analyzer.exporters.memory import MemoryExporter
from conntrace.analyzer.pipeline import PLATFORM, Pipeline
from conntrace.analyzer.span import Span
from conntrace.events import Event, encode
from conntrace.events_lambda import (
    Function,
    InitError,
    InvocationEnd,
    InvocationStart,
    PlatformFrozen,
    PlatformInit,
    PlatformInvoke,
    PlatformRuntimeDone,
    PlatformShutdown,
    Restored,
)

TIMES = st.sampled_from([0, 1, 10**9, 5 * 10**12, 10**18, -1])
IDS = st.sampled_from(["", "r-1", "r-2"])
WORDS = st.sampled_from(["", "timeout", "failure", "success", "error", "x"])
HEADERS = st.sampled_from(
    ["", "Root=1-5759e988-bd862e3fe1be46a994272793;Parent=53995c3f42cd8ad8;Sampled=0", "Root=;="]
)

platform_events = st.one_of(
    st.builds(PlatformInvoke, time_ns=TIMES, request_id=IDS, wall_ns=TIMES, arn=IDS, xray=HEADERS),
    st.builds(PlatformFrozen, time_ns=TIMES, start_ns=TIMES),
    st.builds(PlatformInit, start_wall_ns=TIMES, end_wall_ns=TIMES, error=WORDS),
    st.builds(PlatformRuntimeDone, time_ns=TIMES, request_id=IDS, status=WORDS, error=WORDS),
    st.builds(PlatformShutdown, time_ns=TIMES, reason=WORDS),
)
function_events = st.one_of(
    st.builds(Function, name=IDS),
    st.builds(
        InvocationStart,
        time_ns=TIMES,
        invocation=st.integers(0, 2),
        request_id=IDS,
        wall_ns=TIMES,
        deadline_wall_ns=TIMES,
        xray=HEADERS,
        other_tool=st.sampled_from(["", "datadog"]),
    ),
    st.builds(InvocationEnd, time_ns=TIMES, invocation=st.integers(0, 2), error=WORDS),
    st.builds(InitError, time_ns=TIMES, error=WORDS),
    st.builds(Restored, time_ns=TIMES, wall_ns=TIMES),
)


def assert_whole(spans: list[Span]) -> None:
    for span in spans:
        assert span.start_ns <= span.end_ns
        assert span.error == ("error.type" in span.attributes)
        assert (len(span.trace_id), len(span.span_id)) == (32, 16)
    assert len({span.span_id for span in spans}) == len(spans)


@settings(max_examples=250, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.lists(st.one_of(platform_events, function_events, any_event()), max_size=60))
def test_any_words_in_any_order(events: list[Event]) -> None:
    """Each invocation that began has one span, unless another tool makes it."""
    memory = MemoryExporter()
    pipeline = Pipeline([memory])
    stream = LambdaStream()
    pipeline.feed(stream.process, stream.lines)
    begun = sum(isinstance(each, InvocationStart) and not each.other_tool for each in events)
    for event in events:
        if event.kind.startswith("platform_"):
            pipeline.platform(event)
        else:
            pipeline.feed(stream.process, [encode(event)])
    pipeline.lost(stream.process)
    pipeline.finish()
    assert_whole(memory.spans)
    own = [span for span in memory.spans if span.kind in ("SERVER", "CONSUMER")]
    never_begun = [span for span in own if "conntrace.ledger.requests" not in span.attributes]
    assert len(own) - len(never_begun) == begun
    assert pipeline.summary().failures <= max(
        (getattr(event, "failures", 0) for event in events), default=0
    )


@settings(max_examples=60, deadline=None)
@given(st.randoms(use_true_random=False))
def test_a_real_environment_torn_apart(chance: random.Random) -> None:
    """Lines lost, and the platform's words early or late: what is there makes whole spans."""
    stream = LambdaStream()
    pool = stream.pool(stream.manager("boto3 dynamodb", "app.py:3"), "a.example")
    for index in range(5):
        with stream.invocation(f"r-{index}", cold=not index):
            stream.request(pool)
            if stream.pools[pool].idle and index == 3:
                stream.request(pool, stream.server_closed(pool, 0.001))
        stream.freeze(1)
    stream.shutdown(chance.choice(["spindown", "timeout", "failure"]))
    kept = [entry for entry in stream.order[1:] if chance.randrange(8)]
    for _ in range(6 if len(kept) > 2 else 0):
        at = chance.randrange(len(kept) - 1)
        kept[at], kept[at + 1] = kept[at + 1], kept[at]
    stream.order[1:] = kept
    result = stream.play(lost=bool(chance.randrange(2)))
    assert_whole(result.spans)
    assert all(span.end_ns - span.start_ns < 60 * SECOND for span in result.spans)
    assert all(process in (stream.process, PLATFORM) for process, _ in stream.order)
