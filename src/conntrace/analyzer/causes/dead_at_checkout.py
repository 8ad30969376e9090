"""Family C: the pool held a connection, but it was dead."""

from __future__ import annotations

from dataclasses import replace

from conntrace.analyzer.causes.cause import Cause, inferred, proved
from conntrace.analyzer.causes.endings import early_close_advice, ending_of, idle_death
from conntrace.analyzer.causes.facts import SetupFacts
from conntrace.analyzer.causes.words import at, count, nanoseconds, place, seconds
from conntrace.analyzer.ledger_records import Ending
from conntrace.catalogue import CAUSES

AT_ONCE_S = 0.1
"""A server that closes sooner does not close for idleness (seconds)."""


def found_dead(facts: SetupFacts) -> Cause | None:
    """The connection before this one, on the same object, tells by how it ended."""
    ending = ending_before(facts)
    if ending is None:
        return None
    found = _BY_REASON.get(ending.reason)
    return found(facts, ending) if found is not None else None


def ending_before(facts: SetupFacts) -> Ending | None:
    """How the connection that the pool, or the object, had before came to its end."""
    checkout, previous = facts.checkout, facts.previous
    if checkout is not None and checkout.outcome == "dropped":
        return idle_death(checkout, previous)
    if checkout is not None and checkout.outcome not in ("closed", "reused"):
        return None
    if previous is None or (previous.close is None and previous.dropped is None):
        return None
    return previous.ending or ending_of(previous, facts.pool)


def _gap(facts: SetupFacts) -> str:
    checkout = facts.checkout
    if checkout is None or checkout.idle_ns < 0:
        return "the next request found it closed"
    return f"the next request came after {nanoseconds(checkout.idle_ns)}"


def _other_side(facts: SetupFacts) -> str:
    """Who ended it: through a tunnel nobody can tell the proxy from the server behind it."""
    where, proxy = place(facts.origin), facts.origin.proxy
    return f"{where}, or the proxy {proxy} before it," if proxy and proxy != where else where


def _server_closed_idle(facts: SetupFacts, ending: Ending) -> Cause:
    where, limit = _other_side(facts), ending.idle_limit_s
    after = f" after {seconds(limit)}" if limit >= 0 else ""
    detail = f"{where} closed the idle connection{after}; {_gap(facts)}"
    if 0 <= limit < AT_ONCE_S:
        detail = (
            f"{where} closed the connection right after its response ({seconds(limit)}), which had"
            f" not said `Connection: close`; {_gap(facts)}"
        )
    if facts.frozen_ns:
        detail = (
            f"{where} closed the idle connection: closed while frozen, time unknown; {_gap(facts)},"
            f" of which the sandbox was frozen for {nanoseconds(facts.frozen_ns)}"
        )
    lost = facts.previous.close_span if facts.previous is not None else None
    if not ending.proved:
        return inferred("server_closed_idle", detail, ending.evidence, lost=lost)
    advice = ""
    if limit >= AT_ONCE_S:
        advice = (
            f"Send the next request within {seconds(limit)} of the last one, or accept one new"
            " connection per pause."
        )
    return proved("server_closed_idle", detail, ending.evidence, advice=advice, lost=lost)


def _found_readable(facts: SetupFacts, ending: Ending, detail: str, advice: str = "") -> Cause:
    lost = facts.previous.close_span if facts.previous is not None else None
    if not ending.proved:
        return inferred(ending.reason, detail, ending.evidence, lost=lost)
    return proved(ending.reason, detail, ending.evidence, advice=advice, lost=lost)


def _peer_reset_idle(facts: SetupFacts, ending: Ending) -> Cause:
    detail = f"the idle connection to {place(facts.origin)} was reset (RST); {_gap(facts)}"
    return _found_readable(facts, ending, detail)


def _unsolicited_data(facts: SetupFacts, ending: Ending) -> Cause:
    pending = facts.checkout.pending_bytes if facts.checkout is not None else 0
    detail = (
        f"{place(facts.origin)} sent {count(pending, 'byte')} on the idle connection that nobody"
        f" had asked for; {_gap(facts)}"
    )
    return _found_readable(facts, ending, detail)


