"""Family D: the attempt before failed, and took its connection with it."""

from __future__ import annotations

from dataclasses import replace

from conntrace.analyzer.causes.cause import PROVED, Cause, proved
from conntrace.analyzer.causes.endings import ending_of
from conntrace.analyzer.causes.facts import SetupFacts
from conntrace.analyzer.causes.failures import cause_of_failure, may_be_proved_by_retry
from conntrace.analyzer.causes.words import count, place
from conntrace.analyzer.ledger_records import Failure

_PHASES = {
    "dns": "while looking the name up",
    "connect": "while connecting",
    "tls": "in the TLS handshake",
    "request": "during the request",
}


_LEFT = {
    "dns": "left no connection",
    "connect": "left no connection",
    "tls": "closed its connection",
    "request": "closed its connection",
}


def died_in_use(facts: SetupFacts) -> Cause | None:
    """The failed attempt whose empty slot (or whose retry) this set-up is."""
    failure = facts.failure
    if failure is not None:
        return _after_failure(facts, failure)
    return _after_failed_object(facts)


def _after_failure(facts: SetupFacts, failure: Failure) -> Cause:
    checkout = facts.checkout
    retry = bool(failure.request) and failure.request == facts.previous_request
    placeholder = checkout is not None and checkout.outcome == "placeholder"
    if not retry and placeholder and checkout is not None and checkout.idle_others > 0:
        return proved(
            "placeholder_above_idle",
            "an empty slot, left by a failed request, was taken though"
            f" {count(checkout.idle_others, 'idle connection')} to {place(facts.origin)} lay"
            " below it",
            _evidence(failure),
            lost=facts.failure_span,
        )
    found = cause_of_failure(failure, facts.origin, stood=not facts.end_error)
    if found is not None:
        return replace(_retried(facts, failure, found), lost=facts.failure_span)
    cause = proved(
        "replaced_after_error",
        f"the attempt before on {place(facts.origin)} failed {_when(failure)}"
        f" ({failure.error or 'unknown error'}) and {_LEFT[failure.phase]}",
        _evidence(failure),
        lost=facts.failure_span,
    )
    return cause.with_contributing("tls_handshake_failed") if failure.phase == "tls" else cause


def _retried(facts: SetupFacts, failure: Failure, found: Cause) -> Cause:
    """A server that crashes on this very request looks as if the connection had been stale, until
    the same request is answered."""
    retry = bool(failure.request) and failure.request == facts.previous_request
    if not (may_be_proved_by_retry(found, failure) and retry and facts.answered):
        return found
    evidence = (*found.evidence, "the same request was answered on the new connection")
    return replace(found, confidence=PROVED, evidence=evidence)


def _when(failure: Failure) -> str:
    if failure.phase == "connect" and failure.error.isdecimal():
        return "at its proxy, which was asked to CONNECT"
    return _PHASES[failure.phase]


def _evidence(failure: Failure) -> tuple[str, ...]:
    kind = "reused" if failure.reused else "new"
    return (f"error.type {failure.error or 'unknown'}", f"on a {kind} connection")


def awaits_answer(facts: SetupFacts, cause: Cause) -> bool:
    """Whether the answer to the request will tell more about this cause."""
    failure = facts.failure
    retry = failure is not None and failure.request and failure.request == facts.previous_request
    if cause.name == "thaw_after_freeze":
        cause = died_in_use(facts) or cause
    return bool(retry) and failure is not None and may_be_proved_by_retry(cause, failure)


def _after_failed_object(facts: SetupFacts) -> Cause | None:
    """A bare connection object whose connection failed, or whose set-up did, connects again."""
    previous = facts.previous
    if previous is None or facts.outcome in ("dropped", "placeholder", "empty"):
        return None
    if previous.close is None:
        return None
    ending = previous.ending or ending_of(previous, facts.pool)
    if ending.reason not in ("attempt_failed", "broken_by_peer"):
        return None
    lost = previous.close_span or previous.setup_span
    before = f"the connection to {place(facts.origin)} before it"
    if previous.close.error:
        how = f"failed ({previous.close.error})"
    elif ending.reason == "broken_by_peer":
        how = "was ended by the other side before any response"
    else:
        how = "was closed while its request had no response" if facts.client.bare else "failed"
    return proved(
        "replaced_after_error",
        f"{before} {how}",
        ending.evidence,
        lost=lost,
    )
