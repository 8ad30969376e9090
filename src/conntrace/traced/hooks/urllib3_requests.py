"""urllib3's path of every request: `urlopen`, `_get_conn`, `is_connection_dropped`, `_put_conn`.

Plain closures instead of wrapt: five wrapt wrappers cost about 13 us more for a reused request. For
a reused connection two small packets leave: one when it is checked out, one when the headers are
there.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from contextvars import ContextVar
from types import FrameType
from typing import Any, NamedTuple

from conntrace.traced import context, guard, kernel, notes, recording
from conntrace.traced.connections import ConnectionRecord, PoolRecord, connections, pools
from conntrace.traced.context import REQUEST, Operation, current
from conntrace.traced.error_types import error_type
from conntrace.traced.hooks.base import Hook
from conntrace.traced.hooks.urllib3_pools import idle_connections, register_pool
from conntrace.traced.originals import monotonic_ns

_MAX_FRAMES = 8
# No thread that only waits for the interpreter waits this long.
_CERTAIN_WAIT_NS = 100_000_000


class Probe(NamedTuple):
    """What `is_connection_dropped` found: `live`, `dropped` (readable) or `closed` (no socket)."""

    record: ConnectionRecord
    found: str
    facts: kernel.TcpFacts


# The last one, for the `_get_conn` that asked.
_probe: ContextVar[Probe | None] = ContextVar("conntrace_probe", default=None)


def build_urlopen(original: Callable[..., Any]) -> Callable[..., Any]:
    """One attempt: opened here, sent when its connection is known, ended with the headers."""

    def urlopen(*args: Any, **kwargs: Any) -> Any:
        if recording.active is None or context.is_suppressed():
            return original(*args, **kwargs)
        operation = guard.contained("urlopen", _begin_request, args, kwargs)
        if operation is None:
            return original(*args, **kwargs)
        token = current.set(operation)
        try:
            response = original(*args, **kwargs)
        except BaseException as error:
            current.reset(token)
            guard.contained("urlopen", _end_request, operation, None, error)
            raise
        current.reset(token)
        guard.contained("urlopen", _end_request, operation, response, None)
        return response

    return urlopen


def _begin_request(args: tuple[Any, ...], kwargs: dict[str, Any]) -> Operation:
    pool = args[0]
    record = pools.get(pool)
    if record is None:
        record = register_pool(pool)
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
    operation.span = context.span_ids(context.active_span())
    operation.method = str(args[1] if len(args) > 1 else kwargs.get("method", ""))
    operation.path = path_of(args[2] if len(args) > 2 else kwargs.get("url", ""))
    headers = args[4] if len(args) > 4 else kwargs.get("headers")
    if headers is None:
        headers = getattr(pool, "headers", None)
    operation.sends_close = asks_to_close(headers)
    return operation


def path_of(url: object) -> str:
    """The path of a URL or request target; query, fragment and userinfo are left out."""
    target = url if isinstance(url, str) else ""
    target = target.partition("?")[0].partition("#")[0]
    if "://" in target:
        target = "/" + target.partition("://")[2].partition("/")[2]
    return target


def asks_to_close(headers: Any) -> bool:
    """True when the program's headers hold `Connection: close`."""
    if not headers:
        return False
    for name in ("Connection", "connection"):
        if name in headers:
            return "close" in str(headers[name]).lower()
    return False


def _end_superseded(operation: Operation) -> None:
    error, status = operation.error, 0
    frame = _caller_urlopen(sys._getframe(3))
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
    if operation.ended:
        return
    _note_end(operation, _status_of(response), error_type(error))


def _status_of(response: object) -> int:
    """A response that never began says "UNKNOWN"."""
    status = getattr(response, "status", 0)
    return status if isinstance(status, int) else 0


def _note_end(operation: Operation, status: int, error: str) -> None:
    operation.ended = True
    if operation.started:
        recording.send(notes.request_end(operation.identity, status, error, operation.connection))
    if operation.their_span is not None and recording.active is not None:
        recording.active.their_spans.pop(operation.identity, None)


def build_get_conn(original: Callable[..., Any]) -> Callable[..., Any]:
    """What the pool handed out, and in which state."""

    def _get_conn(*args: Any, **kwargs: Any) -> Any:
        if recording.active is None or context.is_suppressed():
            return original(*args, **kwargs)
        _probe.set(None)
        before = guard.contained("_get_conn", _before_get, args[0])
        try:
            connection = original(*args, **kwargs)
        except BaseException:
            if before is not None:
                guard.contained("_get_conn", _note_failed_checkout, before)
            raise
        if before is not None:
            guard.contained("_get_conn", _note_checkout, before, args[0], connection)
        return connection

    return _get_conn