def _unread_body(facts: SetupFacts, ending: Ending) -> Cause:
    pending = facts.checkout.pending_bytes if facts.checkout is not None else 0
    detail = (
        f"the connection to {place(facts.origin)} was given back with its response unread;"
        f" {count(pending, 'byte')} of it made it unusable"
    )
    return _found_readable(facts, ending, detail, CAUSES["unread_body_released"].advice)


def _response_connection_close(facts: SetupFacts, ending: Ending) -> Cause:
    detail = f"{place(facts.origin)} ended the connection with `Connection: close`{_after(facts)}"
    if facts.client.bare:
        # Headers that are sent by putheader() are not seen.
        detail = f"{detail}; whether the request had asked for it is not known"
        return _found_readable(facts, ending._replace(proved=False), detail)
    return _found_readable(facts, ending, detail, CAUSES[ending.reason].advice)


def _request_connection_close(facts: SetupFacts, ending: Ending) -> Cause:
    detail = (
        "the request before asked for `Connection: close`, and the connection to"
        f" {place(facts.origin)} was closed after its response"
    )
    return _found_readable(facts, ending, detail, CAUSES[ending.reason].advice)


def _http10(facts: SetupFacts, ending: Ending) -> Cause:
    where = place(facts.origin)
    detail = f"{where} answered in HTTP/1.0 without keep-alive, which ends the connection"
    cause = _found_readable(facts, ending, detail, CAUSES[ending.reason].advice)
    close = facts.previous.close if facts.previous is not None else None
    if close is not None and close.request_close:
        return cause.with_contributing("request_connection_close")
    return cause


def _eof_delimited(facts: SetupFacts, ending: Ending) -> Cause:
    detail = (
        f"the response of {place(facts.origin)} had no Content-Length and no chunks: only the end"
        " of the connection marked its end"
    )
    return _found_readable(facts, ending, detail, CAUSES[ending.reason].advice)


def _closed_by_program(facts: SetupFacts, ending: Ending) -> Cause:
    close = facts.previous.close if facts.previous is not None else None
    site = f"{close.site_file}:{close.site_line}" if close is not None and close.site_file else ""
    where = place(facts.origin)
    detail = f"the program closed the connection to {where}{at(site)} and used it again"
    if not site:
        return _found_readable(
            facts, ending._replace(reason="pool_closed_explicitly", proved=False), detail
        )
    reason = ending._replace(reason="pool_closed_explicitly")
    return _found_readable(facts, reason, detail, CAUSES["pool_closed_explicitly"].advice)


def _closed_response_early(facts: SetupFacts, ending: Ending) -> Cause:
    detail = f"the program closed a response of {place(facts.origin)} before its end"
    close = facts.previous.close if facts.previous is not None else None
    advice = early_close_advice(close.rest_bytes if close is not None else -1)
    cause = _found_readable(facts, ending, detail, advice)
    return replace(cause, avoidable=bool(cause.advice))


def _cut_short(facts: SetupFacts, ending: Ending) -> Cause:
    missing = facts.previous.missing_bytes if facts.previous is not None else 0
    detail = (
        f"{place(facts.origin)} ended the connection {count(missing, 'byte')} before the end of its"
        " response, which was taken for whole"
    )
    advice = CAUSES["reset_mid_response"].advice
    return _found_readable(facts, ending._replace(reason="reset_mid_response"), detail, advice)


def _after(facts: SetupFacts) -> str:
    if facts.previous is None or not facts.previous.counts_requests:
        return ""
    return f" after {count(facts.previous.requests, 'request')}"


_BY_REASON = {
    "server_closed_idle": _server_closed_idle,
    "peer_reset_idle": _peer_reset_idle,
    "unsolicited_data": _unsolicited_data,
    "unread_body_released": _unread_body,
    "response_connection_close": _response_connection_close,
    "request_connection_close": _request_connection_close,
    "http10_no_keepalive": _http10,
    "response_eof_delimited": _eof_delimited,
    "closed_by_program": _closed_by_program,
    "response_cut_short": _cut_short,
    "client_closed_response_early": _closed_response_early,
}
