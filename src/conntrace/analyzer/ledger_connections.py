"""The ledger's book of traffic: requests, leases, connections and what ended them."""

from __future__ import annotations

from conntrace.analyzer.freezes import Freezes
from conntrace.analyzer.ledger_bounded import BoundedTable
from conntrace.analyzer.ledger_clients import ClientLedger, site
from conntrace.analyzer.ledger_losses import failure_in, keep_slot, lose_slot
from conntrace.analyzer.ledger_records import (
    Client,
    Connection,
    Failure,
    Origin,
    Pool,
    Request,
)
from conntrace.events import (
    Checkout,
    Close,
    LeaseEnd,
    RequestEnd,
    RequestStart,
    SetupEnd,
    SetupStart,
)

MAX_CONNECTIONS = 8192
MAX_REQUESTS = 4096
MAX_THREADS = 1024

# Closing or dropping a response ends its connection without giving it back. -> `LeaseEnd.how`
_LOSES_SLOT = {"response_close": "closed", "collected": "collected"}


class ConnectionLedger(ClientLedger):
    """Requests and connections of one process, in bounded memory."""

    def __init__(self, freezes: Freezes) -> None:
        super().__init__()
        self.freezes = freezes
        self.requests: BoundedTable[Request] = BoundedTable(MAX_REQUESTS)
        self.connections: BoundedTable[Connection] = BoundedTable(MAX_CONNECTIONS)
        self._checkouts_by_thread: BoundedTable[Checkout] = BoundedTable(MAX_THREADS)

    def request_start(self, event: RequestStart) -> Request:
        """An attempt begins."""
        request = Request(event.request, event.pool, event.thread, event.time_ns)
        request.sends_close = event.sends_close
        if event.previous:
            request.previous = event.previous
            before = self.requests.get(event.previous)
            request.resends = before.resends + 1 if before is not None else 1
        self.requests.put(event.request, request)
        return request

    def checkout(self, event: Checkout) -> Connection | None:
        """A pool handed something out; returns the pooled connection, when there is one."""
        pool = self.use_pool(event.pool, event.time_ns)
        request = self.requests.get(event.request)
        if request is not None:
            request.checkout = event
        else:
            self._checkouts_by_thread.put(event.thread, event)
        connection = self.connections.get(event.connection)
        if connection is None and pool is not None and event.connection:
            connection = self._late_connection(pool, event)
        if connection is None:
            return None
        idle_ns = _idle_ns(connection, event)
        connection.frozen_ns = self.freezes.within(event.time_ns - idle_ns, event.time_ns)
        if event.outcome == "reused":
            self._lend(connection, event, idle_ns)
        elif event.outcome == "dropped":
            connection.dropped = event
        return connection

    def _late_connection(self, pool: Pool, event: Checkout) -> Connection:
        """Open the account of a connection that was made before the agent came."""
        connection = Connection(event.connection, pool.client, pool.id, pool.origin)
        connection.late = True
        connection.stood_ns = event.time_ns
        connection.inherited = self.is_inherited(event.connection)
        self.connections.put(connection.id, connection)
        pool.connections.append(connection.id)
        return connection

    def _lend(self, connection: Connection, event: Checkout, idle_ns: int) -> None:
        connection.idle_before_ns = idle_ns
        connection.idle_since_ns = 0
        connection.requests += 1
        connection.lent_unread, connection.unread = connection.unread, False
        connection.missing_bytes = 0
        connection.busy_request = event.request
        connection.busy_thread = event.thread
        connection.answered_ns = 0
        request = self.requests.get(event.request)
        connection.asked_to_close = request is not None and request.sends_close
        self.connections.touch(connection.id)

    def checkout_of_setup(self, event: SetupStart) -> Checkout | None:
        """How the pool came to hand out nothing usable, just before the set-up."""
        request = self.requests.get(event.request)
        if request is not None:
            return request.checkout
        found = self._checkouts_by_thread.get(event.thread)
        if found is not None and found.pool == event.pool and event.pool:
            return self._checkouts_by_thread.pop(event.thread)
        return None

    def setup_start(self, event: SetupStart) -> Connection:
        """A connection is being made; opens its account."""
        pool = self.pool_of_setup(event)
        previous = self.connections.get(event.previous)
        origin = Origin(event.scheme, event.host, event.port, event.proxy)
        client = self._client_of_setup(event, pool, previous)
        client.last_used_ns = event.time_ns
        connection = Connection(
            id=event.setup,
            client=client.id,
            pool=event.pool,
            origin=pool.origin if pool is not None else origin,
            started_ns=event.time_ns,
            requests=1 if event.request else 0,
            busy_request=event.request,
            busy_thread=event.thread,
        )
        request = self.requests.get(event.request)
        connection.asked_to_close = request is not None and request.sends_close
        self.connections.put(connection.id, connection)
        self.destination(connection.origin).attempts += 1
        if pool is not None:
            pool.setups += 1
            pool.connections.append(connection.id)
        return connection

    def _client_of_setup(
        self, event: SetupStart, pool: Pool | None, previous: Connection | None
    ) -> Client:
        if pool is not None:
            known = self.clients.get(pool.client)
        elif previous is not None:
            known = self.clients.get(previous.client)
        else:
            known = None
        if known is not None:
            return known
        client = Client(
            id=pool.client if pool is not None else event.setup,
            owner=event.client,
            one_shot=event.one_shot,
            site=site(event.site_file, event.site_line),
            made_ns=event.time_ns,
            bare=pool is None,
        )
        self.clients.put(client.id, client)
        return client

    def setup_end(self, event: SetupEnd, phase: str) -> Connection | None:
        """The connection stands, or its set-up failed in `phase` (dns, connect, tls)."""
        connection = self.connections.get(event.setup)
        if connection is None:
            return None
        if event.error:
            failure = self._failure(connection, connection.busy_request)
            failure.error = event.error
            failure.phase = phase
            connection.closed_ns = connection.closed_ns or event.time_ns
            self.destination(connection.origin).failed += 1
            return connection
        connection.stood_ns = event.time_ns
        connection.probed_after_s = event.keepalive_idle_s if event.keepalive else -1
        destination = self.destination(connection.origin)
        destination.stood += 1
        destination.remember(connection.client, connection.id)
        client = self.clients.get(connection.client)
        if client is not None:
            client.add_host(connection.origin.host)
        return connection

    def request_end(self, event: RequestEnd) -> Request | None:
        """An attempt is over."""
        request = self.requests.get(event.request)
        if request is None:
            return None
        request.error = event.error
        if event.connection:
            request.connection = event.connection
        connection = self.connections.get(request.connection)
        if connection is not None and connection.busy_request == request.id:
            connection.answered_ns = event.time_ns
        if connection is not None and not event.error:
            connection.restored_ns = 0
        if event.error and not (connection is not None and connection.is_idle):
            self._note_request_failure(request, connection, event)
        return request

    def _note_request_failure(
        self, request: Request, connection: Connection | None, event: RequestEnd
    ) -> None:
        pool = self.pools.get(request.pool)
        checkout = request.checkout
        if pool is None or checkout is None or checkout.outcome == "failed":
            return
        failure = failure_in(pool, request.id, request.connection, event.time_ns)
        failure.error = failure.error or event.error
        if connection is not None:
            failure.describe(connection)

    def lease_end(self, event: LeaseEnd) -> Connection | None:
        """A connection came back, or is lost to its pool."""
        connection = self.connections.get(event.connection)
        pool = self.pools.get(event.pool)
        # A response that was answered and read to its end would have given its connection back.
        unread = event.unread or (connection is not None and bool(connection.answered_ns))
        if connection is not None:
            connection.unread = event.unread
            connection.missing_bytes = event.missing_bytes
            connection.busy_request = 0
            connection.idle_since_ns = event.time_ns if event.how == "stored" else 0
        if pool is None:
            return connection
        if event.how in ("collected", "closed"):
            lose_slot(pool, event.connection, event.how, unread, event.time_ns).counted = False
            return connection
        keep_slot(pool, event.connection)
        if event.how == "full":
            pool.discards += 1
        elif event.how == "error":
            failure = failure_in(pool, event.request, event.connection, event.time_ns)
            if connection is not None:
                failure.describe(connection)
        return connection

    def close(self, event: Close) -> Connection | None:
        """A socket was closed on this side. None when it is not known, or was closed before."""
        connection = self.connections.get(event.connection)
        if connection is None or connection.close is not None:
            return None
        connection.closed_ns = connection.closed_ns or event.time_ns
        connection.close = event
        pool = self.pools.get(connection.pool)
        if event.by in _LOSES_SLOT and connection.busy_request and pool is not None:
            how, unread = _LOSES_SLOT[event.by], bool(connection.answered_ns)
            lost = lose_slot(pool, connection.id, how, unread, event.time_ns)
            lost.site = site(event.site_file, event.site_line)
            lost.rest_bytes = event.rest_bytes
        if event.by == "error" or (event.by == "response" and not event.response_version):
            failure = self._failure(connection, event.request or connection.busy_request)
            failure.error = failure.error or event.error
            failure.close = event
            request = self.requests.get(failure.request)
            if request is not None and request.checkout is not None:
                failure.after_ns = event.time_ns - request.checkout.time_ns
        return connection

    def _failure(self, connection: Connection, request: int) -> Failure:
        pool = self.pools.get(connection.pool)
        if pool is None:
            return Failure(request, connection.id, time_ns=connection.started_ns)
        failure = failure_in(pool, request, connection.id, connection.started_ns)
        failure.describe(connection)
        return failure


def _idle_ns(connection: Connection, event: Checkout) -> int:
    """How long the connection was idle before a check-out; -1 unknown."""
    if event.idle_ns < 0 and connection.idle_since_ns:
        return event.time_ns - connection.idle_since_ns
    return event.idle_ns
