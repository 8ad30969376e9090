"""Why a connection is closed: read from the stack at the moment of the close.

A close is rare; hooking every function that may cause one would cost each request. The nearest
frame that is in the table below decides.
"""

from __future__ import annotations

import sys
from types import FrameType
from typing import NamedTuple

from conntrace.traced.error_types import error_type
from conntrace.traced.frames import ModuleTable

MAX_FRAMES = 16

# Module -> function -> `Close.by`
_CALLERS = ModuleTable(
    {
        "client": {"getresponse": "response", "_tunnel": "error"},
        "connection": {"_tunnel": "error"},
        "connectionpool": {
            "_get_conn": "dropped_check",
            "urlopen": "error",
            "_put_conn": "full",
            "_close_pool_connections": "pool",
            "close": "pool",
        },
        "response": {"_error_catcher": "error", "close": "response_close"},
        "request": {"do_open": "response_close"},
    }
)


# urllib3 closes a response of which it cannot read the next chunk's length.
_CHUNK_LENGTH = "_update_chunk_length"


class CloseReason(NamedTuple):
    """Who closed, and the frame in which it happened (for the facts in its variables)."""

    by: str
    frame: FrameType | None


def close_reason() -> CloseReason:
    """The reason for a close that happens now, in the caller."""
    for frame, callers in _CALLERS.rows(sys._getframe(1), MAX_FRAMES):
        by = callers.get(frame.f_code.co_name)
        if by is not None:
            return CloseReason(by, frame) if by != "response_close" else _of_response(frame)
    return CloseReason("program", None)


def _of_response(frame: FrameType) -> CloseReason:
    """Who closes a response: urllib3 for its chunks, its finalizer (marked so), or the program."""
    caller = frame.f_back
    if caller is not None and caller.f_code.co_name == _CHUNK_LENGTH:
        return CloseReason("error", caller)
    response = frame.f_locals.get("self")
    collected = getattr(response, "_finalizing", False)
    return CloseReason("collected" if collected else "response_close", frame)


def response_facts(frame: FrameType | None) -> tuple[int, bool, bool, bool]:
    """Of the response in `getresponse`: version, says close, says keep-alive, has a length."""
    response = frame.f_locals.get("response") if frame is not None else None
    headers = getattr(response, "headers", None)
    if response is None or headers is None:
        return 0, False, False, False
    connection = str(headers.get("connection") or "").lower()
    says_close = "close" in connection
    # Looking for a header costs a walk through all: only where the answer matters.
    keepalive = "keep-alive" in connection or (not says_close and bool(headers.get("keep-alive")))
    has_length = getattr(response, "length", None) is not None or bool(
        getattr(response, "chunked", False)
    )
    return int(response.version), says_close, keepalive, has_length


def error_behind(frame: FrameType | None) -> str:
    """The `error.type` behind a clean-up: of `err` in `urlopen`, or of what is being handled."""
    if frame is None:
        return error_type(sys.exc_info()[1])
    if frame.f_code.co_name == _CHUNK_LENGTH:
        # Nothing in place of a chunk's length is the end of the stream.
        return "InvalidChunkLength" if frame.f_locals.get("line") else "incomplete_read"
    error = frame.f_locals.get("err")
    return error_type(error if isinstance(error, BaseException) else sys.exc_info()[1])
