"""urllib3's `_put_conn`: a connection comes back to its pool, or an empty slot in its place."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from conntrace.traced import guard, notes_connections, recording
from conntrace.traced.connections import ConnectionRecord, PoolRecord, connections, pools
from conntrace.traced.context import REQUEST, Operation, current
from conntrace.traced.hooks.base import Hook
from conntrace.traced.originals import monotonic_ns
from conntrace.traced.registry import identity_of

# Of http.client's HTTPConnection: the response that it still has to read, name-mangled.
_RESPONSE = "_HTTPConnection__response"


def build_put_conn(original: Callable[..., Any]) -> Callable[..., Any]:
    """A connection comes back, or an empty slot in its place."""

    def _put_conn(*args: Any, **kwargs: Any) -> Any:
        if recording.active is None or "_put_conn" in guard.switched_off:
            return original(*args, **kwargs)
        began_ns = monotonic_ns()
        try:
            finish = _before_put(args, kwargs)
        except Exception as error:
            guard.failed("_put_conn", error)
            finish = None
        recording.spent_ns += monotonic_ns() - began_ns
        result = original(*args, **kwargs)
        if finish is not None:
            began_ns = monotonic_ns()
            try:
                _note_put(*finish)
            except Exception as error:
                guard.failed("_put_conn", error)
            recording.spent_ns += monotonic_ns() - began_ns
        return result

    return _put_conn


def _before_put(
    args: tuple[Any, ...], kwargs: dict[str, Any]
) -> tuple[PoolRecord, ConnectionRecord, Operation | None, bool, int] | None:
    pool = pools.at(identity_of(args[0]))
    if pool is None:
        return None
    connection = args[1] if len(args) > 1 else kwargs.get("conn")
    if connection is None:
        _end_failed_lease(pool)
        return None
    record = connections.at(identity_of(connection))
    if record is None:
        return None
    lease, record.lease = record.lease, None
    pool.leases.discard(record)
    record.put_ns = monotonic_ns()
    record.put_result = "stored"
    response = getattr(connection, _RESPONSE, None)
    unread = response is not None and getattr(response, "fp", None) is not None
    # Read to the end of the stream, and less than announced: some clients take that for whole.
    missing = 0 if unread else getattr(response, "length", None) or 0
    return pool, record, lease, unread, missing


def _note_put(
    pool: PoolRecord,
    record: ConnectionRecord,
    lease: Operation | None,
    unread: bool,
    missing: int,
) -> None:
    request = 0
    if lease is not None:
        if not lease.started:
            return
        request = lease.identity
    recording.note(
        notes_connections.lease_end(
            record.connection, pool.identity, request, record.put_result, unread, missing
        )
    )


def _end_failed_lease(pool: PoolRecord) -> None:
    """urllib3 closed the connection of a failed attempt and puts an empty slot back."""
    lease = current.get()
    if lease is None or lease.kind != REQUEST or lease.pool is not pool:
        return
    record = lease.subject
    if isinstance(record, ConnectionRecord):
        pool.leases.discard(record)
        record.lease = None
    if lease.started:
        recording.note(
            notes_connections.lease_end(
                lease.connection, pool.identity, lease.identity, "error", False
            )
        )


HOOKS = (Hook("urllib3.connectionpool", "HTTPConnectionPool._put_conn", build=build_put_conn),)
