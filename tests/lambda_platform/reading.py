"""Questions to the answers and the spans of a function."""

from __future__ import annotations

import json

from conntrace import semantic_names as names
from conntrace.testing import Span, Spans
from tests.lambda_platform.platforms import Function

EVENTS = ({"number": 1}, {"number": 2}, {"number": 3})


def invocations(spans: Spans) -> list[Span]:
    """The SERVER spans, in order."""
    return sorted((s for s in spans if s.kind == names.SERVER), key=lambda span: span.start_ns)


def setups_of(spans: Spans, invocation: Span) -> list[Span]:
    """The connection set-ups anywhere below an invocation."""
    return [setup for setup in spans.setups if invocation in ancestors(spans, setup)]


def ancestors(spans: Spans, span: Span) -> list[Span]:
    """Parent, parent's parent, and so on."""
    found = []
    above = spans.parent(span)
    while above is not None:
        found.append(above)
        above = spans.parent(above)
    return found


def payload_of(function: Function, event: object) -> object:
    """The answer, without what is never the same twice."""
    answer = function.invoke(event).payload
    # The emulator's answer is empty when the runtime exits in INIT.
    payload = json.loads(answer) if answer else None
    if isinstance(payload, dict):
        payload.pop("requestId", None)
    return payload


def without_ids(payload: object) -> str:
    """The platform's own words, in which the request id stands."""
    text = json.dumps(payload)
    return text[text.find("Error:") :] if "RequestId" in text else text


def assert_echoes(function: Function) -> None:
    """The function `faults.echo` does what it does without the layer."""
    assert [payload_of(function, event) for event in EVENTS] == [
        {"echo": event} for event in EVENTS
    ]
