"""Family A, first half: the client has no pool for this destination yet, or lost it."""

from __future__ import annotations

from conntrace.analyzer.causes.cause import Cause, inferred, proved
from conntrace.analyzer.causes.facts import SetupFacts
from conntrace.analyzer.causes.kept import could_serve
from conntrace.analyzer.causes.rivals import other_parties
from conntrace.analyzer.causes.words import at, count, place
from conntrace.analyzer.ledger_records import Client, Connection, Eviction, Origin, Pool
from conntrace.catalogue import CAUSES

_TEMPORARY = frozenset({302, 303, 307})
"""Redirects that may lead elsewhere next time: to an address signed for one download, say."""


def forked_process(facts: SetupFacts) -> Cause | None:
    """The pool or the connection came from the parent, and the child needs its own."""
    first_of_pool = facts.pool_inherited and not facts.earlier_setups
    # A pool that never connected has nothing the child could miss: that is a first use.
    if not facts.previous_inherited and not (first_of_pool and facts.inherited_connections):
        return None
    return proved(
        "forked_process",
        f"the {facts.client.owner or 'client'} was connected to {place(facts.origin)} before the"
        " fork; the child process needs a connection of its own",
        (f"pool and connection were made by the parent process{at(facts.client.site)}",),
        advice=CAUSES["forked_process"].advice,
        lost=facts.previous.close_span if facts.previous is not None else None,
    )


def inherited_in_use(origin: Origin) -> Cause:
    """A request of a child that went out on its parent's own connection: no set-up shows it."""
    return proved(
        "forked_process",
        f"sent over a connection to {place(origin)} that the parent process had opened before the"
        " fork: whichever process reads first gets the answer",
        ("the connection was made by the parent process",),
    )


def pool_evicted_lru(facts: SetupFacts) -> Cause | None:
    """The same client pushed this very pool out to make room."""
    before = _pool_before(facts)
    if before is None or before.eviction is None:
        return None
    return _evicted(facts, before.eviction)


def _pool_before(facts: SetupFacts) -> Pool | None:
    """The client's last pool of the same key; None when this one has been connected itself."""
    if facts.earlier_setups or facts.pool is None:
        return None
    alike = (pool for pool in reversed(facts.siblings) if pool.key == facts.pool.key)
    return next(alike, None)


def _evicted(facts: SetupFacts, eviction: Eviction) -> Cause:
    client = facts.client
    destinations = max(len(client.keys), eviction.num_pools + 1)
    lived = could_serve(facts, facts.sibling_connections)
    detail = (
        f"{eviction.evictor} pushed {place(facts.origin)} out of the"
        f" {count(eviction.num_pools, 'pool')} that the {client.owner or 'client'} keeps; it has"
        f" used {destinations} destinations"
    )
    evidence = (
        f"evicted by {eviction.evictor}",
        f"limit of {eviction.num_pools} pools reached",
        f"{count(eviction.connections_lost, 'idle connection')} lost",
    )
    advice = _eviction_advice(client, destinations) if lived else ""
    return proved("pool_evicted_lru", detail, evidence, advice=advice, lost=eviction.span)


def _eviction_advice(client: Client, destinations: int) -> str:
    if client.owner.startswith(("boto3", "botocore")):
        return (
            "Use fewer hosts per client: several clients, or path-style addresses for S3 buckets;"
            " the limit cannot be set."
        )
    if client.owner.startswith("requests"):
        return f"Mount an HTTPAdapter(pool_connections={destinations}) or more on the session."
    return f"Make the PoolManager with num_pools={destinations} or more."


def pool_closed_explicitly(facts: SetupFacts) -> Cause | None:
    """The program cleared or closed the same client's pool, and uses the client again."""
    before = _pool_before(facts)
    return _closed(facts, before) if before is not None and before.closed_ns else None


def _closed(facts: SetupFacts, pool: Pool) -> Cause:
    lived = could_serve(facts, facts.sibling_connections)
    site = pool.closed_site
    return proved(
        "pool_closed_explicitly",
        f"the program closed the pool for {place(facts.origin)}{at(site)} and used the same client"
        " again",
        (f"closed by a call{at(site)}",),
        advice=f"Do not close the client{at(site)} between uses." if lived else "",
        lost=next(
            (found.close_span for found in facts.sibling_connections if _went_with(found)), None
        ),
    )


