"""Trace context in what reaches an AWS Lambda function: W3C `traceparent` and X-Ray headers.

Everything is checked here and nothing else is copied: an event comes from anybody. Formats: W3C
Trace Context, section 3.2.2; "Tracing header" in AWS X-Ray's developer guide.
"""

from __future__ import annotations

from collections.abc import Mapping

TRACEPARENT = "traceparent"
TRACEPARENT_LENGTH = 55
MAX_HEADER = 512
MAX_HEADERS = 200

_HEXADECIMAL = "0123456789abcdef"
_NOT_SAMPLED = "-00"


def parent_ids(traceparent: object) -> tuple[str, str]:
    """Trace and span id of a `traceparent`, empty when it is none.

    The span id is followed by `-00` when the caller did not sample it.
    """
    if not isinstance(traceparent, str):
        return "", ""
    version, _, rest = traceparent[:MAX_HEADER].strip().partition("-")
    trace_id, span_id, flags, *more = [*rest.split("-"), "", "", ""][:4]
    valid = (
        _is_id(version, 2)
        and version != "ff"
        and _is_id(trace_id, 32)
        and _is_id(span_id, 16)
        and _is_hexadecimal(flags, 2)
        and not (version == "00" and any(more))
    )
    if not valid:
        return "", ""
    return trace_id, span_id if int(flags, 16) & 1 else span_id + _NOT_SAMPLED


def _is_hexadecimal(text: str, length: int) -> bool:
    return len(text) == length and not text.strip(_HEXADECIMAL)


def _is_id(text: str, length: int) -> bool:
    """An id is not all zeros; a version may be."""
    return _is_hexadecimal(text, length) and (length == 2 or bool(text.strip("0")))


def xray_header(text: object) -> str:
    """The parts of an X-Ray header that name a span, in one order; empty when there is no root.

    `Root=1-5759e988-bd862e3fe1be46a994272793;Parent=53995c3f42cd8ad8;Sampled=1`
    """
    if not isinstance(text, str):
        return ""
    parts = {
        key.strip(): value.strip()
        for key, _, value in (item.partition("=") for item in text[:MAX_HEADER].split(";"))
    }
    root, parent, sampled = parts.get("Root", ""), parts.get("Parent", ""), parts.get("Sampled", "")
    version, _, ids = root.partition("-")
    seconds, _, random = ids.partition("-")
    if version != "1" or not _is_hexadecimal(seconds, 8) or not _is_hexadecimal(random, 24):
        return ""
    header = f"Root={root}"
    if _is_id(parent, 16):
        header += f";Parent={parent}"
    if sampled in ("0", "1"):
        header += f";Sampled={sampled}"
    return header


def is_link(header: str) -> bool:
    """Whether an X-Ray header names a span, not only a trace."""
    return ";Parent=" in header


def header_of(headers: object, name: str) -> object:
    """The value of a header in an event: names in any case, one value or a list of them."""
    if not isinstance(headers, Mapping):
        return None
    found = headers.get(name)
    if found is None:
        for position, key in enumerate(headers):
            if position >= MAX_HEADERS:
                break
            if isinstance(key, str) and len(key) == len(name) and key.lower() == name:
                found = headers[key]
                break
    if isinstance(found, list):
        return found[0] if found else None
    return found


def client_context_parent(client_context: object) -> tuple[str, str]:
    """Trace and span id in the client context of a direct invocation: JSON, 3.5 KB at most.

    The runtime client itself reads `w3c` there since 4.2; callers also use `custom`.
    """
    if not isinstance(client_context, str) or TRACEPARENT not in client_context:
        return "", ""
    import json  # the runtime client has loaded it already

    try:
        parsed = json.loads(client_context)
    except ValueError:
        return "", ""
    if isinstance(parsed, dict):
        for name in ("w3c", "custom"):
            ids = parent_ids(header_of(parsed.get(name), TRACEPARENT))
            if ids[0]:
                return ids
    return "", ""
