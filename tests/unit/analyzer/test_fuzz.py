"""Any order of events: one cause and one span for each set-up, no exception, bounded memory."""

from __future__ import annotations

import dataclasses
import random
from unittest import mock

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.unit.analyzer.streams import Result, Stream, analyze

from conntrace import catalogue
from conntrace.analyzer import spans_setups
from conntrace.analyzer.causes import Cause, SetupFacts, decision
from conntrace.analyzer.causes.failures import cause_of_failure
from conntrace.analyzer.exporters.memory import MemoryExporter
from conntrace.analyzer.ledger_records import Failure, Origin
from conntrace.analyzer.pipeline import Pipeline
from conntrace.events import EVENTS, Close, Event, Hello, SetupStart, decode, encode

WORDS = {
    "outcome": ["reused", "dropped", "closed", "placeholder", "empty", "failed", "?"],
    "by": ["response", "dropped_check", "error", "full", "pool", "response_close", "collected"],
    "how": ["stored", "full", "pool_closed", "error", "collected", "closed"],
    "purpose": ["app", "credentials", "telemetry"],
    "owner": ["boto3 s3", "requests.Session"],
    "host": ["a.example", "b.example", "192.0.2.1"],
    "address": ["192.0.2.1", "192.0.2.2"],
    "evictor_host": ["a.example", ""],
    "error": ["", "", "connection_reset", "timed_out", "ResponseNotReady"],
    "scheme": ["http", "https"],
    "one_shot": ["", "", "requests.get"],
    "site_file": ["", "app.py"],
    "trace_id": ["", "a" * 32],
    "span_id": ["", "b" * 16],
    "key": ["", "one", "two"],
}
SMALL = (-1, 0, 1, 2, 3, 7, 8)


@st.composite
def any_event(draw: st.DrawFn) -> Event:
    """An event of any kind with few ids, so that events meet."""
    event = draw(st.sampled_from([each for each in EVENTS if each is not Hello]))()
    for each in dataclasses.fields(event):
        current = getattr(event, each.name)
        if each.name == "time_ns":
            value: object = draw(st.integers(0, 10_000_000_000))
        elif each.name in WORDS:
            value = draw(st.sampled_from(WORDS[each.name]))
        elif isinstance(current, bool):
            value = draw(st.booleans())
        elif isinstance(current, int):
            value = draw(st.sampled_from(SMALL))
        elif isinstance(current, tuple):
            value = draw(st.sampled_from([(), ("192.0.2.1",), ("ca_certs", "timeout")]))
        else:
            value = draw(st.sampled_from(["", "x", "tab\there"]))
        setattr(event, each.name, value)
    return event


def assert_one_verdict_each(result: Result, setups: int) -> None:
    assert len(result.setups) == setups
    assert result.summary.connections == setups
    for span in result.setups:
        name = span.attributes["conntrace.cause.name"]
        assert name in catalogue.CAUSES
        assert catalogue.CAUSES[str(name)].decided
        assert span.attributes["conntrace.cause.confidence"] in ("proved", "inferred")
        assert span.attributes["conntrace.purpose"]
        if span.attributes["conntrace.cause.avoidable"]:
            assert span.attributes["conntrace.cause.advice"]
            assert span.attributes["conntrace.cause.confidence"] == "proved"
    for span in result.spans:
        assert span.start_ns <= span.end_ns
        assert span.error == ("error.type" in span.attributes)
    ids = [span.span_id for span in result.spans]
    assert len(set(ids)) == len(ids)


@settings(max_examples=250, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.lists(any_event(), max_size=60))
def test_any_events_in_any_order(events: list[Event]) -> None:
    """Each set-up id gets exactly one span with exactly one decided cause."""
    stream = Stream()
    stream.events += events
    setups = {event.setup for event in events if isinstance(event, SetupStart)} - {0}
    assert_one_verdict_each(analyze([stream]), len(setups))


@settings(max_examples=60, deadline=None)
@given(st.randoms(use_true_random=False))
def test_a_real_stream_shuffled_and_torn(chance: random.Random) -> None:
    """Events lost and out of order: every set-up that was announced has its span and cause."""
    stream = Stream()
    manager = stream.manager("boto3 s3", "app.py:3", num_pools=1)
    pools = [stream.pool(manager, f"{name}.example", maxsize=2) for name in "ab"]
    for index in range(6):
        stream.request(pools[index % 2])
        stream.sleep(3)
        if stream.pools[pools[0]].idle and index % 3 == 0:
            stream.request(pools[0], stream.server_closed(pools[0], 2.0))
    stream.evict(pools[0], pools[1], manager, 1)
    kept = [event for event in stream.events[1:] if chance.randrange(10)]
    for _ in range(10 if len(kept) > 1 else 0):
        first = chance.randrange(len(kept) - 1)
        kept[first], kept[first + 1] = kept[first + 1], kept[first]
    stream.events[1:] = kept
    expected = {event.setup for event in kept if isinstance(event, SetupStart)}
    assert_one_verdict_each(analyze([stream]), len(expected))


