"""Trace contexts as AWS and W3C write them into headers and records.

`traceparent`: W3C Trace Context, section 3.2. X-Ray: "Tracing header" of the X-Ray developer guide;
its root `1-8 digits-24 digits` is the trace id with two dashes in it.
"""

from __future__ import annotations

from typing import NamedTuple

_HEXADECIMAL = frozenset("0123456789abcdef")


class TraceContext(NamedTuple):
    """A span of somebody else: lower-case hexadecimal ids, and whether it is recorded."""

    trace_id: str
    span_id: str
    sampled: bool


def read_context(header: str) -> TraceContext | None:
    """The context of an X-Ray header or a traceparent; None when it is neither, or not whole."""
    return read_xray(header) if "=" in header else read_traceparent(header)


def read_traceparent(header: str) -> TraceContext | None:
    """`version-traceid-spanid-flags`."""
    parts = header.strip().split("-")
    if len(parts) < 4 or parts[0] == "ff" or not _are_digits(parts[0], 2):
        return None
    if not _are_digits(parts[3], 2):
        return None
    return _context(parts[1], parts[2], bool(int(parts[3], 16) & 1))


def read_xray(header: str) -> TraceContext | None:
    """`Root=1-...;Parent=...;Sampled=0|1`, in any order, with other fields between."""
    parts = (part.partition("=") for part in header.split(";"))
    fields = {name.strip().lower(): value.strip() for name, _, value in parts}
    version, _, rest = fields.get("root", "").partition("-")
    if version != "1":
        return None
    sampled = fields.get("sampled") == "1"
    return _context(rest.replace("-", ""), fields.get("parent", ""), sampled)


def _context(trace_id: str, span_id: str, sampled: bool) -> TraceContext | None:
    trace_id, span_id = trace_id.lower(), span_id.lower()
    if _is_id(trace_id, 32) and _is_id(span_id, 16):
        return TraceContext(trace_id, span_id, sampled)
    return None


def _is_id(text: str, digits: int) -> bool:
    return _are_digits(text, digits) and bool(text.strip("0"))


def _are_digits(text: str, digits: int) -> bool:
    return len(text) == digits and _HEXADECIMAL.issuperset(text)
