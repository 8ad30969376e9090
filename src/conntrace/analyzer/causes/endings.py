"""How a connection ended: read from what the kernel and the caller of close() tell."""

from __future__ import annotations

from collections.abc import Iterator

from conntrace.analyzer.causes.words import count, nanoseconds, seconds
from conntrace.analyzer.ledger_records import Connection, Ending, Pool
from conntrace.catalogue import CAUSES, CLOSE_REASONS
from conntrace.events import Checkout, Close

TCP_ESTABLISHED = 1
TCP_CLOSE = 7
TCP_CLOSE_WAIT = 8
_STATES = {
    1: "ESTABLISHED",
    2: "SYN_SENT",
    3: "SYN_RECV",
    4: "FIN_WAIT1",
    5: "FIN_WAIT2",
    6: "TIME_WAIT",
    7: "CLOSE",
    8: "CLOSE_WAIT",
    9: "LAST_ACK",
    10: "LISTEN",
    11: "CLOSING",
}
TLS_ALERT = 0x15
TLS_APPLICATION_DATA = 0x17
# An encrypted close_notify of TLS 1.3: 5 bytes of header, 2 of alert, 1 of type, 16 of tag.
TLS13_ALERT_BYTES = 24

SOON_S = 1.0
"""A server that was asked to close does so within this time (seconds)."""

GIVEN_UP = "GeneratorExit"
"""Value of error.type that says: what the program read a response through was closed or dropped."""

SMALL_REST = 65536
"""Reading so many bytes costs less than a new connection."""

BROKEN = frozenset(
    {
        "broken_pipe",
        "connection_aborted",
        "connection_reset",
        "remote_disconnected",
        "BrokenPipeError",
        "ConnectionAbortedError",
        "ConnectionResetError",
        "RemoteDisconnected",
    }
)
"""Values of error.type that say the other side ended a connection in use."""

CUT = frozenset({"incomplete_read", "tls_eof", "IncompleteRead"})
"""Values of error.type that say the stream ended before the response did."""


def initiator_of(reason: str) -> str:
    """Whose decision an end was: `local` or `remote`."""
    cause = CAUSES.get(reason)
    return cause.initiator if cause is not None else CLOSE_REASONS[reason].initiator


def _ending(
    reason: str,
    evidence: tuple[str, ...] = (),
    *,
    proved: bool = True,
    idle_limit_s: float = -1.0,
) -> Ending:
    return Ending(reason, initiator_of(reason), proved, idle_limit_s, evidence)


def kernel_evidence(seen: Checkout | Close) -> Iterator[str]:
    """What TCP_INFO said, in words."""
    if seen.tcp_state:
        yield f"socket in state {_STATES.get(seen.tcp_state, seen.tcp_state)}"
    if isinstance(seen, Checkout) and seen.pending_bytes >= 0:
        yield f"{count(seen.pending_bytes, 'byte')} pending"
    if isinstance(seen, Checkout) and seen.tls_record:
        yield f"a TLS record of type 0x{seen.tls_record:02x} is waiting"
    if seen.last_ack_received_ms >= 0:
        yield f"last segment from the server {seconds(seen.last_ack_received_ms / 1000)} before"
    if seen.unacked:
        yield f"{count(seen.unacked, 'segment')} not acknowledged"
    if seen.retransmits:
        yield count(seen.retransmits, "retransmit")


def idle_death(seen: Checkout, connection: Connection | None) -> Ending:
    """Why the pool found an idle connection readable, from the kernel's facts at the check-out.

    After a freeze the kernel dates a segment that was sent again, not the first: nobody knows when
    the server closed.
    """
    evidence = tuple(kernel_evidence(seen))
    if seen.idle_ns >= 0:
        evidence = (f"idle for {nanoseconds(seen.idle_ns)}", *evidence)
    if connection is not None and connection.frozen_ns:
        frozen = f"the sandbox was frozen for {nanoseconds(connection.frozen_ns)} of it"
        return _end_of_idle(seen, connection, (*evidence, frozen))._replace(idle_limit_s=-1.0)
    return _end_of_idle(seen, connection, evidence)


def _end_of_idle(
    seen: Checkout, connection: Connection | None, evidence: tuple[str, ...]
) -> Ending:
    if seen.tcp_state == TCP_CLOSE:
        return _ending("peer_reset_idle", evidence)
    if connection is not None and connection.unread and seen.pending_bytes > 0:
        return _ending("unread_body_released", (*evidence, "given back with bytes unread"))
    if connection is not None and connection.missing_bytes > 0 and seen.tcp_state == TCP_CLOSE_WAIT:
        missing = f"{count(connection.missing_bytes, 'byte')} of the response before never came"
        return _ending("response_cut_short", (*evidence, missing))
    ending = _tls_death(seen, evidence) if seen.tls else _plain_death(seen, evidence)
    if connection is not None and _was_asked_for(ending, connection):
        asked = (*evidence, "the request before had `Connection: close`")
        return _ending("request_connection_close", asked)
    return ending


def _was_asked_for(ending: Ending, connection: Connection) -> bool:
    """A server that closes right after a request that asked it to did not close for idleness."""
    asked = connection.asked_to_close or (
        connection.close is not None and connection.close.request_close
    )
    soon = 0 <= ending.idle_limit_s < SOON_S
    return asked and soon and ending.reason == "server_closed_idle"


