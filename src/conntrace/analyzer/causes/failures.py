"""Family D: how a request died on a connection that had been handed out as live.

Told by the error, by whether a response had begun, and by what the kernel said of the socket just
before urllib3 closed it. Where the kernel says nothing, nothing is concluded from its silence.
"""

from __future__ import annotations

from conntrace.analyzer.causes.cause import Cause, inferred, proved
from conntrace.analyzer.causes.endings import (
    BROKEN,
    CUT,
    GIVEN_UP,
    TCP_ESTABLISHED,
    kernel_evidence,
)
from conntrace.analyzer.causes.words import NANOSECONDS, nanoseconds, place
from conntrace.analyzer.ledger_records import Failure, Origin
from conntrace.catalogue import CAUSES

PROMPT_NS = 100_000_000
"""A reset that answers a request comes after a round trip: within this time, or within the time
that the connection took to be made, whichever is longer (nanoseconds)."""

STALE_IDLE_NS = 500_000_000
"""A connection that was idle for less is not proved to have been dropped for that."""

LONG_SILENCE_NS = 240 * NANOSECONDS
"""The shortest of the known limits of load balancers and NATs (240 s, 350 s)."""

CLOCK_ERROR_MS = 10
"""The kernel counts in ticks of up to 10 ms."""

_NOT_READ_YET = frozenset({"CannotSendRequest", "ResponseNotReady"})
"""http.client refuses a request or response while the one before has not been read."""

_ENDED_BY_PEER = BROKEN | {"tls_eof"}
"""Before any response. Over TLS an end without a farewell is an error of its own."""


def cause_of_failure(failure: Failure, origin: Origin, *, stood: bool) -> Cause | None:
    """Why the attempt failed, None when the facts do not say more than that it did.

    `stood`: the connection after it could be made, so the way to the destination is open.
    """
    if failure.phase != "request":
        return None
    if failure.error == GIVEN_UP:
        return _given_up(failure, origin)
    if failure.lent_unread and failure.error in _NOT_READ_YET:
        return _unread(failure, origin)
    if failure.error == "timed_out":
        return _timed_out(failure, origin, stood)
    if failure.close is not None and failure.close.response_begun:
        return _mid_response(failure, origin)
    if failure.error not in _ENDED_BY_PEER:
        return None
    if failure.waited_ns >= LONG_SILENCE_NS:
        return _dropped_in_flight(failure, origin)
    return _stale(failure, origin) if failure.reused and _is_prompt(failure) else None


def may_be_proved_by_retry(cause: Cause, failure: Failure) -> bool:
    """Whether an answer to the same request would prove that the connection had been stale."""
    return (
        cause.name == "stale_reset_on_reuse"
        and failure.after_ns >= 0
        and failure.idle_ns >= STALE_IDLE_NS
        and _without_a_byte(failure)
    )


def _evidence(failure: Failure) -> tuple[str, ...]:
    kind = "reused" if failure.reused else "new"
    words = [f"error.type {failure.error or 'unknown'}", f"on a {kind} connection"]
    if failure.after_ns >= 0:
        words.append(f"{nanoseconds(failure.after_ns)} after the request began")
    if failure.close is not None:
        words += kernel_evidence(failure.close)
    return tuple(words)


def _given_up(failure: Failure, origin: Origin) -> Cause:
    """What the program read the response through (iter_lines(), stream()) was closed or dropped."""
    return proved(
        "client_closed_response_early",
        f"the program stopped reading a response of {place(origin)} before its end, which closed"
        " its connection",
        _evidence(failure),
    )


def _unread(failure: Failure, origin: Origin) -> Cause:
    return proved(
        "unread_body_released",
        f"the connection to {place(origin)} was given back with its response unread; the next"
        f" request on it was refused ({failure.error})",
        (*_evidence(failure), "given back with bytes unread"),
        advice=CAUSES["unread_body_released"].advice,
    )


def _idle(failure: Failure) -> str:
    return f" after {nanoseconds(failure.idle_ns)} idle" if failure.idle_ns >= 0 else ""


def _is_prompt(failure: Failure) -> bool:
    return failure.after_ns <= max(PROMPT_NS, failure.setup_ns)


def _without_a_byte(failure: Failure) -> bool:
    """No byte of a response came: http.client read none, or the kernel has got none since."""
    if failure.error in ("remote_disconnected", "RemoteDisconnected"):
        return True
    close = failure.close
    if close is None or close.last_data_received_ms < 0:
        return False
    return close.last_data_received_ms + CLOCK_ERROR_MS >= failure.after_ns / 1e6


def _stale(failure: Failure, origin: Origin) -> Cause:
    return inferred(
        "stale_reset_on_reuse",
        f"a connection to {place(origin)}, reused{_idle(failure)}, was ended by the other side"
        f" before any response ({failure.error})",
        _evidence(failure),
    )


def _mid_response(failure: Failure, origin: Origin) -> Cause | None:
    if failure.error not in BROKEN | CUT:
        return None
    return proved(
        "reset_mid_response",
        f"the connection to {place(origin)} broke in the middle of a response ({failure.error})",
        (*_evidence(failure), "the head of the response had come"),
        advice=CAUSES["reset_mid_response"].advice,
    )


def _dropped_in_flight(failure: Failure, origin: Origin) -> Cause:
    return inferred(
        "idle_in_flight_drop",
        f"{place(origin)} was silent for {nanoseconds(failure.waited_ns)} after the request, longer"
        f" than some devices between keep a silent connection ({failure.error})",
        _evidence(failure),
    )


def _timed_out(failure: Failure, origin: Origin, stood: bool) -> Cause | None:
    close = failure.close
    if close is None or close.tcp_state != TCP_ESTABLISHED:
        return None
    if close.unacked and close.retransmits:
        return _silent_drop(failure, origin, stood) if failure.reused else None
    if close.unacked or close.retransmits:
        return None
    if failure.waited_ns >= LONG_SILENCE_NS and not close.response_begun:
        return _dropped_in_flight(failure, origin)
    return _slow_server(failure, origin, close.response_begun)


def _silent_drop(failure: Failure, origin: Origin, stood: bool) -> Cause:
    detail = (
        f"a request to {place(origin)} on a connection reused{_idle(failure)} was sent again and"
        " again and never acknowledged: something between had dropped the connection silently"
    )
    probed = 0 <= failure.probed_after_s * NANOSECONDS < failure.idle_ns
    if not stood or failure.idle_ns < STALE_IDLE_NS or probed:
        # The network may just have been down, or probes should have kept the connection.
        return inferred("silent_drop_timeout", detail, _evidence(failure))
    evidence = (*_evidence(failure), "a new connection could be made right after")
    advice = CAUSES["silent_drop_timeout"].advice
    return proved("silent_drop_timeout", detail, evidence, advice=advice)


def _slow_server(failure: Failure, origin: Origin, begun: bool) -> Cause:
    what = "did not go on with its response" if begun else "did not answer"
    after = f" within {nanoseconds(failure.waited_ns)}" if failure.waited_ns >= 0 else " in time"
    return proved(
        "slow_server_timeout",
        f"{place(origin)} acknowledged the request and {what}{after}: the read time-out ended it"
        " and closed the connection",
        (*_evidence(failure), "nothing was unacknowledged"),
        advice=CAUSES["slow_server_timeout"].advice,
    )
