"""What a set-up's cause is decided from, gathered at its start.

Counts are of that moment; the records are the ledger's own, so that what happens until the set-up
ends (an old client is collected) is seen at the decision.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace

from conntrace.analyzer.causes.rivals import Rival, rivals_of
from conntrace.analyzer.ledger import Ledger
from conntrace.analyzer.ledger_records import (
    Client,
    Connection,
    Destination,
    Failure,
    LostSlot,
    Origin,
    Pool,
    SpanReference,
)
from conntrace.events import Checkout, SetupStart


@dataclass(slots=True)
class SetupFacts:
    """Everything known about one set-up when it began."""

    start: SetupStart
    origin: Origin
    connection: Connection
    client: Client
    pool: Pool | None = None
    checkout: Checkout | None = None
    previous: Connection | None = None
    previous_inherited: bool = False
    pool_inherited: bool = False
    inherited_connections: int = 0
    earlier_setups: int = 0
    origin_attempts: int = 0
    origin_stood: int = 0
    origin_failed: int = 0
    idle_limit_s: float = -1.0
    late: bool = False
    previous_request: int = 0
    failure: Failure | None = None
    failure_span: SpanReference | None = None
    held_by_same_thread: int = 0
    in_use: int = 0
    lost_slot: LostSlot | None = None
    lost_slot_span: SpanReference | None = None
    siblings: list[Pool] = field(default_factory=list)
    sibling_connections: list[Connection] = field(default_factory=list)
    rivals: list[Rival] = field(default_factory=list)
    connected_hosts: int = 0
    idle_ns: int = -1
    """How long the connection that is missed was idle; -1 unknown."""
    frozen_ns: int = 0
    """How much of that the sandbox was frozen."""
    restored: Connection | None = None
    """The connection that is missed, when it was in a snapshot that the process woke up from."""
    past_init: bool = False
    """An invocation waits for it, and the initialisation could have made it."""
    end_error: str = ""
    """How the set-up itself ended."""
    answered: bool = False
    """The request that it was made for got a response; known only where somebody waited for it."""

    @property
    def outcome(self) -> str:
        """What the pool handed out; empty when there was no check-out."""
        return self.checkout.outcome if self.checkout is not None else ""


def gather(ledger: Ledger, start: SetupStart) -> SetupFacts:
    """Open the connection's account in the ledger and collect the facts around it."""
    checkout = ledger.checkout_of_setup(start)
    pool = ledger.pool_of_setup(start)
    previous = ledger.connections.get(start.previous)
    before = _destination_before(ledger, start, pool)
    connection = ledger.setup_start(start)
    client = ledger.clients.get(connection.client) or Client(connection.client)
    facts = SetupFacts(
        start,
        connection.origin,
        connection,
        client,
        pool,
        checkout,
        previous,
        previous_inherited=ledger.is_inherited(start.previous),
        pool_inherited=ledger.is_inherited(start.pool),
        origin_attempts=before.attempts,
        origin_stood=before.stood,
        origin_failed=before.failed,
        idle_limit_s=before.idle_limit_s,
        late=ledger.late or client.late or bool(pool is not None and pool.late),
        connected_hosts=len(client.connected_hosts - {connection.origin.host}),
    )
    if pool is not None:
        _look_into_pool(ledger, facts, pool)
    facts.failure = _failure_before(ledger, facts)
    if facts.failure is not None:
        facts.failure_span = _span_of(ledger, facts.failure)
    if pool is not None and facts.checkout is not None:
        _count_leases(facts, pool, facts.checkout)
    if facts.lost_slot is not None:
        lost = ledger.connections.get(facts.lost_slot.connection)
        facts.lost_slot_span = lost.close_span if lost is not None else None
    facts.rivals = rivals_of(ledger, client, facts.origin)
    _look_into_pause(ledger, facts)
    return facts


