"""SDK calls, requests and waits for a connection; and what every other span hangs under."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from conntrace import semantic_names as names
from conntrace.analyzer.causes.no_pool import inherited_in_use
from conntrace.analyzer.cost import Totals
from conntrace.analyzer.ledger import Ledger
from conntrace.analyzer.ledger_bounded import BoundedTable
from conntrace.analyzer.ledger_clients import authority
from conntrace.analyzer.ledger_records import Connection, Pool, Request, SpanReference
from conntrace.analyzer.span import Link
from conntrace.analyzer.spans_open import OpenSpan, Parent, SpanMaker, below, foreign, put
from conntrace.analyzer.spans_verdict import cause_attributes, why_it_failed
from conntrace.catalogue import UNFINISHED
from conntrace.events import CallEnd, CallStart, Checkout, RequestEnd, RequestSent, RequestStart

MAX_OPEN = 4096
MAX_LINKS = 64
MAX_GENERATIONS = 16
"""Of forks: so many processes whose numbers one process may go on with are known."""
WAIT_NS = 1_000_000
"""A wait for a connection is worth a span from here on (nanoseconds)."""
_DEFAULT_PORTS = {"http": 80, "https": 443}


class Placed(Protocol):
    """An event that says where it happened."""

    call: int
    trace_id: str
    span_id: str


@dataclass(slots=True, eq=False)
class OpenCall:
    """An SDK call of ours. `phase`: what its latest request is doing; between requests the
    handler's own code, or the SDK's, is at work."""

    open: OpenSpan
    outer_span_id: str
    phase: str = "handler"


@dataclass(slots=True, eq=False)
class OpenRequest:
    """A request that goes on. `open` is None when another instrumentation makes its span."""

    id: int
    record: Request
    open: OpenSpan | None
    parent: Parent
    call: int = 0
    connection: int = 0
    sending: bool = False
    """Its large body is not sent yet."""

    @property
    def phase(self) -> str:
        """What goes on when no step of a set-up does."""
        return "sending" if self.sending and self.connection else "waiting"


class RequestSpans:
    """Opens and ends the spans of calls and requests of one process."""

    def __init__(
        self,
        process: str,
        ledger: Ledger,
        maker: SpanMaker,
        totals: Totals,
        outermost: Callable[[], Parent],
    ) -> None:
        # Who drew an id: the process itself from a number on, its parent those below.
        self._drawn_by: list[tuple[int, str]] = [(0, process[:8])]
        self._outermost = outermost
        self._ledger = ledger
        self._maker = maker
        self._totals = totals
        self._now_ns = 0
        self.calls: BoundedTable[OpenCall] = BoundedTable(MAX_OPEN, self._call_crowded_out)
        self.requests: BoundedTable[OpenRequest] = BoundedTable(MAX_OPEN, self._crowded_out)
        self._links: BoundedTable[list[SpanReference]] = BoundedTable(MAX_OPEN)

    def placed(self, event: Placed) -> Parent:
        """The span around an event: our SDK call, unless the program has a newer one active."""
        call = self.calls.get(event.call) if event.call else None
        if call is not None and event.span_id in ("", call.outer_span_id):
            return below(call.open)
        return self._outside(event.trace_id, event.span_id)

    def _outside(self, trace_id: str, span_id: str) -> Parent:
        """The program's own active span, else what is around everything."""
        return foreign(trace_id, span_id) if trace_id and span_id else self._outermost()

    def around(self, request: int, event: Placed) -> Parent:
        """The request an event belongs to while it goes on, else the span around the event."""
        found = self.requests.get(request) if request else None
        return found.parent if found is not None else self.placed(event)

    def connection_name(self, identifier: int) -> str:
        """The id of a connection or pool as spans show it: the same in a forked child."""
        drawn = (prefix for first, prefix in reversed(self._drawn_by) if first <= identifier)
        return f"{next(drawn, self._drawn_by[0][1])}-{identifier}"

    def forked_from(self, parent: RequestSpans, first_own_id: int) -> None:
        """A forked process goes on with the numbers of its parent."""
        own = (first_own_id, self._drawn_by[-1][1])
        self._drawn_by = [*parent._drawn_by, own][-MAX_GENERATIONS:]

    def link_next_request(self, thread: int, reference: SpanReference) -> None:
        """The thread's next request gets a link to this span."""
        links = self._links.get(thread) or []
        self._links.put(thread, [*links, reference][-MAX_LINKS:])

    def call_start(self, event: CallStart) -> None:
        """An SDK call begins."""
        name = f"{event.service}.{event.operation}"
        parent = self._outside(event.trace_id, event.span_id)
        open_span = self._maker.begin(name, parent, event.time_ns, names.CLIENT)
        span = open_span.span
        put(span, names.RPC_SYSTEM, "aws-api")
        put(span, names.RPC_SERVICE, event.service)
        put(span, names.RPC_METHOD, event.operation)
        put(span, names.CLOUD_REGION, event.region)
        self._now_ns = event.time_ns
        self.calls.put(event.call, OpenCall(open_span, event.span_id))

    def call_end(self, event: CallEnd) -> None:
        """An SDK call is over."""
        call = self.calls.pop(event.call)
        if call is not None:
            self._maker.end(call.open, event.time_ns, event.error)

    def request_start(self, event: RequestStart) -> None:
        """An attempt begins: its span is open from here."""
        record = self._ledger.request_start(event)
        pool = self._ledger.use_pool(event.pool, event.time_ns)
        open_span = self._maker.begin(
            event.method or "HTTP", self.placed(event), event.time_ns, names.CLIENT
        )
        self._describe(open_span, event, record, pool)
        links = self._links.pop(event.thread) if len(self._links) else None
        for reference in links or ():
            open_span.span.links.append(Link(*reference))
        record.span = open_span.reference
        self._totals.requests += 1
        self._now_ns = event.time_ns
        request = OpenRequest(event.request, record, open_span, below(open_span), event.call)
        request.sending = event.large_body
        self.requests.put(event.request, request)

    def request_sent(self, event: RequestSent) -> None:
        """All of the request is on its way."""
        request = self.requests.get(event.request)
        if request is not None:
            request.sending = False

    def _describe(
        self, open_span: OpenSpan, event: RequestStart, record: Request, pool: Pool | None
    ) -> None:
        attributes = open_span.span.attributes
        attributes[names.HTTP_REQUEST_METHOD] = event.method
        if record.resends:
            attributes[names.HTTP_RESEND_COUNT] = record.resends
        if event.path:
            attributes[names.URL_PATH] = event.path
        if pool is None:
            return
        scheme, host, port, proxy = pool.origin
        attributes[names.SERVER_ADDRESS] = host
        attributes[names.SERVER_PORT] = port
        attributes[names.URL_SCHEME] = scheme
        # What is sent to a proxy itself is for another host, which no event names.
        if event.path and proxy != authority(host, port):
            shown = authority(host, 0 if _DEFAULT_PORTS.get(scheme) == port else port)
            attributes[names.URL_FULL] = f"{scheme}://{shown}{event.path}"

    def checkout(self, event: Checkout) -> None:
        """The pool handed something out: the wait for it is over."""
        connection = self._ledger.checkout(event)
        request = self.requests.get(event.request)
        if request is None:
            return
        if event.foreign_span and event.span_id:
            request.open = None
            request.record.span = None
            request.parent = foreign(event.trace_id, event.span_id)
        if event.wait_ns >= WAIT_NS:
            self._wait_span(event, request)
        if event.outcome != "reused":
            return
        self._totals.reused += 1
        request.connection = event.connection
        request.record.connection = event.connection
        if request.open is not None:
            self._describe_reuse(request.open, event, connection)

    def _wait_span(self, event: Checkout, request: OpenRequest) -> None:
        pool = self._ledger.pools.get(event.pool)
        where = authority(pool.origin.host, pool.origin.port) if pool is not None else ""
        start_ns = event.time_ns - event.wait_ns
        name = f"{names.WAIT_FOR_CONNECTION} {where}".rstrip()
        waiting = self._maker.begin(name, request.parent, start_ns)
        attributes = waiting.span.attributes
        attributes[names.POOL_ID] = self.connection_name(event.pool)
        attributes[names.POOL_IN_USE] = event.in_use
        attributes[names.POOL_MAXSIZE] = event.maxsize
        if pool is not None:
            attributes[names.SERVER_ADDRESS] = pool.origin.host
            attributes[names.SERVER_PORT] = pool.origin.port
        self._maker.end(waiting, event.time_ns)

    def _describe_reuse(
        self, open_span: OpenSpan, event: Checkout, connection: Connection | None
    ) -> None:
        attributes = open_span.span.attributes
        attributes[names.CONNECTION_ID] = self.connection_name(event.connection)
        attributes[names.CONNECTION_REUSED] = True
        if connection is None:
            return
        if connection.inherited:
            attributes.update(cause_attributes(inherited_in_use(connection.origin)))
        if connection.idle_before_ns >= 0:
            attributes[names.CONNECTION_IDLE_S] = connection.idle_before_ns / 1e9
        if connection.frozen_ns:
            attributes[names.CONNECTION_FROZEN_S] = connection.frozen_ns / 1e9
        if not connection.late:
            age_ns = event.time_ns - connection.stood_ns
            attributes[names.CONNECTION_AGE_S] = max(age_ns, 0) / 1e9
            attributes[names.CONNECTION_REQUESTS] = connection.requests

    def connected(self, request: int, connection: int) -> None:
        """A new connection was made for a request."""
        found = self.requests.get(request)
        if found is None:
            return
        found.connection = connection
        found.record.connection = connection
        if found.open is not None:
            attributes = found.open.span.attributes
            attributes[names.CONNECTION_ID] = self.connection_name(connection)
            attributes[names.CONNECTION_REUSED] = False
            attributes[names.CONNECTION_REQUESTS] = 1

    def request_end(self, event: RequestEnd) -> None:
        """The response's headers are there, or the attempt failed."""
        self._ledger.request_end(event)
        request = self.requests.pop(event.request)
        if request is None or request.open is None:
            return
        attributes = request.open.span.attributes
        error = event.error
        if event.status:
            attributes[names.HTTP_RESPONSE_STATUS] = event.status
            if event.status >= 400 and not error:
                error = str(event.status)
        attributes.update(
            why_it_failed(self._ledger.pools.get(request.record.pool), request.record)
        )
        if event.connection and names.CONNECTION_ID not in attributes:
            attributes[names.CONNECTION_ID] = self.connection_name(event.connection)
        self._maker.end(request.open, event.time_ns, error)

    def _crowded_out(self, _key: int, request: OpenRequest) -> None:
        if request.open is not None:
            self._maker.break_off(request.open, self._now_ns, UNFINISHED, "")

    def _call_crowded_out(self, _key: int, call: OpenCall) -> None:
        self._maker.break_off(call.open, self._now_ns, UNFINISHED, "")

    def doing(self) -> str:
        """What the request that began last does; empty when there is none."""
        requests = self.requests.values()
        return requests[-1].phase if requests else ""

    def break_off(self, end_ns: int, error: str, phases: dict[int, str]) -> None:
        """End what is open. `phases`: which step of its set-up a request was in, if any."""
        for request in self.requests.values():
            phase = phases.get(request.id, request.phase)
            if request.open is not None:
                self._maker.break_off(request.open, end_ns, error, phase)
            call = self.calls.get(request.call) if request.call else None
            if call is not None:
                call.phase = phase
        for call in self.calls.values():
            self._maker.break_off(call.open, end_ns, error, call.phase)
        self.requests.clear()
        self.calls.clear()

    def forget(self) -> None:
        """Drop everything unsaid: it belongs to another process."""
        self.requests.clear()
        self.calls.clear()
        self._links.clear()
