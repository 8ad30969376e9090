"""What a pool has lost: attempts that left an empty slot, and leases that never came back."""

from __future__ import annotations

from conntrace.analyzer.ledger_records import FAILURES_PER_POOL, Failure, LostSlot, Pool


def failure_in(pool: Pool, request: int, connection: int, time_ns: int) -> Failure:
    """The failure of this request (or of this connection, outside a request) in its pool."""
    key = request or connection
    failure = pool.failures.get(key)
    if failure is None:
        failure = pool.failures[key] = Failure(request, connection, time_ns=time_ns)
        if len(pool.failures) > FAILURES_PER_POOL:
            del pool.failures[next(iter(pool.failures))]
    failure.connection = connection or failure.connection
    return failure


def lose_slot(pool: Pool, connection: int, how: str, unread: bool, time_ns: int) -> LostSlot:
    """Note that a connection never comes back to its pool; the same one once."""
    for known in pool.lost_slots:
        if known.connection == connection:
            return known
    lost = LostSlot(connection, how, unread, time_ns, counted=True)
    pool.lost_slots.append(lost)
    return lost


def keep_slot(pool: Pool, connection: int) -> None:
    """A connection whose response was closed early came back after all, closed: the next check-out
    finds it so, and no slot is missing."""
    for known in pool.lost_slots:
        if known.connection == connection:
            pool.lost_slots.remove(known)
            return
