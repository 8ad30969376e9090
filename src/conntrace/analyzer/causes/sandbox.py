"""What AWS Lambda does to connections: it freezes the sandbox, and restores it from a snapshot."""

from __future__ import annotations

from conntrace.analyzer.causes.cause import INFERRED, Cause, inferred, proved
from conntrace.analyzer.causes.dead_at_checkout import ending_before
from conntrace.analyzer.causes.died_in_use import died_in_use
from conntrace.analyzer.causes.facts import SetupFacts
from conntrace.analyzer.causes.words import nanoseconds, place
from conntrace.catalogue import CAUSES

AWAKE_NS = 1_000_000_000
"""A connection that was idle and awake for less than this was lost in the freeze (nanoseconds)."""

_DIED_IDLE = ("stale_reset_on_reuse", "silent_drop_timeout")
"""Ways to die in use that say: it was dead before."""

_NOT_TOLD = ("unknown", "server_closed_idle")
"""Endings that the kernel did not prove; data that arrived is not among them."""


def sandbox_restored(facts: SetupFacts) -> Cause | None:
    """The connection was in the snapshot that the process woke up from."""
    lost = facts.restored
    if lost is None:
        return None
    ago = nanoseconds(max(0, facts.start.time_ns - lost.restored_ns))
    where = place(facts.origin)
    return proved(
        "sandbox_restored",
        f"the connection to {where} was made before the snapshot that the sandbox was restored"
        f" from {ago} ago",
        ("the restore came after the connection was made", "it had not been used since"),
        advice=f"Close the connection to {where} before the snapshot and connect again after the"
        " restore (SnapStart hooks).",
        lost=lost.close_span or facts.failure_span,
    )


def thaw_after_freeze(facts: SetupFacts) -> Cause | None:
    """The connection was lost in a pause that the sandbox spent frozen, and nobody knows how.

    A FIN or RST that the kernel proves says more and wins.
    """
    idle_ns = facts.idle_ns
    if facts.frozen_ns <= 0 or idle_ns <= 0 or 2 * facts.frozen_ns < idle_ns:
        return None
    base = _found_dead(facts) or _died(facts)
    if base is None:
        return None
    idle, frozen = nanoseconds(idle_ns), nanoseconds(facts.frozen_ns)
    how = CAUSES[base.name].title.lower() if base.name in _DIED_IDLE else base.detail
    spans_the_loss = idle_ns - facts.frozen_ns <= AWAKE_NS
    cause = Cause(
        "thaw_after_freeze",
        base.confidence if spans_the_loss else INFERRED,
        f"a connection to {place(facts.origin)} was lost while it was idle for {idle}, of which the"
        f" sandbox was frozen for {frozen}; {how}",
        (f"frozen for {frozen} of {idle}", *base.evidence),
        lost=base.lost,
    )
    return cause.with_contributing(base.name, *base.contributing)


def _found_dead(facts: SetupFacts) -> Cause | None:
    """The pool found it dead, and the kernel did not tell how it ended."""
    ending = ending_before(facts) if facts.outcome == "dropped" else None
    if ending is None or ending.proved or ending.reason not in _NOT_TOLD:
        return None
    lost = facts.previous.close_span if facts.previous is not None else None
    words = "the pool found it dead"
    return inferred("thaw_after_freeze", words, ending.evidence, lost=lost)


def _died(facts: SetupFacts) -> Cause | None:
    """It was handed out as live, and the first request on it showed that it was dead."""
    base = died_in_use(facts)
    return base if base is not None and base.name in _DIED_IDLE else None
