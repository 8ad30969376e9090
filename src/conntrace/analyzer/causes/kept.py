"""Whether a connection that is gone could have served the next request, had the client kept it."""

from __future__ import annotations

from collections.abc import Iterable

from conntrace.analyzer.causes.endings import TCP_CLOSE, TCP_CLOSE_WAIT
from conntrace.analyzer.causes.facts import SetupFacts
from conntrace.analyzer.causes.words import NANOSECONDS
from conntrace.analyzer.ledger_records import Connection

KEPT_S = 60.0
"""No server is expected to keep an idle connection for longer, unless it is known to (seconds)."""

_USELESS = (
    "attempt_failed",
    "client_closed_response_early",
    "lease_leaked_unread",
    "unread_body_released",
)
"""The client's own endings of connections that were of no use any more."""


def could_serve(facts: SetupFacts, connections: Iterable[Connection]) -> bool:
    """Whether one of them could have served the request that this set-up is for.

    False in doubt: when the other side ended it, when its socket was already half closed, or when
    it would have been idle for longer than the server is known, or can be expected, to allow.
    """
    return any(
        _was_sound(each) and _is_allowed(each, facts.start.time_ns, facts.idle_limit_s)
        for each in connections
    )


def _was_sound(connection: Connection) -> bool:
    if not connection.stood_ns or connection.restored_ns or connection.inherited:
        # A parent's connection is not for its child.
        return False
    ending, close = connection.ending, connection.close
    if ending is not None and (ending.initiator == "remote" or ending.reason in _USELESS):
        return False
    return close is None or close.tcp_state not in (TCP_CLOSE, TCP_CLOSE_WAIT)


def _is_allowed(connection: Connection, until_ns: int, idle_limit_s: float) -> bool:
    """A limit below 0 is not known."""
    since_ns = connection.idle_since_ns or connection.closed_ns or connection.stood_ns
    limit_s = KEPT_S if idle_limit_s < 0 else idle_limit_s
    return (until_ns - since_ns) / NANOSECONDS <= limit_s
