"""Traces in Jaeger's own JSON form, which its pages let people download, put into OTLP's form.

Jaeger keeps microseconds, and gives a list of texts as one text that holds it as JSON.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

_NS_PER_US = 1000
_VALUE = {"bool": "boolValue", "int64": "intValue", "float64": "doubleValue"}


def is_one(document: object) -> bool:
    """Whether a JSON document holds traces in Jaeger's form."""
    return any(isinstance(trace.get("spans"), list) for trace in _traces(document))


def requests_of(document: object) -> Iterator[dict[str, Any]]:
    """The OTLP requests that say the same, one for each process and scope of a trace."""
    for trace in _traces(document):
        processes = _object(trace.get("processes"))
        groups: dict[tuple[str, str], list[dict[str, Any]]] = {}
        for span in _objects(trace.get("spans")):
            key = (str(span.get("processID", "")), str(_told(span).get("otel.scope.name", "")))
            groups.setdefault(key, []).append(_span(span))
        for (name, scope), spans in groups.items():
            process = _object(processes.get(name))
            service = {"key": "service.name", "value": process.get("serviceName", "")}
            resource = {"attributes": _attributes([service, *_objects(process.get("tags"))])}
            scoped = {"scope": {"name": scope}, "spans": spans}
            yield {"resourceSpans": [{"resource": resource, "scopeSpans": [scoped]}]}


def _traces(document: object) -> list[dict[str, Any]]:
    data = _object(document).get("data", [document])
    return [trace for trace in _objects(data) if "traceID" in trace]


def _span(span: dict[str, Any]) -> dict[str, Any]:
    tags, told = _objects(span.get("tags")), _told(span)
    failed = told.get("error") is True or told.get("otel.status_code") == "ERROR"
    start, duration = _whole(span.get("startTime")), _whole(span.get("duration"))
    references = _objects(span.get("references"))
    parents = [each for each in references if each.get("refType") == "CHILD_OF"]
    return {
        "traceId": span.get("traceID"),
        "spanId": span.get("spanID"),
        "parentSpanId": parents[0].get("spanID") if parents else "",
        "name": span.get("operationName"),
        "kind": str(told.get("span.kind", "internal")).upper(),
        "startTimeUnixNano": start * _NS_PER_US,
        "endTimeUnixNano": (start + duration) * _NS_PER_US,
        "attributes": _attributes(tags),
        "links": [{"spanId": each.get("spanID")} for each in references if each not in parents],
        "status": {"code": 2 if failed else 0},
    }


def _told(span: dict[str, Any]) -> dict[object, Any]:
    """The values of a span's tags."""
    return {str(tag.get("key")): tag.get("value") for tag in _objects(span.get("tags"))}


def _attributes(tags: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [{"key": tag.get("key"), "value": _value(tag)} for tag in tags]


def _value(tag: dict[str, Any]) -> dict[str, Any]:
    value = tag.get("value")
    form = _VALUE.get(str(tag.get("type")), "stringValue")
    texts = _texts(value) if form == "stringValue" else None
    if texts is not None:
        return {"arrayValue": {"values": [{"stringValue": text} for text in texts]}}
    return {form: value}


def _texts(value: object) -> list[str] | None:
    if not (isinstance(value, str) and value.startswith('["') and value.endswith('"]')):
        return None
    try:
        found = json.loads(value)
    except (ValueError, RecursionError):
        return None
    return found if all(isinstance(each, str) for each in found) else None


def _whole(value: object) -> int:
    return value if isinstance(value, int) and not isinstance(value, bool) else 0


def _object(value: object) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def _objects(value: object) -> list[dict[str, Any]]:
    return [each for each in value if isinstance(each, dict)] if isinstance(value, list) else []
