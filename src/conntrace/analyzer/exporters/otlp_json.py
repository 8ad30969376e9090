"""Spans as OTLP JSON: the body of an ExportTraceServiceRequest.

Field names, enum numbers, integers as strings and hexadecimal ids follow "OTLP/HTTP, JSON Protobuf
Encoding" (OTLP 1.x) and the proto3 JSON mapping.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from functools import lru_cache
from json import JSONEncoder
from typing import Final, TypeAlias

import conntrace
from conntrace import semantic_names as names
from conntrace.analyzer.span import AttributeValue, Resource, Span

Json: TypeAlias = "bool | int | float | str | list[Json] | dict[str, Json] | None"

KIND_NUMBERS: Final[Mapping[str, int]] = {
    names.INTERNAL: 1,
    names.SERVER: 2,
    names.CLIENT: 3,
    names.CONSUMER: 5,
}
STATUS_ERROR: Final = 2

_encode = JSONEncoder(separators=(",", ":"), ensure_ascii=False, check_circular=False).encode


def value_json(value: AttributeValue) -> dict[str, Json]:
    """An AnyValue. `bool` goes before `int`, which it is a kind of."""
    if isinstance(value, str):
        return {"stringValue": value}
    if isinstance(value, bool):
        return {"boolValue": value}
    if isinstance(value, int):
        return {"intValue": str(value)}
    if isinstance(value, float):
        return {"doubleValue": value if math.isfinite(value) else _not_finite(value)}
    return {"arrayValue": {"values": [{"stringValue": item} for item in value]}}


def attributes_json(attributes: Mapping[str, AttributeValue]) -> list[Json]:
    """A list of KeyValue."""
    return [{"key": key, "value": value_json(value)} for key, value in attributes.items()]


def span_json(span: Span) -> dict[str, Json]:
    """One Span; fields that hold their default are left out, as the mapping allows."""
    result: dict[str, Json] = {
        "traceId": span.trace_id,
        "spanId": span.span_id,
        "name": span.name,
        "kind": KIND_NUMBERS[span.kind],
        "startTimeUnixNano": str(span.start_ns),
        "endTimeUnixNano": str(span.end_ns),
        "attributes": attributes_json(span.attributes),
        "status": {"code": STATUS_ERROR} if span.error else {},
    }
    if span.parent_span_id:
        result["parentSpanId"] = span.parent_span_id
    if span.links:
        result["links"] = [
            {"traceId": link.trace_id, "spanId": link.span_id} for link in span.links
        ]
    return result


def export_request(spans: Sequence[Span]) -> bytes:
    """The whole request as one line of UTF-8 without a line end; spans grouped by resource."""
    groups: dict[Resource, list[str]] = {}
    for span in spans:
        groups.setdefault(span.resource, []).append(_encode(span_json(span)))
    parts = [
        f'{{"resource":{_resource_text(resource)},'
        f'"scopeSpans":[{{"scope":{_scope_text()},"spans":[{",".join(members)}]}}]}}'
        for resource, members in groups.items()
    ]
    # Lone surrogates come from file names that are not UTF-8; they must not stop an export.
    return f'{{"resourceSpans":[{",".join(parts)}]}}'.encode("utf-8", "replace")


def resource_attributes(resource: Resource) -> dict[str, AttributeValue]:
    """The resource's attributes and the version of our own names: every saved form has it."""
    return {**dict(resource.attributes), names.SCHEMA: names.SCHEMA_VERSION}


def _not_finite(value: float) -> str:
    if math.isnan(value):
        return "NaN"
    return "Infinity" if value > 0 else "-Infinity"


@lru_cache(maxsize=64)
def _resource_text(resource: Resource) -> str:
    return _encode({"attributes": attributes_json(resource_attributes(resource))})


@lru_cache(maxsize=1)
def _scope_text() -> str:
    return _encode({"name": "conntrace", "version": conntrace.__version__})
