"""What the ledger keeps: clients, pools, connections and failures of one process.

Times are CLOCK_MONOTONIC in nanoseconds; 0 means "has not happened".
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field
from typing import NamedTuple

from conntrace.events import Checkout, Close

CONNECTIONS_PER_POOL = 32
FAILURES_PER_POOL = 64
POOLS_PER_ORIGIN = 8
ORIGINS_PER_CLIENT = 256
HOSTS_PER_CLIENT = 1024
CLIENTS_PER_ORIGIN = 32


class Origin(NamedTuple):
    """A destination, as pools tell destinations apart."""

    scheme: str
    host: str
    port: int
    proxy: str


class SpanReference(NamedTuple):
    """Where a link points to."""

    trace_id: str
    span_id: str


class Ending(NamedTuple):
    """How and by whom a connection was ended.

    `reason` is a cause id where one exists, else an entry of `catalogue.CLOSE_REASONS`.
    `idle_limit_s` is the server's own limit when the kernel told it, else -1.
    """

    reason: str
    initiator: str
    proved: bool
    idle_limit_s: float
    evidence: tuple[str, ...]


@dataclass(slots=True)
class Client:
    """Whoever keeps connections for the program: a pool manager, a pool of its own, or a bare
    `http.client` object. Its id is the id of the manager, pool or first connection."""

    id: int
    owner: str = ""
    purpose: str = "app"
    one_shot: str = ""
    num_pools: int = 0
    site: str = ""
    made_ns: int = 0
    closed_ns: int = 0
    closed_site: str = ""
    gone_ns: int = 0
    last_used_ns: int = 0
    inherited: bool = False
    late: bool = False
    bare: bool = False
    pools: dict[Origin, deque[int]] = field(default_factory=dict)
    keys: set[str] = field(default_factory=set)
    connected_hosts: set[str] = field(default_factory=set)

    @property
    def is_over(self) -> bool:
        """Closed and not used since, or collected."""
        return bool(self.gone_ns) or self.closed_ns > self.last_used_ns

    def add_pool(self, origin: Origin, pool: int, key: str) -> None:
        """Remember a pool of this client; bounded."""
        if origin not in self.pools and len(self.pools) >= ORIGINS_PER_CLIENT:
            del self.pools[next(iter(self.pools))]
        self.pools.setdefault(origin, deque(maxlen=POOLS_PER_ORIGIN)).append(pool)
        if len(self.keys) < ORIGINS_PER_CLIENT:
            self.keys.add(key or str(pool))

    def add_host(self, host: str) -> None:
        """Remember a host that this client is connected to; bounded."""
        if len(self.connected_hosts) < HOSTS_PER_CLIENT:
            self.connected_hosts.add(host)


@dataclass(slots=True)
class Failure:
    """An attempt that failed and left an empty slot in its pool."""

    request: int
    connection: int
    error: str = ""
    phase: str = "request"
    time_ns: int = 0
    reused: bool = False
    idle_ns: int = -1
    frozen_ns: int = 0
    taken: bool = False
    close: Close | None = None
    after_ns: int = -1
    """From the check-out to the clean-up; -1 unknown."""
    setup_ns: int = -1
    """How long the connection took to be made: more than one round trip."""
    probed_after_s: int = -1
    """Idle seconds until keep-alive probes began on the connection; -1 none."""

    lent_unread: bool = False
    """The connection was handed out with the response before still unread."""

    @property
    def waited_ns(self) -> int:
        """From the connection in hand to the clean-up: the time to answer in; -1 unknown."""
        made_ns = 0 if self.reused else max(0, self.setup_ns)
        return max(0, self.after_ns - made_ns) if self.after_ns >= 0 else -1

    def describe(self, connection: Connection) -> None:
        """Note what the connection was like that failed."""
        self.lent_unread = connection.lent_unread
        self.reused = connection.requests > 1
        self.idle_ns = connection.idle_before_ns
        self.frozen_ns = connection.frozen_ns
        self.probed_after_s = connection.probed_after_s
        if connection.stood_ns and connection.started_ns:
            self.setup_ns = connection.stood_ns - connection.started_ns


@dataclass(slots=True)
class Eviction:
    """A manager threw a pool out to make room for another one."""

    time_ns: int
    evictor: str
    num_pools: int
    connections_lost: int
    span: SpanReference | None = None


@dataclass(slots=True)
class LostSlot:
    """A lease that ended without the connection coming back: the pool has one slot less.

    `counted` says that the pool's own count of connections in use still holds it. Each explains one
    missing connection: `taken`.
    """

    connection: int
    how: str
    unread: bool
    time_ns: int
    counted: bool = False
    taken: bool = False
    site: str = ""
    rest_bytes: int = -1
    """Of the body, not read when the program closed the response; -1 unknown."""


@dataclass(slots=True)
class Pool:
    """A connection pool for one destination."""

    id: int
    client: int
    origin: Origin
    maxsize: int = 0
    block: bool = False
    key: str = ""
    key_difference: tuple[str, ...] = ()
    late: bool = False
    inherited: bool = False
    made_ns: int = 0
    closed_ns: int = 0
    closed_site: str = ""
    gone_ns: int = 0
    setups: int = 0
    discards: int = 0
    eviction: Eviction | None = None
    last_discard: SpanReference | None = None
    failures: dict[int, Failure] = field(default_factory=dict)
    lost_slots: deque[LostSlot] = field(default_factory=lambda: deque(maxlen=FAILURES_PER_POOL))
    connections: deque[int] = field(default_factory=lambda: deque(maxlen=CONNECTIONS_PER_POOL))


@dataclass(slots=True)
class Connection:
    """One connection: a set-up gives it its id and begins its life."""

    id: int
    client: int
    pool: int
    origin: Origin
    started_ns: int = 0
    stood_ns: int = 0
    requests: int = 0
    busy_request: int = 0
    busy_thread: int = 0
    answered_ns: int = 0
    idle_since_ns: int = 0
    closed_ns: int = 0
    inherited: bool = False
    unread: bool = False
    lent_unread: bool = False
    """It was unread when the pool handed the connection out the last time."""
    missing_bytes: int = 0
    """Of the last response: so much less than announced had come when the server ended it."""
    late: bool = False
    asked_to_close: bool = False
    idle_before_ns: int = -1
    frozen_ns: int = 0
    """How much of the idle time before the last check-out the environment was frozen."""
    restored_ns: int = 0
    """When the process woke up from a snapshot that this connection was in."""
    probed_after_s: int = -1
    close: Close | None = None
    dropped: Checkout | None = None
    ending: Ending | None = None
    setup_span: SpanReference | None = None
    close_span: SpanReference | None = None

    @property
    def counts_requests(self) -> bool:
        """All its requests were seen: those of a bare http.client object never are."""
        return bool(self.pool) and not self.late

    @property
    def is_idle(self) -> bool:
        """Open, and back in its pool."""
        return bool(self.stood_ns and self.idle_since_ns) and not self.closed_ns

    @property
    def is_open(self) -> bool:
        """It stood once and nobody has closed it, as far as is known."""
        return bool(self.stood_ns) and not self.closed_ns


@dataclass(slots=True)
class Destination:
    """What this process has done with one origin."""

    attempts: int = 0
    stood: int = 0
    failed: int = 0
    idle_limit_s: float = -1.0
    # The last connection of each client, the client used last at the end.
    clients: dict[int, int] = field(default_factory=dict)

    def remember(self, client: int, connection: int) -> None:
        """A connection of the client stands; bounded."""
        self.clients.pop(client, None)
        self.clients[client] = connection
        if len(self.clients) > CLIENTS_PER_ORIGIN:
            del self.clients[next(iter(self.clients))]


@dataclass(slots=True)
class Request:
    """What the ledger knows of one attempt."""

    id: int
    pool: int
    thread: int
    started_ns: int
    previous: int = 0
    resends: int = 0
    sends_close: bool = False
    connection: int = 0
    error: str = ""
    checkout: Checkout | None = None
    span: SpanReference | None = None
