"""What an invocation's span is called and says, after the conventions for AWS Lambda.

OpenTelemetry semantic conventions, "Instrumenting AWS Lambda" and "FaaS spans".
"""

from __future__ import annotations

from conntrace import semantic_names as names
from conntrace.analyzer.cost import Totals
from conntrace.analyzer.span import Link, Span
from conntrace.analyzer.spans_open import ROOT, Parent, foreign, put
from conntrace.analyzer.trace_headers import TraceContext, read_context, read_xray
from conntrace.events_lambda import InvocationStart

MAX_LINKS = 128
_SQS = "aws:sqs"
_ARN_PARTS = 7
_ACCOUNT = 4


def name_of(event: InvocationStart, function: str) -> str:
    """`METHOD route` where the event has a route, else the function's name."""
    return f"{event.method} {event.route}".strip() if event.route else function


def kind_of(event: InvocationStart) -> str:
    """A batch of a queue is consumed; everything else is served."""
    return names.CONSUMER if event.source == _SQS else names.SERVER


def context_of(event: InvocationStart, header: str, xray_parent: bool) -> tuple[Parent, list[Link]]:
    """The parent, and the links to what is not the parent. `header` is the X-Ray header.

    The W3C context of the event goes before the X-Ray header, which Lambda sends with `Sampled=0`
    even when nobody traces with X-Ray, unless the user prefers X-Ray.
    """
    own = foreign(event.trace_id, event.span_id) if event.trace_id and event.span_id else None
    xray = read_xray(header)
    linked = [found for text in event.links if (found := read_context(text)) is not None]
    if xray_parent and xray is not None:
        parent = _parent(xray)
        links = [Link(own.trace_id, own.span_id)] if own is not None else []
    else:
        parent = own or ROOT
        links = [Link(xray.trace_id, xray.span_id)] if xray is not None else []
    links += [Link(found.trace_id, found.span_id) for found in linked]
    known = {(parent.trace_id, parent.span_id)}
    unique = [link for link in dict.fromkeys(links) if (link.trace_id, link.span_id) not in known]
    return parent, unique[:MAX_LINKS]


def _parent(context: TraceContext) -> Parent:
    return Parent(context.trace_id, context.span_id, True, None, not context.sampled)


def describe_invocation(span: Span, event: InvocationStart) -> None:
    """The attributes that are known at its start."""
    attributes = span.attributes
    put(span, names.FAAS_INVOCATION_ID, event.request_id)
    attributes[names.FAAS_COLDSTART] = event.cold
    put(span, names.FAAS_TRIGGER, event.trigger)
    _describe_arn(span, event.arn)
    put(span, names.HTTP_REQUEST_METHOD, event.method)
    put(span, names.HTTP_ROUTE, event.route)
    if event.source == _SQS:
        attributes[names.MESSAGING_SYSTEM] = "aws_sqs"
        attributes[names.MESSAGING_OPERATION_TYPE] = "process"


def _describe_arn(span: Span, arn: str) -> None:
    """The ARN it was invoked by, and without the alias or version at its end."""
    parts = arn.split(":")
    put(span, names.AWS_LAMBDA_INVOKED_ARN, arn)
    if len(parts) >= _ARN_PARTS:
        span.attributes[names.CLOUD_RESOURCE_ID] = ":".join(parts[:_ARN_PARTS])
        put(span, names.CLOUD_ACCOUNT_ID, parts[_ACCOUNT])


def describe_totals(span: Span, spent: Totals, agent_ns: int, dropped: int) -> None:
    """What the invocation did, and what of it was avoidable."""
    attributes = span.attributes
    attributes[names.LEDGER_LOOKUPS] = spent.lookups
    attributes[names.LEDGER_CONNECTS] = spent.connects
    attributes[names.LEDGER_HANDSHAKES] = spent.handshakes
    attributes[names.LEDGER_REQUESTS] = spent.requests
    attributes[names.LEDGER_REUSED] = spent.reused
    attributes[names.LEDGER_EVICTIONS] = spent.evictions
    attributes[names.LEDGER_SETUP_S] = spent.setup_ns / 1e9
    attributes[names.LEDGER_AVOIDABLE_S] = spent.avoidable_ns / 1e9
    attributes[names.LEDGER_AGENT_S] = agent_ns / 1e9
    if dropped:
        attributes[names.LEDGER_SPANS_DROPPED] = dropped