@settings(max_examples=200, deadline=None)
@given(any_event())
def test_every_event_survives_its_line(event: Event) -> None:
    """decode(encode(event)) is the event, escapes and lists included."""
    again = decode(encode(event))
    for each in dataclasses.fields(event):
        assert getattr(again, each.name) == getattr(event, each.name)


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.lists(any_event(), max_size=60))
def test_proved_facts_win(events: list[Event]) -> None:
    """At every decision: a likely cause stands only where no row of any family proves another, the
    verdict is the same when asked twice, and only a proved one carries advice."""
    decided: list[SetupFacts] = []

    def decide_and_check(facts: SetupFacts) -> Cause:
        cause = decision.decide(facts)
        decided.append(facts)
        assert decision.decide(facts) == cause
        answers = [found for row in decision.ROWS if (found := row(facts)) is not None]
        if cause.confidence == "inferred":
            assert not any(found.confidence == "proved" for found in answers)
        assert not cause.advice or cause.confidence == "proved"
        return cause

    stream = Stream()
    stream.events += events
    with mock.patch.object(spans_setups, "decide", decide_and_check):
        result = analyze([stream])
    assert len(decided) >= len(result.setups)


failures = st.builds(
    Failure,
    request=st.just(1),
    connection=st.just(1),
    error=st.sampled_from(["timed_out", "connection_reset", "remote_disconnected", "x", ""]),
    phase=st.sampled_from(["request", "connect", "tls", "dns"]),
    reused=st.booleans(),
    idle_ns=st.sampled_from([-1, 0, 700_000_000, 10**11]),
    after_ns=st.sampled_from([-1, 0, 10**6, 10**9, 3 * 10**11]),
    setup_ns=st.sampled_from([-1, 0, 10**7]),
    probed_after_s=st.sampled_from([-1, 1, 7200]),
    close=st.none()
    | st.builds(
        Close,
        tcp_state=st.sampled_from([0, 1, 7, 8]),
        unacked=st.sampled_from([0, 3]),
        retransmits=st.sampled_from([0, 2]),
        last_data_received_ms=st.sampled_from([-1, 0, 5000]),
        response_begun=st.booleans(),
    ),
)


@given(failures, st.booleans())
def test_how_a_request_died_is_never_guessed(failure: Failure, stood: bool) -> None:
    """Without the kernel's words no time-out is explained, and what a retry or the server would
    have to confirm is never proved by the failure alone."""
    cause = cause_of_failure(failure, Origin("https", "a.example", 443, ""), stood=stood)
    if cause is None:
        return
    assert failure.phase == "request"
    if failure.error == "timed_out":
        assert failure.close is not None
        assert failure.close.tcp_state == 1
        assert (cause.name == "silent_drop_timeout") == bool(failure.close.unacked)
    if cause.name in ("stale_reset_on_reuse", "idle_in_flight_drop"):
        assert cause.confidence == "inferred"
    if cause.name == "silent_drop_timeout" and cause.confidence == "proved":
        assert stood
        assert failure.reused
    assert not cause.avoidable


def test_a_long_life_needs_no_more_memory_than_a_short_one() -> None:
    """Clients, pools, connections and destinations by the ten thousand: every table keeps to its
    ceiling, and what was forgotten is counted."""
    memory = MemoryExporter(limit=0)
    pipeline = Pipeline([memory])
    stream = Stream()
    for index in range(10_000):
        pool = stream.pool(stream.manager(), f"host{index}.example")
        stream.request(pool)
        if len(stream.events) > 1000:
            pipeline.feed(stream.process, stream.lines)
            stream.events.clear()
    ledger = pipeline._live[stream.process].ledger
    assert len(ledger.pools) <= 4096
    assert len(ledger.clients) <= 2048
    assert len(ledger.connections) <= 8192
    assert len(ledger.requests) <= 4096
    assert len(ledger.destinations) <= 4096
    assert pipeline.summary().forgotten > 10_000
