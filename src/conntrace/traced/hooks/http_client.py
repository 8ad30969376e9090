"""`http.client`: set-up and end of connections. urllib3's connections are built on these."""

from __future__ import annotations

import sys
from contextvars import Token
from types import FrameType
from typing import Any

from conntrace.traced import (
    call_sites,
    context,
    kernel,
    notes_connections,
    recording,
    redirects,
)
from conntrace.traced.close_reasons import close_reason, error_behind, response_facts
from conntrace.traced.connections import (
    NO_RESPONSE,
    ConnectionRecord,
    connection_closed,
    connections,
)
from conntrace.traced.context import REQUEST, SETUP, Operation, current
from conntrace.traced.error_types import error_type
from conntrace.traced.hooks.base import Arguments, Hook, Keywords
from conntrace.traced.libraries import one_shot_in
from conntrace.traced.redirects import NO_REDIRECT, redirect_before
from conntrace.traced.registry import identity_of

_ONE_SHOT_MODULE = "urllib.request"
_MAX_FRAMES = 12
# Of http.client's HTTPConnection: the last response whose head it has read, name-mangled.
_RESPONSE = "_HTTPConnection__response"
# And how far it is with a request.
_STATE = "_HTTPConnection__state"
_IDLE = "Idle"


def begin_request(instance: Any, args: Arguments, kwargs: Keywords) -> object:
    """Note whether a request of a bare object asks for the end of its connection."""
    record = connections.at(identity_of(instance))
    if recording.active is None or (record is not None and record.pool is not None):
        return None
    asks = _asks_to_close(args[3] if len(args) > 3 else kwargs.get("headers"))
    if record is None and asks:
        record = ConnectionRecord(None)
        connections.add(instance, record)
    if record is not None:
        record.sends_close = asks
    return None


def _asks_to_close(headers: Any) -> bool:
    return any(
        str(name).lower() == "connection" and "close" in str(value).lower()
        for name, value in (headers or {}).items()
    )


class Setup:
    """A set-up that is going on: its operation and how to leave it."""

    __slots__ = ("operation", "record", "subject", "token")

    def __init__(self, operation: Operation, record: ConnectionRecord, subject: Any) -> None:
        self.operation = operation
        self.record = record
        self.subject = subject
        self.token = current.set(operation)


def begin_connect(instance: Any, args: Arguments, kwargs: Keywords) -> object:
    """Note that a connection object sets out to connect."""
    outer = current.get()
    if recording.active is None:
        return None
    if context.is_private(instance.host, instance.port):
        return context.suppressed.set(True)
    if outer is not None and outer.kind == SETUP and outer.subject == identity_of(instance):
        # HTTPSConnection.connect calls HTTPConnection.connect: one set-up.
        return None
    record = connections.at(identity_of(instance))
    if record is None:
        record = ConnectionRecord(None)
        connections.add(instance, record)
    where = context.place()
    operation = Operation(SETUP, context.ids.next(), outer)
    operation.span = (where.trace_id, where.span_id)
    operation.subject = identity_of(instance)
    _note_start(instance, record, operation, where)
    if outer is not None and outer.their_span is not None:
        recording.active.name_connection_on(outer.their_span, operation.identity)
    return Setup(operation, record, instance)


def _note_start(
    instance: Any, record: ConnectionRecord, operation: Operation, where: context.Place
) -> None:
    outer = operation.outer
    request = outer.identity if outer is not None and outer.kind == REQUEST else 0
    pool = record.pool
    here = sys._getframe(1)
    client, one_shot = ("urllib3", "") if pool is not None else _client(here)
    recording.note(
        notes_connections.setup_start(
            operation.identity,
            request,
            pool.identity if pool is not None else 0,
            record.previous,
            client,
            one_shot,
            _origin(instance, record),
            _proxy(instance),
            operation.call,
            (where.trace_id, where.span_id),
            call_sites.call_site(frame=here),
            redirect_before(here) if pool is None or redirects.answered else NO_REDIRECT,
        )
    )


def _client(frame: FrameType) -> tuple[str, str]:
    """Which standard library client connects, and whether its API is made for one request only."""
    for _ in range(_MAX_FRAMES):
        if frame.f_back is None:
            break
        frame = frame.f_back
        if frame.f_globals.get("__name__") == _ONE_SHOT_MODULE:
            return _ONE_SHOT_MODULE, one_shot_in("urllib.request.urlopen", frame)
    return "http.client", ""


def _origin(instance: Any, record: ConnectionRecord) -> tuple[str, str, int]:
    tunnel = getattr(instance, "_tunnel_host", None)
    pool = record.pool
    if pool is not None:
        return pool.scheme, pool.host, pool.port
    default_port = getattr(instance, "default_port", 80)
    scheme = "https" if default_port == 443 else "http"
    if tunnel:
        return scheme, str(tunnel), int(getattr(instance, "_tunnel_port", None) or default_port)
    return scheme, str(instance.host), int(instance.port or default_port)


