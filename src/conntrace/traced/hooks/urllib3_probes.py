"""urllib3's `is_connection_dropped`: whether what a pool holds is still alive.

`_get_conn` asks it of what it takes from the queue, just before it hands that out.
"""

from __future__ import annotations

from collections.abc import Callable
from contextvars import ContextVar
from typing import Any, NamedTuple

from conntrace.traced import context, guard, kernel, recording
from conntrace.traced.connections import ConnectionRecord, connections
from conntrace.traced.hooks.base import Hook
from conntrace.traced.originals import monotonic_ns
from conntrace.traced.registry import identity_of


class Probe(NamedTuple):
    """What `is_connection_dropped` found: `live`, `dropped` (readable) or `closed` (no socket)."""

    record: ConnectionRecord
    found: str
    facts: kernel.TcpFacts


# The last one, for the `_get_conn` that asked.
last_probe: ContextVar[Probe | None] = ContextVar("conntrace_probe", default=None)


def build_is_connection_dropped(original: Callable[..., Any]) -> Callable[..., Any]:
    """urllib3's verdict on a pooled connection, and the kernel's, before the socket is closed."""

    def is_connection_dropped(*args: Any, **kwargs: Any) -> Any:
        dropped = original(*args, **kwargs)
        if recording.active is not None and "is_connection_dropped" not in guard.switched_off:
            began_ns = monotonic_ns()
            try:
                _note_probe(args[0], dropped)
            except Exception as error:
                guard.failed("is_connection_dropped", error)
            recording.spent_ns += monotonic_ns() - began_ns
        return dropped

    return is_connection_dropped


def _note_probe(connection: Any, dropped: object) -> None:
    record = connections.at(identity_of(connection))
    if record is None:
        record = ConnectionRecord(None)
        connections.add(connection, record)
    if not dropped:
        if not record.open:
            # Connected before the agent came, or by a class of the program's own.
            record.connection = record.previous = context.ids.next()
            record.open = True
        last_probe.set(Probe(record, "live", kernel.NOTHING))
        return
    sock = getattr(connection, "sock", None)
    if sock is None:
        last_probe.set(Probe(record, "closed", kernel.NOTHING))
    else:
        tls = hasattr(sock, "do_handshake")
        last_probe.set(Probe(record, "dropped", kernel.tcp_facts(sock, tls=tls, pending=True)))


HOOKS = (
    Hook("urllib3.connectionpool", "is_connection_dropped", build=build_is_connection_dropped),
)