class BeforeGet:
    """The pool just before it is asked for a connection.

    It stands among the pool's leases until the connection itself does: a thread that is between
    the two has taken a slot already, and another one must not take the pool for idle.
    """

    __slots__ = (
        "block",
        "in_use",
        "maxsize",
        "operation",
        "queue_size",
        "record",
        "request",
        "started_ns",
    )

    def __init__(self, pool: Any, record: PoolRecord, operation: Operation | None) -> None:
        self.record = record
        self.operation = operation
        self.request = operation.identity if operation is not None else 0
        queue = pool.pool
        self.queue_size = len(queue.queue) if queue is not None else 0
        self.maxsize = queue.maxsize if queue is not None else 0
        self.block = pool.block
        self.in_use = len(record.leases)
        record.leases.add(self)
        self.started_ns = monotonic_ns()

    def leased(self, connection: ConnectionRecord) -> None:
        """The pool handed out this connection; others may have come meanwhile."""
        leases = self.record.leases
        leases.add(connection)
        leases.discard(self)
        self.in_use = max(self.in_use, len(leases) - 1)

    def waited_ns(self, now: int) -> int:
        """How long the pool made the request wait; the interpreter's own delays are not its."""
        waited = now - self.started_ns
        if self.block and (not self.queue_size or waited > _CERTAIN_WAIT_NS):
            return waited
        return 0


def _before_get(pool: Any) -> BeforeGet:
    record = pools.get(pool) or register_pool(pool)
    operation = current.get()
    if operation is not None and (operation.kind != REQUEST or operation.pool is not record):
        operation = None
    before = BeforeGet(pool, record, operation)
    if operation is not None and pool.block and not before.queue_size:
        # It may wait for long: the request is to be seen meanwhile.
        _note_request_start(operation, record)
        guard.contained("drain", recording.active.outbox.drain)  # type: ignore[union-attr]
    return before


def _note_request_start(operation: Operation, pool: PoolRecord) -> None:
    if operation.started:
        return
    operation.started = True
    recording.note(
        notes.request_start(
            operation.started_ns,
            operation.identity,
            pool.identity,
            operation.method,
            operation.path,
            operation.sends_close,
            operation.previous,
            operation.call,
            operation.span,
        )
    )


def _their_span(operation: Operation) -> tuple[str, str] | None:
    """Ids of the request span that another instrumentation makes, and the span for later."""
    span = context.active_span()
    if not context.is_http_client_span(span):
        return None
    operation.their_span = span
    return context.span_ids(span)


def _note_checkout(before: BeforeGet, pool: Any, connection: Any) -> None:
    record = connections.get(connection)
    if record is None:
        record = ConnectionRecord(before.record)
        connections.add(connection, record)
    record.pool = before.record
    probe, operation = _probe.get(), before.operation
    before.leased(record)
    record.lease = operation
    reused = probe is not None and probe.record is record and probe.found == "live"
    their_span = None
    if operation is not None:
        operation.subject = record
        operation.connection = record.connection if reused else 0
        record.sends_close = operation.sends_close
        if reused and _is_congested():
            return
        their_span = _their_span(operation)
        _note_request_start(operation, before.record)
    if reused:
        _note_reuse(before, record, their_span)
    else:
        _note_need(before, pool, probe, their_span)
    if operation is not None and operation.their_span is not None:
        _describe_on_their_span(operation, reused)


def _note_reuse(
    before: BeforeGet, record: ConnectionRecord, their_span: tuple[str, str] | None
) -> None:
    now = monotonic_ns()
    recording.send(
        notes.checkout_reused(
            before.request,
            before.record.identity,
            record.connection,
            their_span,
            before.waited_ns(now),
            now - record.put_ns if record.put_ns >= 0 else -1,
            before.in_use,
            before.queue_size,
            before.maxsize,
        )
    )


def _is_congested() -> bool:
    active = recording.active
    if active is None or not active.outbox.still_congested():
        return False
    active.outbox.dropped_requests += 1
    return True


def _describe_on_their_span(operation: Operation, reused: bool) -> None:
    active = recording.active
    span: Any = operation.their_span
    if active is None or span is None:
        return
    if active.in_process:
        active.their_spans[operation.identity] = span
    span.set_attribute("conntrace.connection.reused", reused)
    if reused:
        span.set_attribute(
            "conntrace.connection.id", f"{active.process[:8]}-{operation.connection}"
        )


