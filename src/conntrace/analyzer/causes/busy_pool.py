"""Family B: the pool is known, and had nothing idle to hand out."""

from __future__ import annotations

from conntrace.analyzer.causes.cause import Cause, inferred, proved
from conntrace.analyzer.causes.endings import early_close_advice
from conntrace.analyzer.causes.facts import SetupFacts
from conntrace.analyzer.causes.words import at, count, nanoseconds, place, was_or_were
from conntrace.analyzer.ledger_records import LostSlot
from conntrace.catalogue import CAUSES
from conntrace.events import Checkout

_LOST = {"collected": "lease_leaked_unread", "closed": "client_closed_response_early"}


def busy_pool(facts: SetupFacts) -> Cause | None:
    """What the pool looked like when it handed out nothing."""
    if facts.checkout is None or facts.failure is not None:
        # An attempt that failed and left its slot empty is the reason, not the pool.
        return None
    if facts.checkout.outcome == "empty":
        return _empty(facts, facts.checkout)
    if facts.checkout.outcome == "placeholder":
        return _placeholder(facts, facts.checkout)
    return None


def _empty(facts: SetupFacts, checkout: Checkout) -> Cause | None:
    if checkout.maxsize and facts.in_use >= checkout.maxsize:
        return _overflow(facts, checkout)
    lost = _slot_lost(facts)
    if lost is not None:
        return lost
    if facts.pool is not None and facts.pool.discards:
        return _discarded(facts, checkout)
    if facts.in_use and facts.pool is not None and facts.pool.lost_slots:
        return _grown_without_slots(facts, checkout, facts.pool.lost_slots[-1])
    return None


def _grown_without_slots(facts: SetupFacts, checkout: Checkout, lost: LostSlot) -> Cause:
    """What was lost has been missed before: that more is in use now is what is left."""
    return inferred(
        "pool_growing_concurrency",
        f"{count(facts.in_use, 'connection')} to {place(facts.origin)}"
        f" {was_or_were(facts.in_use)} in use and none idle; of the {checkout.maxsize} that the"
        " pool keeps, responses that never came back have cost it the others",
        (f"{facts.in_use} in use, 0 idle", "the pool's queue was empty"),
        contributing=(_LOST[lost.how],),
    )


def _overflow(facts: SetupFacts, checkout: Checkout) -> Cause:
    discards = facts.pool.discards if facts.pool is not None else 0
    evidence = (
        "the pool's queue was empty",
        f"{facts.in_use} in use, maxsize {checkout.maxsize}",
        f"{discards} discarded as too many before",
    )
    detail = (
        f"{'the' if checkout.maxsize == 1 else 'all'} {count(checkout.maxsize, 'connection')} that"
        f" the pool for {place(facts.origin)} keeps {was_or_were(checkout.maxsize)} in use"
        f" ({facts.in_use} at once)"
    )
    lost = facts.pool.last_discard if facts.pool is not None else None
    contributing = ("discarded_pool_full",) if discards else ()
    name = "pool_overflow_concurrency"
    if facts.held_by_same_thread:
        # A thread that holds an unread response is not concurrency: likely a nested use.
        held = f"{count(facts.held_by_same_thread, 'response')} held open by this same thread"
        return inferred(
            name, f"{detail}; {held}", (*evidence, held), lost=lost, contributing=contributing
        )
    advice = ""
    if discards:
        advice = _overflow_advice(facts.client.owner, checkout.maxsize, facts.in_use + 1)
    return proved(name, detail, evidence, advice=advice, lost=lost, contributing=contributing)


def _overflow_advice(owner: str, maxsize: int, needed: int) -> str:
    """The setting by the name that the owner's library gives it."""
    if owner.startswith(("boto3", "botocore")):
        return (
            f"Give the client botocore's Config(max_pool_connections={needed}) or more: it is"
            f" {maxsize}."
        )
    if owner.startswith("requests"):
        return (
            f"Mount an HTTPAdapter(pool_maxsize={needed}) or more on the session: it is {maxsize};"
            " pool_block=True lets requests wait instead."
        )
    return (
        f"Raise the maxsize of the {owner or 'client'}'s pool from {maxsize} to at least {needed},"
        " or use block=True."
    )


def _discarded(facts: SetupFacts, checkout: Checkout) -> Cause:
    pool = facts.pool
    assert pool is not None
    owner = facts.client.owner or "client"
    return proved(
        "discarded_pool_full",
        f"the {owner}'s pool for {place(facts.origin)} keeps {checkout.maxsize}; it threw"
        f" {count(pool.discards, 'connection')} away when they came back, and has none left now",
        (f"{pool.discards} discarded as too many", "the pool's queue was empty"),
        advice=CAUSES["discarded_pool_full"].advice,
        lost=pool.last_discard,
    )


def _placeholder(facts: SetupFacts, checkout: Checkout) -> Cause | None:
    where = place(facts.origin)
    if checkout.idle_others > 0:
        return proved(
            "placeholder_above_idle",
            f"an empty slot was taken though {count(checkout.idle_others, 'idle connection')} to"
            f" {where} lay below it",
            (f"{checkout.idle_others} idle in the same pool",),
        )
    if facts.in_use > 0 and (facts.earlier_setups or facts.pool_inherited):
        return _growing(facts, checkout)
    return _slot_lost(facts) if facts.earlier_setups else None


def _growing(facts: SetupFacts, checkout: Checkout) -> Cause:
    detail = (
        f"{count(facts.in_use, 'connection')} to {place(facts.origin)}"
        f" {was_or_were(facts.in_use)} in use and none idle: the pool grew by one"
        f" (it keeps {checkout.maxsize})"
    )
    evidence = (f"{facts.in_use} in use, 0 idle", "an empty slot was handed out")
    if facts.held_by_same_thread:
        held = f"{count(facts.held_by_same_thread, 'response')} held open by this same thread"
        return inferred("pool_growing_concurrency", f"{detail}; {held}", (*evidence, held))
    return proved("pool_growing_concurrency", detail, evidence)


def _slot_lost(facts: SetupFacts) -> Cause | None:
    """A lease that never came back: the last one lost explains the missing connection."""
    lost = facts.lost_slot
    if lost is None:
        return None
    ago = nanoseconds(max(0, facts.start.time_ns - lost.time_ns))
    evidence = ("its lease ended without the connection coming back",)
    where = place(facts.origin)
    if lost.how == "collected" and lost.unread:
        return proved(
            "lease_leaked_unread",
            f"a response of {where}{_taken(lost)} was dropped unread {ago} before, and its"
            " connection with it",
            evidence,
            advice=CAUSES["lease_leaked_unread"].advice,
            lost=facts.lost_slot_span,
        )
    if lost.how == "closed":
        left = f" with {count(lost.rest_bytes, 'byte')} unread" if lost.rest_bytes > 0 else ""
        advice = early_close_advice(lost.rest_bytes)
        return proved(
            "client_closed_response_early",
            f"the program closed a response of {where}{at(lost.site)}{left} {ago} before, and its"
            " connection with it",
            evidence,
            advice=advice,
            avoidable=bool(advice),
            lost=facts.lost_slot_span,
        )
    return None


def _taken(lost: LostSlot) -> str:
    return f", asked for at {lost.site}," if lost.site else ""