def _plain_death(seen: Checkout, evidence: tuple[str, ...]) -> Ending:
    if seen.pending_bytes > 0:
        return _ending("unsolicited_data", evidence)
    if seen.tcp_state == TCP_CLOSE_WAIT and seen.pending_bytes == 0:
        return _ending("server_closed_idle", evidence, idle_limit_s=idle_limit(seen))
    if seen.tcp_state == TCP_CLOSE_WAIT:
        return _ending("server_closed_idle", evidence, proved=False, idle_limit_s=idle_limit(seen))
    return _ending("unknown", evidence, proved=False)


def _tls_death(seen: Checkout, evidence: tuple[str, ...]) -> Ending:
    alert = seen.tls_record == TLS_ALERT or (
        seen.tls_record == TLS_APPLICATION_DATA and seen.pending_bytes == TLS13_ALERT_BYTES
    )
    if seen.tcp_state == TCP_CLOSE_WAIT:
        sure = alert or seen.pending_bytes == 0
        return _ending("server_closed_idle", evidence, proved=sure, idle_limit_s=idle_limit(seen))
    if seen.tcp_state == TCP_ESTABLISHED and alert:
        return _ending("server_closed_idle", evidence, idle_limit_s=idle_limit(seen))
    if seen.tcp_state == TCP_ESTABLISHED and seen.pending_bytes > 0:
        # Could be a late session ticket as well as data: encrypted, so nobody can say.
        return _ending("unsolicited_data", evidence, proved=False)
    return _ending("unknown", evidence, proved=False)


def idle_limit(seen: Checkout) -> float:
    """The server's own idle limit in seconds: the idle gap minus the age of its last segment.

    -1 when the kernel did not tell, or the two do not fit together.
    """
    if seen.idle_ns < 0 or seen.last_ack_received_ms < 0:
        return -1.0
    limit = seen.idle_ns / 1e9 - seen.last_ack_received_ms / 1e3
    # The clocks of both differ by some milliseconds; an earlier end was not an idle limit at all.
    return max(limit, 0.0) if limit > -0.05 else -1.0


def ending_of(connection: Connection, pool: Pool | None) -> Ending:
    """Why a closed connection was closed, by its close event and what was noted before it."""
    close = connection.close
    if close is None:
        if connection.dropped is not None:
            return idle_death(connection.dropped, connection)
        return _ending("unknown", proved=False)
    if close.by == "dropped_check" and connection.dropped is not None:
        return idle_death(connection.dropped, connection)
    if close.by == "response":
        return _after_response(close)
    if close.by == "error":
        return _after_error(close)
    if close.by == "pool":
        return _with_its_pool(connection, pool)
    evidence = tuple(kernel_evidence(close))
    if close.by == "full":
        return _ending("discarded_pool_full", evidence)
    if close.by == "response_close":
        return _ending("client_closed_response_early", evidence)
    if close.by == "collected":
        leaked = connection.unread or (connection.busy_request and connection.answered_ns)
        return _ending("lease_leaked_unread" if leaked else "connection_collected", evidence)
    if close.by == "program":
        return _ending("closed_by_program", evidence)
    return _ending("unknown", evidence, proved=False)


def early_close_advice(rest_bytes: int) -> str:
    """What to do instead of closing a response with so many bytes unread; nothing for a large or
    unknown rest, of which the close is the cheaper end."""
    if not 0 < rest_bytes <= SMALL_REST:
        return ""
    return (
        f"Read the last {count(rest_bytes, 'byte')} (drain_conn()) instead of closing the response."
    )


def _after_response(close: Close) -> Ending:
    """The tests of `http.client.HTTPResponse._check_close`, in its order."""
    if not close.response_version:
        # http.client closes when it could not even read a status line.
        return _ending("broken_by_peer", tuple(kernel_evidence(close)))
    if close.response_version == 10 and not close.response_keepalive:
        return _ending("http10_no_keepalive", ("HTTP/1.0 response without keep-alive",))
    if close.request_close:
        return _ending("request_connection_close", ("the request had `Connection: close`",))
    if close.response_close:
        return _ending("response_connection_close", ("the response had `Connection: close`",))
    if not close.response_length:
        return _ending("response_eof_delimited", ("no Content-Length, not chunked",))
    return _ending("response_ended", proved=False)


def _after_error(close: Close) -> Ending:
    reason = "broken_by_peer" if close.error in BROKEN | CUT else "attempt_failed"
    if close.error == GIVEN_UP:
        reason = "client_closed_response_early"
    evidence = (f"error.type {close.error}",) if close.error else ()
    return _ending(reason, (*evidence, *kernel_evidence(close)))


def _with_its_pool(connection: Connection, pool: Pool | None) -> Ending:
    if pool is not None and pool.eviction is not None:
        return _ending("pool_evicted_lru", (f"evicted by {pool.eviction.evictor}",))
    if pool is not None and pool.closed_ns:
        where = f" at {pool.closed_site}" if pool.closed_site else ""
        return _ending("pool_closed_explicitly", (f"the pool was closed{where}",))
    return _ending("pool_collected")