def _note_need(
    before: BeforeGet, pool: Any, probe: Probe | None, their_span: tuple[str, str] | None
) -> None:
    """Nothing live was handed out: a set-up will follow."""
    facts, popped, idle_ns = kernel.NOTHING, 0, -1
    now = monotonic_ns()
    if probe is not None:
        # 1.26 replaces a dropped tunnelled connection by another object: the probe's one counts.
        popped, outcome, facts = probe.record.previous, probe.found, probe.facts
        idle_ns = now - probe.record.put_ns if probe.record.put_ns >= 0 else -1
    else:
        all_out = not before.queue_size or before.in_use >= before.maxsize
        outcome = "empty" if all_out else "placeholder"
    recording.send(
        notes.checkout(
            before.request,
            before.record.identity,
            outcome,
            popped,
            their_span,
            before.waited_ns(now),
            idle_ns,
            before.in_use,
            idle_connections(pool),
            before.queue_size,
            before.maxsize,
            before.record.scheme == "https",
            facts,
        )
    )


def _note_failed_checkout(before: BeforeGet) -> None:
    before.record.leases.discard(before)
    operation = before.operation
    if operation is None:
        return
    _note_request_start(operation, before.record)
    recording.send(
        notes.checkout(
            operation.identity, before.record.identity, "failed", 0, _their_span(operation),
            monotonic_ns() - before.started_ns, -1, before.in_use, 0,
            before.queue_size, before.maxsize, False, kernel.NOTHING,
        )
    )  # fmt: skip


def build_is_connection_dropped(original: Callable[..., Any]) -> Callable[..., Any]:
    """urllib3's verdict on a pooled connection, and the kernel's, before the socket is closed."""

    def is_connection_dropped(*args: Any, **kwargs: Any) -> Any:
        dropped = original(*args, **kwargs)
        if recording.active is not None:
            guard.contained(
                "is_connection_dropped", _note_probe, args[0] if args else None, dropped
            )
        return dropped

    return is_connection_dropped


def _note_probe(connection: Any, dropped: object) -> None:
    record = connections.get(connection)
    if record is None:
        record = ConnectionRecord(None)
        connections.add(connection, record)
    sock = getattr(connection, "sock", None)
    if not dropped:
        if not record.open:
            # Connected before the agent came, or by a class of the program's own.
            record.connection = record.previous = context.ids.next()
            record.open = True
        _probe.set(Probe(record, "live", kernel.NOTHING))
    elif sock is None:
        _probe.set(Probe(record, "closed", kernel.NOTHING))
    else:
        tls = hasattr(sock, "do_handshake")
        _probe.set(Probe(record, "dropped", kernel.tcp_facts(sock, tls=tls, pending=True)))


def build_put_conn(original: Callable[..., Any]) -> Callable[..., Any]:
    """A connection comes back, or an empty slot in its place."""

    def _put_conn(*args: Any, **kwargs: Any) -> Any:
        if recording.active is None:
            return original(*args, **kwargs)
        lease = guard.contained("_put_conn", _before_put, args, kwargs)
        result = original(*args, **kwargs)
        if lease is not None:
            guard.contained("_put_conn", _note_put, *lease)
        return result

    return _put_conn


def _before_put(
    args: tuple[Any, ...], kwargs: dict[str, Any]
) -> tuple[PoolRecord, ConnectionRecord | None, Operation | None, bool] | None:
    pool = pools.get(args[0])
    if pool is None:
        return None
    connection = args[1] if len(args) > 1 else kwargs.get("conn")
    operation = current.get()
    if connection is None:
        return pool, None, operation, False
    record = connections.get(connection)
    if record is None:
        return None
    lease, record.lease = record.lease, None
    pool.leases.discard(record)
    record.put_ns = monotonic_ns()
    record.put_result = "stored"
    response = getattr(connection, "_HTTPConnection__response", None)
    unread = response is not None and getattr(response, "fp", None) is not None
    return pool, record, lease, unread


def _note_put(
    pool: PoolRecord, record: ConnectionRecord | None, lease: Operation | None, unread: bool
) -> None:
    if record is None:
        if lease is not None and lease.kind == REQUEST and lease.pool is pool:
            _end_failed_lease(pool, lease)
        return
    if lease is not None and not lease.started:
        return
    request = lease.identity if lease is not None else 0
    recording.note(
        notes.lease_end(record.connection, pool.identity, request, record.put_result, unread)
    )


def _end_failed_lease(pool: PoolRecord, lease: Operation) -> None:
    """urllib3 closed the connection of a failed attempt and put an empty slot back."""
    record = lease.subject
    if isinstance(record, ConnectionRecord):
        pool.leases.discard(record)
        record.lease = None
    if lease.started:
        recording.note(
            notes.lease_end(lease.connection, pool.identity, lease.identity, "error", False)
        )


HOOKS = (
    Hook("urllib3.connectionpool", "HTTPConnectionPool.urlopen", build=build_urlopen),
    Hook("urllib3.connectionpool", "HTTPConnectionPool._get_conn", build=build_get_conn),
    Hook("urllib3.connectionpool", "HTTPConnectionPool._put_conn", build=build_put_conn),
    Hook("urllib3.connectionpool", "is_connection_dropped", build=build_is_connection_dropped),
)
