"""What is known of one process: its clients, pools, requests and connections.

Pure state: events go in, records come out; no clock, no I/O. Every table has a ceiling and counts
what it had to forget.
"""

from __future__ import annotations

from dataclasses import replace

from conntrace.analyzer.freezes import Freezes
from conntrace.analyzer.ledger_connections import ConnectionLedger
from conntrace.analyzer.ledger_records import Client, Connection, Pool
from conntrace.events import Hello
from conntrace.events_lambda import Restored


class Ledger(ConnectionLedger):
    """The whole book of one process."""

    def __init__(self, freezes: Freezes | None = None) -> None:
        super().__init__(freezes or Freezes())
        self.past_init = False
        """An invocation goes on, and what it connects to could have been connected to before."""
        self.late = False
        self.forked = False

    def hello(self, event: Hello, parent: Ledger | None) -> None:
        """The process said who it is. `parent` is the ledger of the one it was forked from."""
        self.late = event.late
        if event.forked_from:
            self.forked = True
            self.first_own_id = event.first_id
            if parent is not None:
                self._inherit(parent, event.time_ns)

    def restored(self, event: Restored) -> None:
        """The process woke up from a snapshot: no fork, but nothing before it is connected."""
        self.first_own_id = 0
        for client in self.clients.values():
            client.inherited = False
        for pool in self.pools.values():
            pool.inherited = False
        for connection in self.connections.values():
            connection.inherited = False
            connection.restored_ns = connection.restored_ns or event.time_ns

    @property
    def forgotten(self) -> int:
        """Records that had to make room."""
        return (
            self.clients.evicted
            + self.pools.evicted
            + self.connections.evicted
            + self.destinations_forgotten
        )

    def _inherit(self, parent: Ledger, forked_ns: int) -> None:
        """Copy what the parent had at the moment of the fork; it goes its own way since."""
        for client in parent.clients.values():
            if client.id < self.first_own_id:
                self.clients.put(client.id, _client_at(client, forked_ns))
        for pool in parent.pools.values():
            if pool.id < self.first_own_id:
                self.pools.put(pool.id, _pool_at(pool, forked_ns))
        for connection in parent.connections.values():
            if connection.id < self.first_own_id:
                self.connections.put(connection.id, _connection_at(connection, forked_ns))


def _at(time_ns: int, forked_ns: int) -> int:
    """A time as it was at the fork: what came later has not happened in the child."""
    return time_ns if time_ns <= forked_ns else 0


def _client_at(client: Client, forked_ns: int) -> Client:
    return replace(
        client,
        inherited=True,
        closed_ns=_at(client.closed_ns, forked_ns),
        gone_ns=_at(client.gone_ns, forked_ns),
        last_used_ns=_at(client.last_used_ns, forked_ns),
        pools={origin: pools.copy() for origin, pools in client.pools.items()},
        keys=set(client.keys),
        connected_hosts=set(client.connected_hosts),
    )


def _pool_at(pool: Pool, forked_ns: int) -> Pool:
    eviction = pool.eviction
    return replace(
        pool,
        inherited=True,
        closed_ns=_at(pool.closed_ns, forked_ns),
        gone_ns=_at(pool.gone_ns, forked_ns),
        eviction=eviction if eviction is not None and eviction.time_ns <= forked_ns else None,
        failures={
            key: replace(failure)
            for key, failure in pool.failures.items()
            if failure.time_ns <= forked_ns
        },
        lost_slots=pool.lost_slots.copy(),
        connections=pool.connections.copy(),
    )


def _connection_at(connection: Connection, forked_ns: int) -> Connection:
    if connection.closed_ns <= forked_ns:
        return replace(connection, inherited=True)
    return replace(
        connection, inherited=True, closed_ns=0, close=None, ending=None, close_span=None
    )
