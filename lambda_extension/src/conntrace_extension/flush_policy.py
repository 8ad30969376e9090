"""When spans are sent, and whether the next event waits for that: pure decisions.

Time after the response is billed, and holding the answer to `/next` back makes it longer. So one
attempt may be waited for, a moment only; after a failure nothing is waited for until one succeeds.
All times are seconds of the monotonic clock.
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass, replace

from conntrace.analyzer.exporters.otlp_client import Outcome, Verdict

OFTEN_INVOCATIONS = 10
"""So many within OFTEN_S: they come often, and spans are sent in batches."""
OFTEN_S = 5.0
BATCH_BYTES = 256 * 1024
"""A batch of this size is sent at once."""
BATCH_AGE_S = 5.0
"""No span waits longer than this for its batch, as long as there are invocations."""
FIRST_PAUSE_S = 0.5
MAX_PAUSE_S = 30.0
MAX_RETRY_AFTER_S = 300.0
IN_VAIN_PAUSE_S = 30.0
"""After waiting in vain for an attempt that was slower than the window, none is waited for."""


@dataclass(frozen=True, slots=True)
class Health:
    """What is known of the back end."""

    failures: int = 0
    """Attempts that failed since the last one that did not."""
    not_before_s: float = 0.0
    """No attempt before this time."""
    hold_again_s: float = 0.0
    """No waiting before this time."""


@dataclass(frozen=True, slots=True)
class Situation:
    """Right after a response."""

    now_s: float
    waiting_bytes: int
    oldest_s: float
    """When the span that waits longest came."""
    invocations_s: Sequence[float]
    """The latest invocations' starts, oldest first."""
    health: Health


def come_often(invocations_s: Sequence[float], now_s: float) -> bool:
    """Whether invocations come so often that each one's spans need not be sent at once."""
    recent = [start for start in invocations_s if start > now_s - OFTEN_S]
    return len(recent) >= OFTEN_INVOCATIONS


def is_due(situation: Situation) -> bool:
    """Whether to begin an attempt now."""
    if not situation.waiting_bytes or situation.now_s < situation.health.not_before_s:
        return False
    if not come_often(situation.invocations_s, situation.now_s):
        return True
    return (
        situation.waiting_bytes >= BATCH_BYTES
        or situation.now_s - situation.oldest_s >= BATCH_AGE_S
    )


def may_hold(health: Health, now_s: float) -> bool:
    """Whether an attempt may be waited for."""
    return not health.failures and now_s >= health.hold_again_s


def waited_in_vain(health: Health, now_s: float) -> Health:
    """The window ended before the attempt did."""
    return replace(health, hold_again_s=now_s + IN_VAIN_PAUSE_S)


def after(health: Health, outcome: Outcome, now_s: float, *, disturbed: bool) -> Health:
    """What an attempt's outcome teaches.

    `disturbed`: the environment stood still in the middle of it, or we cut it off. Its failure says
    nothing of the back end; it is tried again, and waited for when a while has passed.
    """
    if outcome.verdict is Verdict.DELIVERED:
        return Health(hold_again_s=health.hold_again_s)
    if outcome.verdict is Verdict.TOO_LARGE:
        return health
    if disturbed:
        return Health(hold_again_s=max(health.hold_again_s, now_s + IN_VAIN_PAUSE_S))
    failures = health.failures + 1
    pause_s = min(FIRST_PAUSE_S * 2 ** min(failures - 1, 10), MAX_PAUSE_S)
    pause_s *= random.uniform(0.5, 1.0)
    if outcome.retry_after_s:
        pause_s = min(outcome.retry_after_s, MAX_RETRY_AFTER_S)
    return Health(failures, now_s + pause_s, health.hold_again_s)
