"""Every Lambda line the traced side writes is read back by the table of events."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

import pytest

from conntrace import events, events_lambda
from conntrace.traced import notes_lambda
from conntrace.traced.lambda_function import FunctionFacts
from conntrace.traced.lambda_trigger import Trigger

FACTS = FunctionFacts(
    name="orders",
    version="$LATEST",
    memory_mb=256,
    region="eu-west-1",
    log_group="/aws/lambda/orders",
    log_stream="2026/11/21/[$LATEST]0123456789abcdef0123456789abcdef",
    handler="app.handler",
    initialization="on-demand",
    runtime="AWS_Lambda_python3.13",
    client="4.2.2",
)
TRIGGER = Trigger(
    kind="pubsub",
    source="aws:sqs",
    method="GET",
    route="/orders/{id}",
    trace_id="ab" * 16,
    span_id="cd" * 8,
    links=("Root=1-5759e988-bd862e3fe1be46a994272793;Parent=53995c3f42cd8ad8;Sampled=1", "00-b"),
)
ARN = "arn:aws:lambda:eu-west-1:123456789012:function:orders:live"
XRAY = "Root=1-5759e988-bd862e3fe1be46a994272793;Parent=53995c3f42cd8ad8;Sampled=0"

CASES: list[tuple[bytes, type[events.Event], dict[str, Any]]] = [
    (notes_lambda.function(FACTS), events_lambda.Function, FACTS._asdict()),
    (
        notes_lambda.invocation_start(
            (99, 1_000), 7, "8476a536", 2_000, ARN, True, TRIGGER, XRAY, "datadog"
        ),
        events_lambda.InvocationStart,
        {
            "time_ns": 99,
            "invocation": 7,
            "request_id": "8476a536",
            "wall_ns": 1_000,
            "deadline_wall_ns": 2_000,
            "arn": ARN,
            "cold": True,
            "trigger": "pubsub",
            "source": "aws:sqs",
            "method": "GET",
            "route": "/orders/{id}",
            "trace_id": TRIGGER.trace_id,
            "span_id": TRIGGER.span_id,
            "xray": XRAY,
            "links": TRIGGER.links,
            "other_tool": "datadog",
        },
    ),
    (
        notes_lambda.invocation_end(7, "ValueError", 12),
        events_lambda.InvocationEnd,
        {"invocation": 7, "error": "ValueError", "agent_ns": 12},
    ),
    (
        notes_lambda.init_error("Runtime.ImportModuleError"),
        events_lambda.InitError,
        {"error": "Runtime.ImportModuleError"},
    ),
    (notes_lambda.restored((99, 1_000)), events_lambda.Restored, {"time_ns": 99, "wall_ns": 1_000}),
]


@pytest.mark.parametrize(
    ("line", "event_class", "expected"), CASES, ids=lambda each: getattr(each, "kind", "")
)
def test_line_holds_exactly_the_facts_given(
    line: bytes, event_class: type[events.Event], expected: dict[str, Any]
) -> None:
    """Each field arrives under its own name."""
    event = events.decode(line)

    assert type(event) is event_class
    found = asdict(event)
    assert found.pop("thread") > 0
    time_ns = found.pop("time_ns")
    assert time_ns == expected.pop("time_ns", time_ns) > 0
    assert expected == found


def test_every_kind_that_the_function_tells_has_a_note() -> None:
    """The rest is what the platform tells the extension, and what it says itself."""
    written = {line.partition(b"\t")[0].decode() for line, _, _ in CASES}

    kinds = {event.kind for event in events_lambda.LAMBDA_EVENTS}
    of_extension = {kind for kind in kinds if kind.startswith("platform_") or kind == "left_out"}
    assert kinds - of_extension == written
