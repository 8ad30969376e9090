"""The ledger's book of clients and pools: who was made where, and what became of it."""

from __future__ import annotations

from conntrace.analyzer.ledger_bounded import BoundedTable
from conntrace.analyzer.ledger_records import Client, Destination, Eviction, Origin, Pool
from conntrace.events import (
    ManagerClosed,
    ManagerGone,
    ManagerNew,
    PoolClosed,
    PoolEvicted,
    PoolGone,
    PoolNew,
    SetupStart,
)

MAX_CLIENTS = 2048
MAX_POOLS = 4096
MAX_DESTINATIONS = 4096


def site(file: str, line: int) -> str:
    """`file:line` of a call site, empty when it is not known."""
    return f"{file}:{line}" if file else ""


def authority(host: str, port: int) -> str:
    """`host:port`, with an IPv6 address in brackets; the host alone when there is no port."""
    shown = f"[{host}]" if ":" in host else host
    return f"{shown}:{port}" if port else shown


class ClientLedger:
    """Clients, pools and destinations of one process, in bounded memory."""

    def __init__(self) -> None:
        self.clients: BoundedTable[Client] = BoundedTable(MAX_CLIENTS)
        self.pools: BoundedTable[Pool] = BoundedTable(MAX_POOLS)
        self.destinations: dict[Origin, Destination] = {}
        self.destinations_forgotten = 0
        self.first_own_id = 0

    def is_inherited(self, identifier: int) -> bool:
        """Whether the id was drawn by the parent, before this process was forked from it."""
        return 0 < identifier < self.first_own_id

    def destination(self, origin: Origin) -> Destination:
        """What is known of an origin; made when it is new, the oldest one forgotten when full."""
        known = self.destinations.get(origin)
        if known is None:
            if len(self.destinations) >= MAX_DESTINATIONS:
                del self.destinations[next(iter(self.destinations))]
                self.destinations_forgotten += 1
            known = self.destinations[origin] = Destination()
        return known

    def manager_new(self, event: ManagerNew) -> None:
        """A pool manager was made."""
        self.clients.put(
            event.manager,
            Client(
                id=event.manager,
                owner=event.owner,
                purpose=event.purpose or "app",
                one_shot=event.one_shot,
                num_pools=event.num_pools,
                site=site(event.site_file, event.site_line),
                made_ns=event.time_ns,
            ),
        )

    def manager_closed(self, event: ManagerClosed) -> None:
        """A pool manager was closed or cleared, and all its pools with it."""
        client = self.clients.get(event.manager)
        if client is None:
            return
        client.closed_ns = event.time_ns
        client.closed_site = site(event.site_file, event.site_line)
        for pools in client.pools.values():
            for identifier in pools:
                self._close_pool(identifier, event.time_ns, client.closed_site)

    def manager_gone(self, event: ManagerGone) -> None:
        """A pool manager was collected."""
        client = self.clients.get(event.manager)
        if client is not None:
            client.gone_ns = event.time_ns

    def pool_new(self, event: PoolNew) -> Pool:
        """A pool was made, or first seen. A pool without a manager is a client of its own."""
        origin = Origin(event.scheme, event.host, event.port, event.proxy)
        client = self._client_of_pool(event)
        pool = Pool(
            id=event.pool,
            client=client.id,
            origin=origin,
            maxsize=event.maxsize,
            block=event.block,
            key=event.key,
            key_difference=event.key_difference,
            late=event.late,
            inherited=self.is_inherited(event.pool),
            made_ns=event.time_ns,
        )
        if event.num_pools:
            client.num_pools = event.num_pools
        self.pools.put(pool.id, pool)
        client.add_pool(origin, pool.id, event.key)
        return pool

    def _client_of_pool(self, event: PoolNew) -> Client:
        identifier = event.manager or event.pool
        client = self.clients.get(identifier)
        if client is None:
            client = Client(
                id=identifier,
                owner=event.owner or "urllib3",
                one_shot=event.one_shot,
                num_pools=event.num_pools,
                site=site(event.site_file, event.site_line),
                made_ns=event.time_ns,
                late=event.late,
                inherited=self.is_inherited(identifier),
            )
            self.clients.put(identifier, client)
        return client

    def pool_evicted(self, event: PoolEvicted) -> Pool | None:
        """A manager dropped its least recently used pool; returns the victim."""
        victim = self.pools.get(event.pool)
        if victim is not None:
            victim.eviction = Eviction(
                event.time_ns,
                authority(event.evictor_host, event.evictor_port),
                event.num_pools,
                event.connections_lost,
            )
        return victim

    def pool_closed(self, event: PoolClosed) -> None:
        """A pool was closed by a call. One without a manager ends its client with it."""
        where = site(event.site_file, event.site_line)
        self._close_pool(event.pool, event.time_ns, where)
        client = self.clients.get(event.pool)
        if client is not None:
            client.closed_ns = event.time_ns
            client.closed_site = where

    def _close_pool(self, identifier: int, time_ns: int, where: str) -> None:
        pool = self.pools.get(identifier)
        if pool is not None and not pool.closed_ns:
            pool.closed_ns = time_ns
            pool.closed_site = where

    def pool_gone(self, event: PoolGone) -> None:
        """A pool was collected."""
        pool = self.pools.get(event.pool)
        if pool is not None:
            pool.gone_ns = event.time_ns
        client = self.clients.get(event.pool)
        if client is not None:
            client.gone_ns = event.time_ns

    def use_pool(self, identifier: int, time_ns: int) -> Pool | None:
        """Note that a pool and its client are in use now."""
        pool = self.pools.get(identifier)
        if pool is not None:
            client = self.clients.get(pool.client)
            if client is not None:
                client.last_used_ns = time_ns
        return pool

    def pool_of_setup(self, event: SetupStart) -> Pool | None:
        """The pool a set-up belongs to; made up from the set-up when it was never announced."""
        if not event.pool:
            return None
        pool = self.pools.get(event.pool)
        if pool is not None:
            return pool
        return self.pool_new(
            PoolNew(
                time_ns=event.time_ns,
                thread=event.thread,
                pool=event.pool,
                scheme=event.scheme,
                host=event.host,
                port=event.port,
                proxy=event.proxy,
                owner=event.client,
                one_shot=event.one_shot,
                late=not self.is_inherited(event.pool),
            )
        )