def _went_with(connection: Connection) -> bool:
    """Whether it was closed together with its pool, not before."""
    ending = connection.ending
    return ending is not None and ending.reason == "pool_closed_explicitly"


def pool_key_mismatch(facts: SetupFacts) -> Cause | None:
    """The same client has a pool for the same destination, but for other settings."""
    if facts.earlier_setups or facts.pool is None or not facts.pool.key:
        return None
    others = [pool for pool in facts.siblings if pool.key and pool.key != facts.pool.key]
    if not others:
        return None
    fields = ", ".join(facts.pool.key_difference)
    detail = (
        f"the {facts.client.owner or 'client'} has a pool for {place(facts.origin)} already, but"
        f" {f'with another {fields}' if fields else 'for other settings'}"
    )
    evidence = tuple(f"differs in {name}" for name in facts.pool.key_difference)
    if not fields:
        return inferred("pool_key_mismatch", detail, evidence)
    lived = could_serve(facts, facts.sibling_connections)
    apart = all(other_parties(facts.pool.key, pool.key) for pool in others)
    advice = ""
    if lived and not apart:
        advice = f"Pass the same {fields} on every call to {place(facts.origin)}."
    cause = proved("pool_key_mismatch", detail, evidence, advice=advice)
    evicted = all(pool.eviction is not None for pool in others)
    return cause.with_contributing("pool_evicted_lru") if evicted else cause


def redirect_other_origin(facts: SetupFacts) -> Cause | None:
    """A response of another origin sent the client here."""
    sender, status = facts.start.redirect_from, facts.start.redirect_status
    where = place(facts.origin)
    if not sender or sender == where.lower() or facts.earlier_setups or facts.start.previous:
        return None
    return proved(
        "redirect_other_origin",
        f"{sender} answered with a redirect ({status}) to {where}, which needs a connection of its"
        " own",
        (f"status {status} of {sender}",),
        advice="" if status in _TEMPORARY else f"Send the request to {where} from the start.",
    )


def sdk_endpoint_variation(facts: SetupFacts) -> Cause | None:
    """A further host of one SDK client."""
    if facts.origin_attempts or not facts.connected_hosts or facts.client.late:
        return None
    if not facts.client.owner.startswith(("boto3", "botocore")):
        return None
    return proved(
        "sdk_endpoint_variation",
        f"{place(facts.origin)} is host number {facts.connected_hosts + 1} of one"
        f" {facts.client.owner} client",
        (f"the client is connected to {count(facts.connected_hosts, 'other host')}",),
    )


def first_use_of_destination(facts: SetupFacts) -> Cause | None:
    """Nobody in this process had connected there before."""
    if facts.origin_stood or facts.start.previous:
        return None
    where = place(facts.origin)
    if facts.earlier_setups or facts.outcome in ("dropped", "closed", "reused", "empty"):
        return None
    if facts.origin_failed:
        return inferred(
            "replaced_after_error",
            f"earlier attempts to connect to {where} failed; none has stood yet",
            (f"{count(facts.origin_failed, 'failed attempt')} by other clients",),
        )
    if facts.origin_attempts:
        return inferred(
            "first_use_of_destination",
            f"other clients of this process are making their first connection to {where} too",
            (f"{count(facts.origin_attempts, 'attempt')} under way",),
        )
    detail = f"first connection of this process to {where}"
    if facts.late:
        return inferred(
            "first_use_of_destination",
            f"{detail} since the agent came",
            ("the agent came into a running process",),
        )
    evidence = ("no earlier connection is known",)
    return proved("first_use_of_destination", detail, evidence, advice=_earlier(facts))


def _earlier(facts: SetupFacts) -> str:
    """In AWS Lambda the initialisation could have done it, for a client that is kept.

    Where nobody can be reached, it would only fail itself.
    """
    client = facts.client
    if not facts.past_init or client.one_shot or facts.start.one_shot or client.bare:
        return ""
    if facts.end_error:
        return ""
    return (
        f"Make a first request to {place(facts.origin)} at module level, with the"
        f" {client.owner or 'client'} that the handler uses: then the initialisation waits for the"
        " connection, not an invocation."
    )
