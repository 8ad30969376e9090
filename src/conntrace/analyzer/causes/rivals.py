"""Other clients that had a connection to the destination of a set-up."""

from __future__ import annotations

from dataclasses import dataclass

from conntrace.analyzer.ledger import Ledger
from conntrace.analyzer.ledger_records import Client, Connection, Origin


@dataclass(slots=True)
class Rival:
    """Another client that had a connection to the same destination."""

    client: Client
    connection: Connection
    was_idle: bool
    was_open: bool
    key: str
    in_use: int
    maxsize: int


def rivals_of(ledger: Ledger, client: Client, origin: Origin) -> list[Rival]:
    """Other clients of the application that had a connection there, the last used first."""
    known = ledger.destinations.get(origin)
    if known is None:
        return []
    found: list[Rival] = []
    for identifier, last in reversed(known.clients.items()):
        other = ledger.clients.get(identifier)
        connection = ledger.connections.get(last)
        if other is None or connection is None or other.id == client.id:
            continue
        if other.purpose == "app":
            found.append(_rival(ledger, other, connection))
    return found


def _rival(ledger: Ledger, client: Client, last: Connection) -> Rival:
    pool = ledger.pools.get(last.pool)
    connections = [last]
    if pool is not None:
        connections += [
            found for found in map(ledger.connections.get, pool.connections) if found is not None
        ]
    idle = next((found for found in connections if found.is_idle), None)
    return Rival(
        client,
        idle or last,
        was_idle=idle is not None,
        was_open=any(found.is_open for found in connections),
        key=pool.key if pool is not None else "",
        in_use=sum(found.is_open and bool(found.busy_request) for found in _each_once(connections)),
        maxsize=pool.maxsize if pool is not None else 0,
    )


def _each_once(connections: list[Connection]) -> list[Connection]:
    """Each connection once, in order."""
    return list({found.id: found for found in connections}.values())


def other_parties(key: str, other: str) -> bool:
    """Whether two pool keys are known to differ in who talks to whom (their first parts)."""
    ours, _, rest = key.partition("-")
    theirs, _, their_rest = other.partition("-")
    return bool(rest and their_rest) and ours != theirs
