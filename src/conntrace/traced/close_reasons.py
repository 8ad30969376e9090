"""Why a connection is closed: read from the stack at the moment of the close.

A close is rare; hooking every function that may cause one would cost each request. The nearest
frame that is in the table below decides. Module names are compared by their last part, so that
copies of urllib3 in other packages match.
"""

from __future__ import annotations

import sys
from types import FrameType
from typing import NamedTuple

MAX_FRAMES = 16

# (last part of the module's name, function) -> `Close.by`
_CALLERS = {
    ("client", "getresponse"): "response",
    ("client", "_tunnel"): "error",
    ("connection", "_tunnel"): "error",
    ("connectionpool", "_get_conn"): "dropped_check",
    ("connectionpool", "urlopen"): "error",
    ("connectionpool", "_put_conn"): "full",
    ("connectionpool", "_close_pool_connections"): "pool",
    ("connectionpool", "close"): "pool",
    ("response", "_error_catcher"): "error",
    ("response", "close"): "response_close",
    ("request", "do_open"): "response_close",
}


class CloseReason(NamedTuple):
    """Who closed, and the frame in which it happened (for the facts in its variables)."""

    by: str
    frame: FrameType | None


def close_reason() -> CloseReason:
    """The reason for a close that happens now, in the caller."""
    frame: FrameType | None = sys._getframe(1)
    for _ in range(MAX_FRAMES):
        if frame is None:
            break
        module = str(frame.f_globals.get("__name__", ""))
        by = _CALLERS.get((module.rpartition(".")[2], frame.f_code.co_name))
        if by is not None:
            return CloseReason(_finalized(by, frame), frame)
        frame = frame.f_back
    return CloseReason("program", None)


def _finalized(by: str, frame: FrameType) -> str:
    """A response that is closed by its finalizer was collected: CPython marks it so."""
    if by != "response_close":
        return by
    response = frame.f_locals.get("self")
    return "collected" if getattr(response, "_finalizing", False) else by


def response_facts(frame: FrameType | None) -> tuple[int, bool, bool, bool]:
    """Of the response in `getresponse`: version, says close, says keep-alive, has a length."""
    response = frame.f_locals.get("response") if frame is not None else None
    headers = getattr(response, "headers", None)
    if response is None or headers is None:
        return 0, False, False, False
    connection = str(headers.get("connection") or "").lower()
    keepalive = "keep-alive" in connection or bool(headers.get("keep-alive"))
    has_length = getattr(response, "length", None) is not None or bool(
        getattr(response, "chunked", False)
    )
    return int(response.version), "close" in connection, keepalive, has_length


def failure_of(frame: FrameType | None) -> BaseException | None:
    """The exception behind a clean-up in `urlopen` (`err`), or the one being handled."""
    error = frame.f_locals.get("err") if frame is not None else None
    return error if isinstance(error, BaseException) else sys.exc_info()[1]
