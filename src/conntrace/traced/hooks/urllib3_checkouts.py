"""urllib3's `_get_conn`: what a pool hands out, and in which state."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from conntrace.traced import context, guard, kernel, notes, notes_connections, recording
from conntrace.traced.connections import ConnectionRecord, PoolRecord, connections, pools
from conntrace.traced.context import REQUEST, Operation, current
from conntrace.traced.hooks.base import Hook
from conntrace.traced.hooks.urllib3_pools import idle_connections, register_pool
from conntrace.traced.hooks.urllib3_probes import Probe, last_probe
from conntrace.traced.originals import monotonic_ns
from conntrace.traced.registry import identity_of

# No thread that only waits for the interpreter waits this long.
_CERTAIN_WAIT_NS = 100_000_000


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
        leases = record.leases
        self.in_use = len(leases)
        leases.add(self)
        self.started_ns = monotonic_ns()

    def leased(self, connection: ConnectionRecord) -> None:
        """The pool handed out this connection; others may have come meanwhile."""
        leases = self.record.leases
        leases.add(connection)
        leases.discard(self)
        others = len(leases) - 1
        if others > self.in_use:
            self.in_use = others

    def waited_ns(self, now: int) -> int:
        """How long the pool made the request wait; the interpreter's own delays are not its."""
        waited = now - self.started_ns
        if self.block and (not self.queue_size or waited > _CERTAIN_WAIT_NS):
            return waited
        return 0


def build_get_conn(original: Callable[..., Any]) -> Callable[..., Any]:
    """What the pool handed out, and in which state."""

    def _get_conn(*args: Any, **kwargs: Any) -> Any:
        if recording.active is None or "_get_conn" in guard.switched_off:
            return original(*args, **kwargs)
        began_ns = monotonic_ns()
        try:
            before = _before_get(args[0])
        except Exception as error:
            guard.failed("_get_conn", error)
            before = None
        recording.spent_ns += monotonic_ns() - began_ns
        if before is None:
            return original(*args, **kwargs)
        try:
            connection = original(*args, **kwargs)
        except BaseException:
            guard.contained("_get_conn", _note_failed_checkout, before)
            raise
        began_ns = monotonic_ns()
        try:
            _note_checkout(before, args[0], connection)
        except Exception as error:
            guard.failed("_get_conn", error)
        recording.spent_ns += monotonic_ns() - began_ns
        try:
            return connection
        finally:
            # As in `urlopen`: whoever keeps this frame must not keep the connection.
            del connection, args, kwargs

    return _get_conn


def _before_get(pool: Any) -> BeforeGet | None:
    record = pools.at(identity_of(pool))
    operation = current.get()
    if operation is None or operation.kind != REQUEST or operation.pool is not record:
        operation = None
        if context.is_suppressed():
            return None
    last_probe.set(None)
    before = BeforeGet(pool, record or register_pool(pool), operation)
    if operation is not None and before.block and not before.queue_size:
        # It may wait for long: the request is to be seen meanwhile.
        _note_request_start(operation, before.record)
        recording.drain()
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
            operation.large_body,
        )
    )


def _their_span(operation: Operation) -> tuple[str, str] | None:
    """Ids of the request span that another instrumentation makes, and the span for later."""
    span = context.active_span()
    if span is None or not context.is_http_client_span(span):
        return None
    operation.their_span = span
    return context.span_ids(span)


def _note_checkout(before: BeforeGet, pool: Any, connection: Any) -> None:
    record = connections.at(identity_of(connection))
    if record is None:
        record = ConnectionRecord(before.record)
        connections.add(connection, record)
    record.pool = before.record
    before.leased(record)
    probe, operation = last_probe.get(), before.operation
    record.lease = operation
    reused = probe is not None and probe.record is record and probe.found == "live"
    their_span = None
    if operation is not None:
        operation.subject = record
        operation.connection = record.connection if reused else 0
        record.sends_close = operation.sends_close
        if reused and recording.is_congested():
            return
        their_span = _their_span(operation)
        _note_request_start(operation, before.record)
    if reused:
        _note_reuse(before, record, their_span)
    else:
        _note_need(before, pool, probe, their_span)
    if their_span is not None and operation is not None:
        _describe_on_their_span(operation, reused)


def _note_reuse(
    before: BeforeGet, record: ConnectionRecord, their_span: tuple[str, str] | None
) -> None:
    now = monotonic_ns()
    recording.send(
        notes_connections.checkout_reused(
            before.request,
            before.record.identity,
            record.connection,
            their_span,
            before.waited_ns(now) if before.block else 0,
            now - record.put_ns if record.put_ns >= 0 else -1,
            before.in_use,
            before.queue_size,
            before.maxsize,
        )
    )


def _describe_on_their_span(operation: Operation, reused: bool) -> None:
    active = recording.active
    span: Any = operation.their_span
    if active is None or span is None:
        return
    if active.in_process:
        active.their_spans[operation.identity] = span
    span.set_attribute("conntrace.connection.reused", reused)
    if reused:
        active.name_connection_on(span, operation.connection)


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
    # Not sent yet: the set-up's first step follows at once and takes it along.
    recording.note(
        notes_connections.checkout(
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
        notes_connections.checkout(
            operation.identity, before.record.identity, "failed", 0, _their_span(operation),
            monotonic_ns() - before.started_ns, -1, before.in_use, 0,
            before.queue_size, before.maxsize, False, kernel.NOTHING,
        )
    )  # fmt: skip


HOOKS = (Hook("urllib3.connectionpool", "HTTPConnectionPool._get_conn", build=build_get_conn),)
