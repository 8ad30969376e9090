"""Much input, quickly made: one line of real spans, with other ids and names each time."""

from __future__ import annotations

import json
from collections.abc import Iterator

from tests.unit.report.builder import Story, request_of

REUSED = 14
_TRACE, _NAME, _HOST, _CONNECTION = "4bf92f", "function-name", "dynamodb.", "connection-id"


def _template() -> str:
    story = Story()
    call = story.span(_NAME, 0.0, 50.0, kind="SERVER", faas__coldstart=False)
    story.connect(
        _CONNECTION, 0.0, "client_recreated", parent=call, conntrace__cause__avoidable=True
    )
    for number in range(REUSED):
        story.reuse(_CONNECTION, 1.0 + number, idle_s=0.9)
    return json.dumps(request_of(story.spans, faas__name=_NAME)) + "\n"


TEMPLATE = _template()
SPANS = TEMPLATE.count('"spanId"') - TEMPLATE.count('"links": [{')
"""Spans of a line: an invocation, a set-up with its phases, requests."""


def line(number: int, function: str, hosts: int = 300) -> str:
    """An invocation with one connection; the number makes its ids and its host."""
    other = TEMPLATE.replace(_TRACE, f"{number:06x}").replace(_NAME, function)
    other = other.replace(_CONNECTION, f"c{number}")
    return other.replace(_HOST, f"table-{number % hosts}.")


def function_lines(function: int, invocations: int) -> Iterator[str]:
    """All invocations of a function that many numbers tell apart."""
    for number in range(invocations):
        yield line(function * invocations + number, f"function-{function}")
