"""One ExportTraceServiceRequest in OTLP's JSON form, taken apart into span records.

Everything is checked: the file may be half written, hand-made or hostile.
"""

from __future__ import annotations

import base64
import sys
from collections.abc import Callable, Iterator
from typing import Any

from conntrace import semantic_names as names
from conntrace.report.model import own_name
from conntrace.report.record import Process, SpanRecord, Value

MAX_TEXT = 4096
"""Characters kept of one attribute's text: nobody reads more, and memory stays bounded."""

MAX_ATTRIBUTES = 128
MAX_ITEMS = 64
_KINDS = ("", "INTERNAL", "SERVER", "CLIENT", "PRODUCER", "CONSUMER")
_OTHER_SIGNALS = frozenset({"resourceMetrics", "resourceLogs", "resourceProfiles"})
_OUR_SCOPE = "conntrace"
_STATUS_ERROR = (2, "STATUS_CODE_ERROR")
_LATEST_NS = 1 << 64
_BASE64_LENGTHS = (12, 24)
"""Of the 8 bytes of a span's id and the 16 of a trace's; in hexadecimal they have 16 and 32."""

NOT_A_REQUEST = "not an OTLP trace request (no resourceSpans)"
OTHER_SIGNAL = "metrics or logs of OpenTelemetry, and no spans"

Complain = Callable[[str], None]


def spans_of(document: object, complain: Complain) -> Iterator[SpanRecord]:
    """Yield the spans of one request; what is broken goes to `complain` as a reason, in words."""
    if not isinstance(document, dict) or (document and "resourceSpans" not in document):
        complain(OTHER_SIGNAL if _is_other_signal(document) else NOT_A_REQUEST)
        return
    for resource_spans in _objects(document.get("resourceSpans")):
        resource = _attributes(_object(resource_spans.get("resource")).get("attributes"))
        if not _schema_known(resource):
            complain(f"written by a newer conntrace (schema {resource[names.SCHEMA]})")
            continue
        process = _process(resource)
        for scope_spans in _objects(resource_spans.get("scopeSpans")):
            scope = _cut(_object(scope_spans.get("scope")).get("name"))
            for span in _objects(scope_spans.get("spans")):
                record = _record(span, process, scope)
                if isinstance(record, str):
                    complain(record)
                else:
                    yield record


def _is_other_signal(document: object) -> bool:
    return isinstance(document, dict) and not _OTHER_SIGNALS.isdisjoint(document)


def _schema_known(resource: dict[str, Value]) -> bool:
    schema = resource.get(names.SCHEMA)
    return not isinstance(schema, int) or schema <= names.SCHEMA_VERSION


def _process(resource: dict[str, Value]) -> Process:
    pid, parent = resource.get(names.PROCESS_PID), resource.get(names.PROCESS_PARENT_PID)
    return Process(
        service=str(resource.get(names.SERVICE_NAME, "")),
        instance=str(resource.get(names.SERVICE_INSTANCE_ID, "")),
        pid=pid if isinstance(pid, int) else 0,
        command=str(resource.get(names.PROCESS_COMMAND, "")),
        parent_pid=parent if isinstance(parent, int) else 0,
        function=str(resource.get(names.FAAS_NAME, "")),
    )


def _record(span: dict[str, Any], process: Process, scope: str) -> SpanRecord | str:
    """The record, or the reason why there is none."""
    trace_id, span_id = _id(span.get("traceId")), _id(span.get("spanId"))
    if not trace_id or not span_id:
        return "a span without traceId or spanId"
    start, end = _time(span.get("startTimeUnixNano")), _time(span.get("endTimeUnixNano"))
    if start is None:
        return "a span without a usable startTimeUnixNano"
    status = _object(span.get("status"))
    return SpanRecord(
        trace_id=trace_id,
        span_id=span_id,
        parent_id=_id(span.get("parentSpanId")),
        name=sys.intern(_name(_cut(span.get("name")), scope)),
        kind=_kind(span.get("kind")),
        start_ns=start,
        end_ns=max(start, end or start),
        attributes=_attributes(span.get("attributes")),
        process=process,
        links=tuple(_id(link.get("spanId")) for link in _objects(span.get("links"))[:MAX_ITEMS]),
        error=status.get("code") in _STATUS_ERROR,
    )


def _name(name: str, scope: str) -> str:
    """The span's name. Those of .NET's own spans for connections are the same as ours, and say
    nothing of causes: they are told apart by their scope."""
    is_anothers = scope not in ("", _OUR_SCOPE) and own_name(name)
    return f"{scope}: {name}" if is_anothers else name


def _attributes(items: object) -> dict[str, Value]:
    found: dict[str, Value] = {}
    for item in _objects(items)[:MAX_ATTRIBUTES]:
        key, value = item.get("key"), _value(item.get("value"))
        if isinstance(key, str) and value is not None:
            found[sys.intern(key[:MAX_TEXT])] = value
    return found


def _value(value: object) -> Value | None:
    if not isinstance(value, dict):
        return None
    for form, raw in value.items():
        if form == "stringValue":
            return _cut(raw)
        if form == "boolValue":
            return raw is True
        if form == "intValue":
            return _integer(raw)
        if form == "doubleValue":
            return raw if isinstance(raw, (int, float)) and not isinstance(raw, bool) else None
        if form == "arrayValue":
            return _texts(_object(raw).get("values"))
    return None


def _texts(values: object) -> list[str]:
    converted = (_value(value) for value in _objects(values)[:MAX_ITEMS])
    return [value if isinstance(value, str) else str(value) for value in converted if value]


def _integer(raw: object) -> int | None:
    """64-bit whole numbers are strings in OTLP's JSON; some writers use numbers."""
    if isinstance(raw, bool) or not isinstance(raw, (int, str)):
        return None
    if isinstance(raw, str) and len(raw) > 20:
        return None
    try:
        return int(raw)
    except ValueError:
        return None


def _time(raw: object) -> int | None:
    time_ns = _integer(raw)
    return time_ns if time_ns is not None and 0 < time_ns < _LATEST_NS else None


def _kind(raw: object) -> str:
    if isinstance(raw, int):
        return _KINDS[raw] if 0 <= raw < len(_KINDS) else ""
    return raw.removeprefix("SPAN_KIND_") if isinstance(raw, str) else ""


def _id(raw: object) -> str:
    """An id in hexadecimal; OTLP's all-zero id means none. Older Jaegers write ids in base64."""
    if not isinstance(raw, str) or len(raw) > 64:
        return ""
    if raw.endswith("=") and len(raw) in _BASE64_LENGTHS:
        try:
            raw = base64.b64decode(raw, validate=True).hex()
        except ValueError:
            return ""
    return raw.lower() if raw.strip("0") else ""


def _cut(raw: object) -> str:
    if not isinstance(raw, str):
        return ""
    return raw if len(raw) <= MAX_TEXT else raw[:MAX_TEXT] + "…"


def _object(raw: object) -> dict[str, Any]:
    return raw if isinstance(raw, dict) else {}


def _objects(raw: object) -> list[dict[str, Any]]:
    return [item for item in raw if isinstance(item, dict)] if isinstance(raw, list) else []
