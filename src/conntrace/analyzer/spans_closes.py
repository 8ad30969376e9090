"""Closes and evictions: the spans that set-ups later link to."""

from __future__ import annotations

from conntrace import semantic_names as names
from conntrace.analyzer.causes.endings import ending_of
from conntrace.analyzer.cost import Totals
from conntrace.analyzer.ledger import Ledger
from conntrace.analyzer.ledger_bounded import BoundedTable
from conntrace.analyzer.ledger_clients import authority
from conntrace.analyzer.ledger_records import Connection
from conntrace.analyzer.span import Link
from conntrace.analyzer.spans_open import SpanMaker, put
from conntrace.analyzer.spans_requests import RequestSpans
from conntrace.analyzer.spans_verdict import describe_ending, describe_life
from conntrace.events import Close, PoolEvicted

MAX_WAITING = 1024


class CloseSpans:
    """Writes down the ends of connections and pools of one process."""

    def __init__(
        self, ledger: Ledger, maker: SpanMaker, requests: RequestSpans, totals: Totals
    ) -> None:
        self._ledger = ledger
        self._maker = maker
        self._requests = requests
        self._totals = totals
        self._waiting: BoundedTable[Close] = BoundedTable(MAX_WAITING, self._crowded_out)

    def __len__(self) -> int:
        return len(self._waiting)

    def close(self, event: Close) -> None:
        """A known connection's socket was closed; one that never stood gets no span.

        A pool closes what it found dead before it says what it found: such a close waits for that.
        """
        connection = self._ledger.close(event)
        if connection is None:
            return
        if event.by == "dropped_check" and connection.dropped is None:
            self._waiting.put(connection.id, event)
            return
        self._write(event, connection)

    def checked_out(self, connection: int) -> None:
        """What the pool found about a connection is known now, or will never be."""
        event = self._waiting.pop(connection)
        known = self._ledger.connections.get(connection)
        if event is not None and known is not None:
            self._write(event, known)

    def write_waiting(self) -> None:
        """Write all closes down that still wait."""
        for connection in self._waiting:
            self.checked_out(connection)

    def _crowded_out(self, identifier: int, event: Close) -> None:
        known = self._ledger.connections.get(identifier)
        if known is not None:
            self._write(event, known)

    def forget(self) -> None:
        """Drop everything unsaid: it belongs to another process."""
        self._waiting.clear()

    def _write(self, event: Close, connection: Connection) -> None:
        pool = self._ledger.pools.get(connection.pool)
        ending = connection.ending = ending_of(connection, pool)
        if ending.reason == "server_closed_idle" and ending.proved and ending.idle_limit_s > 0:
            destination = self._ledger.destination(connection.origin)
            known = destination.idle_limit_s
            limit = ending.idle_limit_s
            destination.idle_limit_s = limit if known < 0 else min(known, limit)
        if not connection.stood_ns:
            return
        self._close_span(event, connection)
        if event.by == "full" and pool is not None:
            pool.last_discard = connection.close_span

    def _close_span(self, event: Close, connection: Connection) -> None:
        where = authority(connection.origin.host, connection.origin.port)
        parent = self._requests.around(event.request, event)
        closing = self._maker.begin(f"{names.CONNECTION_CLOSE} {where}", parent, event.time_ns)
        span = closing.span
        name_of = self._requests.connection_name
        describe_life(span, connection, event.time_ns, name_of)
        if connection.ending is not None:
            describe_ending(span, connection.ending)
        idle_ns = _idle_ns(event, connection)
        if idle_ns >= 0:
            span.attributes[names.CONNECTION_IDLE_S] = idle_ns / 1e9
            frozen_ns = self._ledger.freezes.within(event.time_ns - idle_ns, event.time_ns)
            if frozen_ns:
                span.attributes[names.CONNECTION_FROZEN_S] = frozen_ns / 1e9
        client = self._ledger.clients.get(connection.client)
        if client is not None:
            put(span, names.POOL_OWNER, client.owner)
            span.attributes[names.PURPOSE] = client.purpose
        if connection.pool:
            span.attributes[names.POOL_ID] = name_of(connection.pool)
        if event.site_file:
            span.attributes[names.CODE_FILE_PATH] = event.site_file
            span.attributes[names.CODE_LINE_NUMBER] = event.site_line
            put(span, names.CODE_FUNCTION_NAME, event.site_function)
        if connection.setup_span is not None:
            span.links.append(Link(*connection.setup_span))
        connection.close_span = closing.reference
        self._maker.end(closing, event.time_ns)

    def evicted(self, event: PoolEvicted) -> None:
        """A manager threw a pool out; the thread's next request gets a link to it."""
        victim = self._ledger.pool_evicted(event)
        self._totals.evictions += 1
        origin = victim.origin if victim is not None else None
        where = authority(origin.host, origin.port) if origin is not None else "unknown"
        parent = self._requests.placed(event)
        evicting = self._maker.begin(f"{names.POOL_EVICTION} {where}", parent, event.time_ns)
        span = evicting.span
        attributes = span.attributes
        attributes[names.POOL_ID] = self._requests.connection_name(event.pool)
        attributes[names.POOL_EVICTED_BY] = authority(event.evictor_host, event.evictor_port)
        attributes[names.POOL_NUM_POOLS] = event.num_pools
        attributes[names.POOL_SIZE] = event.num_pools
        attributes[names.POOL_CONNECTIONS_LOST] = event.connections_lost
        client = self._ledger.clients.get(event.manager)
        if client is not None:
            put(span, names.POOL_OWNER, client.owner)
            put(span, names.POOL_CREATED_AT, client.site)
        if origin is not None:
            attributes[names.SERVER_ADDRESS] = origin.host
            attributes[names.SERVER_PORT] = origin.port
        if victim is not None and victim.eviction is not None:
            victim.eviction.span = evicting.reference
        self._requests.link_next_request(event.thread, evicting.reference)
        self._maker.end(evicting, event.time_ns)


def _idle_ns(event: Close, connection: Connection) -> int:
    if connection.dropped is not None and event.by == "dropped_check":
        return connection.dropped.idle_ns
    if connection.idle_since_ns:
        return max(0, event.time_ns - connection.idle_since_ns)
    return -1
