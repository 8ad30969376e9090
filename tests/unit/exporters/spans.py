"""Spans to export."""

from __future__ import annotations

from conntrace import semantic_names as names
from conntrace.analyzer.span import AttributeValue, Link, Resource, Span

START_NS = 1_700_000_000_000_000_000
RESOURCE = Resource((("service.name", "shop"), ("process.pid", 4711)))
TRACE = "0af7651916cd43dd8448eb211c80319c"


def make_span(
    name: str = "GET",
    span_id: str = "b7ad6b7169203331",
    *,
    parent: str = "",
    trace: str = TRACE,
    kind: str = names.INTERNAL,
    start_ms: int = 0,
    end_ms: int = 1,
    resource: Resource = RESOURCE,
    links: tuple[Link, ...] = (),
    error: bool = False,
    foreign: bool = False,
    **attributes: AttributeValue,
) -> Span:
    """A span; times are milliseconds after `START_NS`, `__` in attribute names stands for a dot."""
    return Span(
        trace_id=trace,
        span_id=span_id,
        parent_span_id=parent,
        name=name,
        kind=kind,
        start_ns=START_NS + start_ms * 1_000_000,
        end_ns=START_NS + end_ms * 1_000_000,
        resource=resource,
        attributes={key.replace("__", "."): value for key, value in attributes.items()},
        links=list(links),
        error=error,
        foreign_parent=foreign,
    )