def _look_into_pause(ledger: Ledger, facts: SetupFacts) -> None:
    """What became of the missed connection while nobody used it."""
    facts.past_init = ledger.past_init
    failure, missed = facts.failure, facts.previous
    if facts.checkout is not None and facts.outcome in ("dropped", "closed"):
        facts.idle_ns = facts.checkout.idle_ns
        facts.frozen_ns = missed.frozen_ns if missed is not None else 0
    elif failure is not None and failure.reused:
        facts.idle_ns, facts.frozen_ns = failure.idle_ns, failure.frozen_ns
        missed = ledger.connections.get(failure.connection)
    if missed is None or not missed.restored_ns:
        return
    if not missed.closed_ns or missed.closed_ns >= missed.restored_ns:
        facts.restored = missed


def _destination_before(ledger: Ledger, start: SetupStart, pool: Pool | None) -> Destination:
    """What was known of the destination; a copy, because this set-up is about to count there."""
    origin = Origin(start.scheme, start.host, start.port, start.proxy)
    known = ledger.destinations.get(pool.origin if pool is not None else origin)
    return replace(known) if known is not None else Destination()


def _look_into_pool(ledger: Ledger, facts: SetupFacts, pool: Pool) -> None:
    others = [
        found
        for found in map(ledger.connections.get, pool.connections)
        if found is not None and found.id != facts.connection.id
    ]
    facts.inherited_connections = sum(found.inherited for found in others)
    facts.earlier_setups = sum(not found.inherited for found in others)
    for found in others:
        if _is_held_by(found, facts.start.thread):
            facts.held_by_same_thread += 1
    for identifier in facts.client.pools.get(pool.origin, ()):
        sibling = ledger.pools.get(identifier)
        if sibling is None or sibling.id == pool.id or not sibling.setups:
            continue
        facts.siblings.append(sibling)
        facts.sibling_connections += [
            found for found in map(ledger.connections.get, sibling.connections) if found is not None
        ]


def _count_leases(facts: SetupFacts, pool: Pool, checkout: Checkout) -> None:
    """The pool counts leases; one whose response was closed or dropped is not in use any more.

    What is missing beyond those in use was lost with such a response, each with one of them.
    """
    counted = sum(lost.counted for lost in pool.lost_slots)
    facts.in_use = max(0, checkout.in_use - counted)
    enough = checkout.maxsize if checkout.outcome == "empty" else 1
    if checkout.outcome not in ("empty", "placeholder") or facts.in_use >= enough:
        return
    waiting = [lost for lost in pool.lost_slots if not lost.taken]
    if waiting and facts.failure is None:
        facts.lost_slot = waiting[-1]
        facts.lost_slot.taken = True


def _is_held_by(connection: Connection, thread: int) -> bool:
    """The thread got a response on it and still has it: it cannot be busy reading there."""
    held = connection.is_open and connection.busy_request and connection.answered_ns
    return bool(held) and connection.busy_thread == thread


def _failure_before(ledger: Ledger, facts: SetupFacts) -> Failure | None:
    """The failed attempt whose place this set-up takes; each is taken once."""
    pool = facts.pool
    if pool is None:
        return None
    request = ledger.requests.get(facts.start.request)
    facts.previous_request = request.previous if request is not None else 0
    failure = None
    # A retry that is given a dead connection replaces that one, not what failed before.
    if facts.previous_request and facts.outcome != "dropped":
        failure = pool.failures.get(facts.previous_request)
    if failure is None and facts.outcome == "closed":
        failed = (found for found in pool.failures.values() if not found.taken)
        failure = next(
            (found for found in failed if found.connection == facts.start.previous), None
        )
    if failure is None and facts.outcome in ("placeholder", ""):
        waiting = [found for found in pool.failures.values() if not found.taken]
        failure = waiting[-1] if waiting else None
    if failure is not None:
        failure.taken = True
    return failure


def _span_of(ledger: Ledger, failure: Failure) -> SpanReference | None:
    connection = ledger.connections.get(failure.connection)
    if connection is not None and not connection.stood_ns and connection.setup_span:
        return connection.setup_span
    request = ledger.requests.get(failure.request)
    return request.span if request is not None else None
