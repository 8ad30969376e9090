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
_ERROR: Final = f'{{"code":{STATUS_ERROR}}}'

_string = JSONEncoder(ensure_ascii=False).encode
_MAX_REMEMBERED = 64


def _value_text(value: AttributeValue) -> str:
    """An AnyValue. `bool` goes before `int`, which it is a kind of."""
    if isinstance(value, str):
        return f'{{"stringValue":{_string(value)}}}'
    if isinstance(value, bool):
        return '{"boolValue":true}' if value else '{"boolValue":false}'
    if isinstance(value, int):
        return f'{{"intValue":"{value}"}}'
    if isinstance(value, float):
        return f'{{"doubleValue":{value if math.isfinite(value) else _not_finite(value)}}}'
    items = ",".join([f'{{"stringValue":{_string(item)}}}' for item in value])
    return f'{{"arrayValue":{{"values":[{items}]}}}}'


@lru_cache(maxsize=4096)
def _remembered(key: str, value: str) -> str:
    return f'{{"key":{_string(key)},"value":{{"stringValue":{_string(value)}}}}}'


@lru_cache(maxsize=512)
def _key_text(key: str) -> str:
    return f'{{"key":{_string(key)},"value":'


def _attribute_text(key: str, value: AttributeValue) -> str:
    """A KeyValue. Short texts come again and again: making each anew took half of the time."""
    if type(value) is str and len(value) <= _MAX_REMEMBERED:
        return _remembered(key, value)
    return f"{_key_text(key)}{_value_text(value)}}}"


def _attributes_text(attributes: Mapping[str, AttributeValue]) -> str:
    """A list of KeyValue."""
    return f"[{','.join([_attribute_text(key, value) for key, value in attributes.items()])}]"


def _span_text(span: Span) -> str:
    """One Span; fields that hold their default are left out, as the mapping allows."""
    # Ids that came from another process are escaped like any text.
    parent = f',"parentSpanId":{_string(span.parent_span_id)}' if span.parent_span_id else ""
    links = ",".join(
        [
            f'{{"traceId":{_string(link.trace_id)},"spanId":{_string(link.span_id)}}}'
            for link in span.links
        ]
    )
    links = f',"links":[{links}]' if links else ""
    return (
        f'{{"traceId":{_string(span.trace_id)},"spanId":"{span.span_id}","name":{_string(span.name)},'
        f'"kind":{KIND_NUMBERS[span.kind]},"startTimeUnixNano":"{span.start_ns}",'
        f'"endTimeUnixNano":"{span.end_ns}","attributes":{_attributes_text(span.attributes)},'
        f'"status":{_ERROR if span.error else "{}"}{parent}{links}}}'
    )


def export_request(spans: Sequence[Span]) -> bytes:
    """The whole request as one line of UTF-8 without a line end; spans grouped by resource."""
    groups: dict[Resource, list[str]] = {}
    for span in spans:
        groups.setdefault(span.resource, []).append(_span_text(span))
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
        return '"NaN"'
    return '"Infinity"' if value > 0 else '"-Infinity"'


@lru_cache(maxsize=64)
def _resource_text(resource: Resource) -> str:
    return f'{{"attributes":{_attributes_text(resource_attributes(resource))}}}'


@lru_cache(maxsize=1)
def _scope_text() -> str:
    return f'{{"name":"conntrace","version":{_string(conntrace.__version__)}}}'
