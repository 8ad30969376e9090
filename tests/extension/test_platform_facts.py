"""What the platform says, and what it cannot mean."""

from __future__ import annotations

import json

import pytest
from conntrace_extension.entries import Fact
from conntrace_extension.platform_facts import NextEvent, TelemetryReader

from conntrace import events_lambda
from conntrace.events import Event

NOW_NS = 5_000_000_000
WALL_NS = 1_750_000_000_000_000_000


def event(**values: object) -> NextEvent:
    return NextEvent(json.dumps(values).encode(), NOW_NS, WALL_NS)


def read(*events: object) -> list[Fact]:
    return list(TelemetryReader().read(json.dumps(events).encode(), NOW_NS))


def typed(fact: Fact) -> Event:
    """As the analyzer gets it: wrong names of events or fields would show here."""
    made = getattr(events_lambda, fact.event)(**fact.values)
    assert isinstance(made, Event)
    return made


def test_an_invocation_with_its_deadline_on_our_clock() -> None:
    told = event(
        eventType="INVOKE",
        deadlineMs=WALL_NS // 1_000_000 + 3000,
        requestId="request-1",
        invokedFunctionArn="arn:1",
        tracing={"type": "X-Amzn-Trace-Id", "value": "Root=1-2"},
    )
    assert not told.is_shutdown
    assert told.request_id == "request-1"
    assert told.deadline_s == pytest.approx(8.0)
    assert typed(told.fact) == events_lambda.PlatformInvoke(
        time_ns=NOW_NS,
        request_id="request-1",
        wall_ns=WALL_NS,
        deadline_wall_ns=WALL_NS + 3_000_000_000,
        arn="arn:1",
        xray="Root=1-2",
    )


@pytest.mark.parametrize("left_ms", [-3000, 0, 901_000, 10**15])
def test_a_clock_that_was_set_makes_no_deadline(left_ms: int) -> None:
    told = event(eventType="INVOKE", deadlineMs=WALL_NS // 1_000_000 + left_ms, requestId="r")
    assert told.deadline_s == 0


def test_a_shutdown_with_its_reason() -> None:
    told = event(eventType="SHUTDOWN", shutdownReason="timeout", deadlineMs=0)
    assert told.is_shutdown
    assert typed(told.fact) == events_lambda.PlatformShutdown(time_ns=NOW_NS, reason="timeout")


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"[]",
        b"no json",
        b"\xff",
        b'{"eventType":7,"requestId":[],"deadlineMs":"soon","tracing":1}',
        b'{"deadlineMs":1e400}',
    ],
)
def test_nonsense_is_an_invocation_of_which_nothing_is_known(body: bytes) -> None:
    told = NextEvent(body, NOW_NS, WALL_NS)
    assert (told.is_shutdown, told.request_id, told.deadline_s) == (False, "", 0)
    typed(told.fact)


def test_the_times_of_init() -> None:
    """Its beginning at once, and all of it when it is over."""
    begun, done = read(
        {
            "time": "2022-10-12T00:00:15.000Z",
            "type": "platform.initStart",
            "record": {"initializationType": "on-demand", "phase": "init"},
        },
        {
            "time": "2022-10-12T00:00:15.250Z",
            "type": "platform.initRuntimeDone",
            "record": {"initializationType": "on-demand", "status": "success"},
        },
    )
    known = events_lambda.PlatformInit(
        time_ns=NOW_NS,
        start_wall_ns=1_665_532_815_000_000_000,
        initialization="on-demand",
        phase="init",
    )
    assert typed(begun) == known
    known.end_wall_ns = 1_665_532_815_250_000_000
    assert typed(done) == known


def test_an_init_that_failed() -> None:
    """Tried again within the invocation."""
    (fact,) = read(
        {
            "time": "2022-10-12T00:00:15.250Z",
            "type": "platform.initRuntimeDone",
            "record": {"phase": "invoke", "status": "error", "errorType": "Runtime.ExitError"},
        }
    )
    assert (fact.values["error"], fact.values["phase"]) == ("Runtime.ExitError", "invoke")


def test_how_an_invocation_ended() -> None:
    (fact,) = read(
        {
            "time": "2022-10-12T00:01:15.000Z",
            "type": "platform.runtimeDone",
            "record": {"requestId": "r", "status": "failure", "errorType": "Runtime.ExitError"},
        }
    )
    assert typed(fact) == events_lambda.PlatformRuntimeDone(
        time_ns=NOW_NS, request_id="r", status="failure", error="Runtime.ExitError"
    )


@pytest.mark.parametrize(
    "posted",
    [
        "text",
        {"type": "platform.runtimeDone"},
        {"type": "platform.runtimeDone", "record": "text"},
        {"type": "platform.start", "record": {"requestId": "r"}},
        {"record": {}},
    ],
)
def test_other_events_are_left_alone(posted: object) -> None:
    assert read(posted) == []


@pytest.mark.parametrize("body", [b"", b"{}", b"7", b"\xff\xfe"])
def test_a_post_that_is_no_list_says_nothing(body: bytes) -> None:
    assert list(TelemetryReader().read(body, NOW_NS)) == []


@pytest.mark.parametrize("time", ["", "yesterday", "2022-13-45T00:00:00Z"])
def test_a_time_that_is_none_counts_as_unknown(time: str) -> None:
    (fact,) = read({"time": time, "type": "platform.initRuntimeDone", "record": {}})
    assert fact.values["end_wall_ns"] == 0
