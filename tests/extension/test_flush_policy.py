"""When spans are sent, and whether the platform waits for it."""

from __future__ import annotations

import pytest
from conntrace_extension import flush_policy
from conntrace_extension.flush_policy import Health, Situation

from conntrace.analyzer.exporters.otlp_client import Outcome, Verdict

NOW = 1000.0
DELIVERED = Outcome(Verdict.DELIVERED)
REFUSED = Outcome(Verdict.REFUSED, "it answered 400")


def situation(
    *,
    waiting_bytes: int = 1000,
    oldest_s: float = NOW - 0.1,
    every_s: float = 60.0,
    health: Health | None = None,
) -> Situation:
    invocations = tuple(NOW - every_s * number for number in range(9, -1, -1))
    return Situation(NOW, waiting_bytes, oldest_s, invocations, health or Health())


@pytest.mark.parametrize(
    ("every_s", "waiting_bytes", "age_s", "due"),
    [
        (60.0, 1000, 0.1, True),
        (1.0, 1000, 0.1, True),
        (0.1, 1000, 0.1, False),
        (0.1, flush_policy.BATCH_BYTES, 0.1, True),
        (0.1, 1000, flush_policy.BATCH_AGE_S, True),
        (60.0, 0, 100.0, False),
        (0.1, 0, 100.0, False),
    ],
)
def test_at_once_while_invocations_are_rare_in_batches_when_they_come_often(
    every_s: float, waiting_bytes: int, age_s: float, due: bool
) -> None:
    now = situation(every_s=every_s, waiting_bytes=waiting_bytes, oldest_s=NOW - age_s)
    assert flush_policy.is_due(now) is due


def test_after_a_failure_nothing_is_waited_for_until_an_attempt_succeeds() -> None:
    health = flush_policy.after(Health(), REFUSED, NOW, disturbed=False)
    assert not flush_policy.may_hold(health, NOW + 10_000)
    assert flush_policy.is_due(situation(health=Health(1, not_before_s=NOW - 1)))
    health = flush_policy.after(health, DELIVERED, NOW + 1, disturbed=False)
    assert flush_policy.may_hold(health, NOW + 1)


@pytest.mark.parametrize(
    "verdict", [Verdict.BUSY, Verdict.NOT_SENT, Verdict.UNCERTAIN, Verdict.REFUSED]
)
def test_pauses_between_attempts_grow_up_to_a_limit(verdict: Verdict) -> None:
    health = Health()
    pauses = []
    for _ in range(12):
        health = flush_policy.after(health, Outcome(verdict), NOW, disturbed=False)
        pauses.append(health.not_before_s - NOW)
        assert not flush_policy.is_due(situation(health=health))
    assert 0.25 <= pauses[0] <= 0.5
    assert 15 <= pauses[-1] <= 30
    for number, pause in enumerate(pauses):
        longest = min(0.5 * 2**number, 30)
        assert longest / 2 <= pause <= longest


@pytest.mark.parametrize(("asked_s", "kept_s"), [(7.0, 7.0), (1e9, 300.0)])
def test_what_the_endpoint_asks_for_is_kept_within_reason(asked_s: float, kept_s: float) -> None:
    busy = Outcome(Verdict.BUSY, retry_after_s=asked_s)
    assert flush_policy.after(Health(), busy, NOW, disturbed=False).not_before_s == NOW + kept_s


def test_waiting_in_vain_is_not_repeated_at_once() -> None:
    health = flush_policy.waited_in_vain(Health(), NOW)
    assert flush_policy.is_due(situation(health=health))
    assert not flush_policy.may_hold(health, NOW + 29)
    assert flush_policy.may_hold(health, NOW + 30)


def test_a_slow_success_does_not_invite_to_wait_again() -> None:
    health = flush_policy.waited_in_vain(Health(), NOW)
    health = flush_policy.after(health, DELIVERED, NOW + 1, disturbed=False)
    assert not flush_policy.may_hold(health, NOW + 2)


def test_a_failure_across_a_freeze_says_nothing_of_the_back_end() -> None:
    """Else an endpoint whose answer takes longer than the freeze leaves would stay given up."""
    failed = flush_policy.after(Health(), REFUSED, NOW, disturbed=False)
    health = flush_policy.after(failed, Outcome(Verdict.UNCERTAIN), NOW + 9, disturbed=True)
    assert health.failures == 0
    assert not flush_policy.may_hold(health, NOW + 10)
    assert flush_policy.may_hold(health, NOW + 40)


def test_a_batch_that_is_too_large_is_no_failure() -> None:
    assert (
        flush_policy.after(Health(), Outcome(Verdict.TOO_LARGE), NOW, disturbed=False) == Health()
    )
