"""What the traced side remembers of HTTP connection objects and pools while they live."""

from __future__ import annotations

from conntrace.traced import notes, notes_connections, recording
from conntrace.traced.call_sites import NOWHERE, CallSite
from conntrace.traced.context import NO_PLACE, Operation, place
from conntrace.traced.kernel import NOTHING, TcpFacts
from conntrace.traced.registry import Registry

NO_RESPONSE = (0, False, False, False)


class PoolRecord:
    """A connection pool: its id and who has its connections now."""

    __slots__ = ("host", "identity", "leases", "manager", "port", "scheme")

    def __init__(self, identity: int, manager: int, origin: tuple[str, str, int]) -> None:
        self.identity = identity
        self.manager = manager
        self.scheme, self.host, self.port = origin
        # Connections in use, and requests about to get one; adding and discarding are atomic.
        self.leases: set[object] = set()


class ConnectionRecord:
    """An `HTTPConnection` object, which may hold several connections one after another."""

    __slots__ = (
        "connection",
        "lease",
        "open",
        "pool",
        "previous",
        "put_ns",
        "put_result",
        "sends_close",
    )

    def __init__(self, pool: PoolRecord | None) -> None:
        self.pool = pool
        self.connection = 0
        self.previous = 0
        self.open = False
        self.lease: Operation | None = None
        self.put_ns = -1
        self.put_result = ""
        self.sends_close = False


class ManagerRecord:
    """A pool manager."""

    __slots__ = ("identity", "num_pools")

    def __init__(self, identity: int, num_pools: int) -> None:
        self.identity = identity
        self.num_pools = num_pools


def _manager_gone(record: ManagerRecord) -> None:
    recording.note(notes.manager_gone(record.identity))


def _pool_gone(record: PoolRecord) -> None:
    recording.note(notes.pool_gone(record.identity))


def _connection_gone(record: ConnectionRecord) -> None:
    """A collected connection object: a lease that never ended, a socket that nobody closed."""
    pool, lease = record.pool, record.lease
    if record.open:
        recording.note(
            notes_connections.close(
                record.connection,
                "collected",
                "",
                0,
                NO_RESPONSE,
                False,
                NOTHING,
                lease.site if lease is not None else NOWHERE,
                NO_PLACE,
            )
        )
    if lease is not None and pool is not None:
        pool.leases.discard(record)
        recording.note(
            notes_connections.lease_end(
                record.connection, pool.identity, lease.identity, "collected", False
            )
        )


managers: Registry[ManagerRecord] = Registry(_manager_gone)
# A manager is also found by its container of pools, which is all that the eviction hook sees.
containers: Registry[ManagerRecord] = Registry(lambda record: None)
pools: Registry[PoolRecord] = Registry(_pool_gone)
connections: Registry[ConnectionRecord] = Registry(_connection_gone)


def forget_all() -> None:
    """Drop every record: the recorder stops."""
    for registry in (managers, containers, pools, connections):
        registry.clear()


def connection_closed(
    record: ConnectionRecord,
    by: str,
    error: str,
    request: int,
    response: tuple[int, bool, bool, bool],
    request_close: bool,
    tcp: TcpFacts,
    site: CallSite,
    response_begun: bool = False,
    rest_bytes: int = -1,
    *,
    goes_along: bool = False,
) -> None:
    """Note that a known connection's socket is closed on this side.

    `goes_along`: something that is sent follows at once.
    """
    record.open = False
    written = notes_connections.close(
        record.connection,
        by,
        error,
        request,
        response,
        request_close,
        tcp,
        site,
        place(),
        response_begun,
        rest_bytes,
    )
    if goes_along:
        recording.note(written)
    else:
        recording.send(written)