def _proxy(instance: Any) -> str:
    """The proxy as `host:port`; its userinfo is left out."""
    proxy = getattr(instance, "proxy", None)
    if proxy is not None and getattr(proxy, "host", None):
        return f"{proxy.host}:{proxy.port or ''}"
    if getattr(instance, "_tunnel_host", None):
        return f"{instance.host}:{instance.port}"
    return ""


def end_connect(token: object, result: object, error: BaseException | None) -> None:
    """Note that the connection stands, with its keep-alive options, or that it failed."""
    if isinstance(token, Token):
        context.suppressed.reset(token)
        return
    assert isinstance(token, Setup)
    current.reset(token.token)
    operation, record = token.operation, token.record
    connected, token.subject = getattr(token.subject, "sock", None), None
    word = error_type(error)
    keepalive = kernel.keepalive_facts(connected)
    if error is None:
        record.connection = record.previous = operation.identity
        record.open = True
        record.put_ns = -1
        if operation.outer is not None and operation.outer.kind == REQUEST:
            operation.outer.connection = operation.identity
    elif operation.outer is not None and operation.outer.kind == REQUEST:
        operation.outer.error = word
    recording.send(notes_connections.setup_end(operation.identity, word, keepalive))


def begin_tunnel(instance: Any, args: Arguments, kwargs: Keywords) -> object:
    """Note that a proxy is asked to CONNECT."""
    operation = current.get()
    if recording.active is None or operation is None or operation.kind != SETUP:
        return None
    identity = context.ids.next()
    host, port = str(instance._tunnel_host), int(instance._tunnel_port or 0)
    recording.send(notes_connections.tunnel_start(identity, operation.identity, host, port))
    return identity


def end_tunnel(token: object, result: object, error: BaseException | None) -> None:
    """Note the proxy's answer."""
    assert isinstance(token, int)
    recording.note(notes_connections.tunnel_end(token, error_type(error)))


def begin_close(instance: Any, args: Arguments, kwargs: Keywords) -> object:
    """Note why a connection is closed, before its socket is gone."""
    record = connections.at(identity_of(instance))
    if recording.active is None or record is None or not record.open:
        return None
    sock = getattr(instance, "sock", None)
    if sock is None:
        return None
    by, frame = close_reason()
    if by == "program" and record.pool is None:
        by = _how_far(instance)
    operation = current.get()
    request = operation.request if operation is not None else 0
    error = error_behind(frame) if by == "error" else ""
    if by == "error" and operation is not None and operation.kind == REQUEST:
        operation.error = error
    if by == "full":
        record.put_result = "full" if getattr(_pool_queue(frame), "qsize", None) else "pool_closed"
    response = response_facts(frame) if by == "response" else NO_RESPONSE
    # Without a version not even a status line came: http.client closes a broken connection.
    broken = by == "error" or (by == "response" and not response[0])
    connection_closed(
        record,
        by,
        error,
        request,
        response,
        record.sends_close,
        kernel.tcp_facts(sock) if broken or by in ("program", "response_close") else kernel.NOTHING,
        _whose(by, record),
        by == "error" and getattr(instance, _RESPONSE, None) is not None,
        _rest_bytes(instance) if by == "response_close" and record.pool is not None else -1,
        goes_along=_goes_along(by, operation),
    )
    return None


def _goes_along(by: str, operation: Operation | None) -> bool:
    """True when the end of the request, or the set-up of another connection, follows at once."""
    if operation is None or operation.kind != REQUEST:
        return False
    return by == "dropped_check" or (by == "response" and operation.started)


def _how_far(instance: Any) -> str:
    """What the program gives up by closing a bare object: a request, a response, or neither."""
    response = getattr(instance, _RESPONSE, None)
    if response is not None and not response.isclosed():
        return "response_close"
    return "program" if getattr(instance, _STATE, _IDLE) == _IDLE else "error"


def _whose(by: str, record: ConnectionRecord) -> call_sites.CallSite:
    """Who closes, or took the response that is collected unread."""
    if by in ("program", "response_close"):
        return call_sites.call_site()
    lease = record.lease
    return lease.site if by == "collected" and lease is not None else call_sites.NOWHERE


def _rest_bytes(instance: Any) -> int:
    """What is left of the announced length of the response; -1 when none was announced."""
    length = getattr(getattr(instance, _RESPONSE, None), "length", None)
    return length if isinstance(length, int) else -1


def _pool_queue(frame: Any) -> object:
    pool = frame.f_locals.get("self") if frame is not None else None
    return getattr(pool, "pool", None)


HOOKS = (
    Hook("http.client", "HTTPConnection.request", begin_request),
    Hook("http.client", "HTTPConnection.connect", begin_connect, end_connect),
    Hook("http.client", "HTTPSConnection.connect", begin_connect, end_connect),
    Hook("http.client", "HTTPConnection._tunnel", begin_tunnel, end_tunnel),
    Hook("http.client", "HTTPConnection.close", begin_close),
)
