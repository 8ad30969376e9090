"""What a function's settings and an invocation may be, so that a slip is told and not acted out.

AWS Lambda developer guide: "Lambda quotas", "Environment variables"; API reference: CreateFunction.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Collection, Mapping
from typing import Any, TypeGuard

from conntrace.errors import ConntraceError

LARGEST_EVENT = 6 * 1024 * 1024
"""Bytes of a synchronous invocation's payload."""

_FUNCTION_NAME = re.compile(r"[A-Za-z0-9_-]{1,64}")
_VARIABLE_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")


def check_settings(
    name: object,
    environment: Mapping[Any, Any],
    positive: Mapping[str, object],
    initialization_type: str,
    known_types: Collection[str],
) -> None:
    """Raise ConntraceError for what no function can be configured to. `positive`: by name."""
    if not isinstance(name, str) or not _FUNCTION_NAME.fullmatch(name):
        _refuse(f"name={name!r} is not up to 64 letters, digits, - and _")
    for setting, value in positive.items():
        if not _is_number(value) or not 0 < value < math.inf:
            _refuse(f"{setting}={value!r} is not a number above 0")
    if initialization_type not in known_types:
        words = ", ".join(known_types)
        _refuse(f"initialization_type={initialization_type!r} is none of {words}")
    for variable, text in environment.items():
        if not isinstance(variable, str) or not _VARIABLE_NAME.fullmatch(variable):
            _refuse(f"{variable!r} is no name of an environment variable")
        if not isinstance(text, str) or "\0" in text:
            _refuse(f"the environment variable {variable} is {text!r}, which is not text")


def _is_number(value: object) -> TypeGuard[float]:
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def _refuse(why: str) -> None:
    raise ConntraceError("lambda-settings", f"the local Lambda cannot take this: {why}")


def check_gap(gap_s: object) -> None:
    """Raise ConntraceError for what is no number of seconds."""
    if not _is_number(gap_s) or not 0 <= gap_s < math.inf:
        raise ConntraceError("lambda-request", f"gap_s={gap_s!r} is not a number of seconds")


def event_bytes(event: object) -> bytes:
    """The invocation's payload: bytes as they are, anything else as JSON. Raises ConntraceError."""
    try:
        payload = event if isinstance(event, bytes) else json.dumps(event).encode()
    except (TypeError, ValueError, RecursionError) as error:
        raise ConntraceError("lambda-request", f"the event is not JSON: {error}") from error
    if len(payload) > LARGEST_EVENT:
        raise ConntraceError(
            "lambda-request",
            f"the event has {len(payload):,} bytes; Lambda takes {LARGEST_EVENT:,} at most",
        )
    return payload


def trace_header_text(text: str) -> str:
    """An X-Ray header as it is. Raises ConntraceError for what no header can hold."""
    if not _fits_a_header(text):
        raise ConntraceError("lambda-request", f"trace_header={text!r} is no header")
    return text


def client_context_text(context: str | Mapping[str, object]) -> str:
    """The client context as the platform hands it on: JSON in a header. Raises ConntraceError.

    Text that is no JSON is left as it is: the runtime client refuses it.
    """
    try:
        if not isinstance(context, str):
            return json.dumps(context)
        if _fits_a_header(context):
            return context
        return json.dumps(json.loads(context))
    except (TypeError, ValueError, RecursionError) as error:
        raise ConntraceError(
            "lambda-request", f"client_context is neither JSON nor one line of ASCII: {error}"
        ) from error


def _fits_a_header(text: str) -> bool:
    return text.isascii() and (text.isprintable() or not text)
