"""urllib3's `urlopen`: one attempt of a request, from its start to the response's headers.

Plain closures instead of wrapt on the path that every request takes (here, in `urllib3_checkouts`,
`urllib3_probes` and `urllib3_returns`): five wrapt wrappers cost about 13 us more. For a reused
connection two small packets leave: one when it is checked out, one when the headers are there.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from types import FrameType
from typing import Any

from conntrace.traced import call_sites, context, guard, notes, recording, redirects
from conntrace.traced.connections import pools
from conntrace.traced.context import REQUEST, Operation, current
from conntrace.traced.error_types import error_type
from conntrace.traced.hooks.base import Hook
from conntrace.traced.hooks.urllib3_pools import register_pool
from conntrace.traced.originals import monotonic_ns
from conntrace.traced.registry import identity_of

_MAX_FRAMES = 8
_SMALL_BODY = 16 * 1024
"""What a new connection's send buffer takes at once: handing that much over never waits (bytes)."""
_PRIVATE = Operation("private", 0, None)


def build_urlopen(original: Callable[..., Any]) -> Callable[..., Any]:
    """One attempt: opened here, sent when its connection is known, ended with the headers."""

    def urlopen(*args: Any, **kwargs: Any) -> Any:
        if recording.active is None or "urlopen" in guard.switched_off:
            return original(*args, **kwargs)
        began_ns = monotonic_ns()
        # `try` in place of `guard.contained`, here and below: free unless something fails.
        try:
            operation = None if context.is_suppressed() else _begin_request(args, kwargs)
        except Exception as error:
            guard.failed("urlopen", error)
            operation = None
        recording.spent_ns += monotonic_ns() - began_ns
        if operation is None:
            return original(*args, **kwargs)
        if operation is _PRIVATE:
            return _unseen(original, args, kwargs)
        token = current.set(operation)
        try:
            response = original(*args, **kwargs)
        except BaseException as error:
            current.reset(token)
            guard.contained("urlopen", _end_request, operation, None, error)
            raise
        current.reset(token)
        began_ns = monotonic_ns()
        try:
            _end_request(operation, response, None)
        except Exception as error:
            guard.failed("urlopen", error)
        recording.spent_ns += monotonic_ns() - began_ns
        try:
            return response
        finally:
            # A cycle through an exception may keep frames, and by f_back this one: it must not
            # keep the response, whose end the program is to see at once.
            del response, args, kwargs

    return urlopen


def _unseen(original: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    """A request that is left out, with all that is done for it."""
    token = context.suppressed.set(True)
    try:
        return original(*args, **kwargs)
    finally:
        context.suppressed.reset(token)


def _begin_request(args: tuple[Any, ...], kwargs: dict[str, Any]) -> Operation:
    pool = args[0]
    record = pools.at(identity_of(pool)) or register_pool(pool)
    if context.private_origin is not None and context.is_private(record.host, record.port):
        return _PRIVATE
    outer = current.get()
    previous = 0
    if outer is not None and outer.kind == REQUEST and outer.pool is record:
        # urllib3 calls urlopen again for a retry or a redirect: the attempt before it is over.
        _end_superseded(outer)
        previous, outer = outer.identity, outer.outer
    operation = Operation(REQUEST, context.ids.next(), outer)
    operation.pool = record
    operation.previous = previous
    operation.started_ns = monotonic_ns()
    span = context.active_span()
    if span is not None:
        operation.span = context.span_ids(span)
    given = len(args)
    operation.method = str(args[1] if given > 1 else kwargs.get("method", ""))
    operation.path = path_of(args[2] if given > 2 else kwargs.get("url", ""))
    headers = args[4] if given > 4 else kwargs.get("headers")
    if headers is None:
        headers = getattr(pool, "headers", None)
    if headers and asks_to_close(headers):
        operation.sends_close = True
    body = args[3] if given > 3 else kwargs.get("body")
    if body is not None and _is_large(body):
        operation.large_body = True
    if kwargs.get("preload_content") is False:
        # Whoever gets the response may lose it, and nobody is on the stack when it is collected.
        operation.site = call_sites.call_site()
    return operation


def _is_large(body: object) -> bool:
    """True also where the size is not known without asking an object of the program's."""
    return type(body) not in (bytes, str) or len(body) > _SMALL_BODY  # type: ignore[arg-type]


def build_getresponse(original: Callable[..., Any]) -> Callable[..., Any]:
    """The answer is waited for from here: a large body is sent."""

    def getresponse(*args: Any, **kwargs: Any) -> Any:
        operation = current.get()
        if (
            operation is not None
            and operation.large_body
            and "getresponse" not in guard.switched_off
        ):
            guard.contained("getresponse", _note_sent, operation)
        return original(*args, **kwargs)

    return getresponse


def _note_sent(operation: Operation) -> None:
    if operation.started and not operation.ended:
        recording.send(notes.request_sent(operation.identity))


def path_of(url: object) -> str:
    """The path of a URL or request target; query, fragment and userinfo are left out."""
    if not isinstance(url, str):
        return ""
    target = url
    if "?" in target or "#" in target:
        target = target.partition("?")[0].partition("#")[0]
    if "://" in target:
        target = "/" + target.partition("://")[2].partition("/")[2]
    return target


def asks_to_close(headers: Any) -> bool:
    """True when the program's headers hold `Connection: close`."""
    for name in ("Connection", "connection"):
        if name in headers:
            return "close" in str(headers[name]).lower()
    return False


def _end_superseded(operation: Operation) -> None:
    error, status = operation.error, 0
    frame = _caller_urlopen(sys._getframe(2))
    if frame is not None:
        failure = frame.f_locals.get("err")
        if isinstance(failure, BaseException):
            error = error_type(failure)
        else:
            status = _status_of(frame.f_locals.get("response"))
    _note_end(operation, status, error)


def _caller_urlopen(frame: FrameType | None) -> FrameType | None:
    for _ in range(_MAX_FRAMES):
        if frame is None or (
            frame.f_code.co_name == "urlopen"
            and str(frame.f_globals.get("__name__", "")).endswith("connectionpool")
        ):
            return frame
        frame = frame.f_back
    return None


def _end_request(operation: Operation, response: Any, error: BaseException | None) -> None:
    if not operation.ended:
        word = "" if error is None else error_type(error)
        _note_end(operation, _status_of(response), word)


def _status_of(response: object) -> int:
    """A response that never began says "UNKNOWN"."""
    status = getattr(response, "status", 0)
    return status if isinstance(status, int) else 0


def _note_end(operation: Operation, status: int, error: str) -> None:
    operation.ended = True
    if status >= 300:
        redirects.answered = True
    if operation.started:
        recording.send(notes.request_end(operation.identity, status, error, operation.connection))
    if operation.their_span is not None and recording.active is not None:
        recording.active.their_spans.pop(operation.identity, None)


HOOKS = (
    Hook("urllib3.connectionpool", "HTTPConnectionPool.urlopen", build=build_urlopen),
    # urllib3's own `getresponse` calls this one, in all versions.
    Hook("http.client", "HTTPConnection.getresponse", build=build_getresponse),
)
