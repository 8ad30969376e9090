"""Lookups, connects, tunnels, CA loads and handshakes: the steps of a set-up, or on their own."""

from __future__ import annotations

from dataclasses import dataclass

from conntrace import semantic_names as names
from conntrace.analyzer.cost import Totals
from conntrace.analyzer.ledger_bounded import BoundedTable
from conntrace.analyzer.ledger_clients import authority
from conntrace.analyzer.spans_open import OpenSpan, Parent, SpanMaker, below, put
from conntrace.analyzer.spans_raw import Dial, RawDials
from conntrace.analyzer.spans_requests import RequestSpans
from conntrace.analyzer.spans_setups import ConnectAttempt, OpenSetup, SetupSpans, end_unseen
from conntrace.analyzer.spans_verdict import call_site
from conntrace.catalogue import UNFINISHED
from conntrace.events import (
    CaLoad,
    ConnectEnd,
    ConnectStart,
    LookupEnd,
    LookupStart,
    TlsEnd,
    TlsStart,
    TunnelEnd,
    TunnelStart,
)

MAX_OPEN = 4096
_AUDIT = "audit"


@dataclass(slots=True, eq=False)
class Step:
    """A step that goes on, and what it belongs to."""

    open: OpenSpan
    phase: str
    setup: OpenSetup | None = None
    dial: Dial | None = None
    attempt: ConnectAttempt | None = None
    started_ns: int = 0


class StepSpans:
    """Opens and ends the spans below set-ups, and those of raw sockets."""

    def __init__(
        self,
        maker: SpanMaker,
        requests: RequestSpans,
        setups: SetupSpans,
        dials: RawDials,
        totals: Totals,
    ) -> None:
        self._maker = maker
        self._requests = requests
        self._setups = setups
        self._dials = dials
        self._totals = totals
        self._now_ns = 0
        self._steps: BoundedTable[Step] = BoundedTable(MAX_OPEN, self._crowded_out)

    def _parent(self, event: LookupStart | ConnectStart | TlsStart | CaLoad) -> Parent:
        setup = self._setups.open.get(event.setup)
        if setup is not None:
            return below(setup.open)
        return self._requests.around(event.request, event)

    def _put(self, operation: int, step: Step, now_ns: int) -> None:
        self._now_ns = step.started_ns = now_ns
        if step.setup is not None:
            step.setup.phase = step.phase
        self._steps.put(operation, step)

    def lookup_start(self, event: LookupStart) -> None:
        """A name or address is looked up. An IP literal is counted and not shown."""
        if event.literal:
            self._totals.not_lookups += 1
            return
        if event.operation in self._steps:
            return
        self._totals.lookups += 1
        kind = names.DNS_REVERSE_LOOKUP if event.reverse else names.DNS_LOOKUP
        open_span = self._maker.begin(f"{kind} {event.host}", self._parent(event), event.time_ns)
        span = open_span.span
        put(span, names.DNS_QUESTION_NAME, event.host)
        put(span, names.SERVER_ADDRESS, event.host)
        put(span, names.SERVER_PORT, event.port or None)
        span.attributes[names.THREAD_ID] = event.thread
        call_site(span, event)
        if event.audit:
            span.attributes[names.OBSERVED_BY] = _AUDIT
        setup = self._setups.open.get(event.setup)
        step = Step(open_span, "dns", setup)
        if setup is None:
            step.dial = self._dials.lookup_started(event, open_span)
        else:
            setup.lookups.append(open_span)
            if event.audit:
                self._maker.end(open_span, event.time_ns, hold=True)
        if not event.audit:
            self._put(event.operation, step, event.time_ns)

    def lookup_end(self, event: LookupEnd) -> None:
        """The answers are there, or the lookup failed."""
        step = self._steps.pop(event.operation)
        if step is None or step.phase != "dns":
            return
        if event.answers:
            step.open.span.attributes[names.DNS_ANSWERS] = list(event.answers)
        self._maker.end(step.open, event.time_ns, event.error, hold=True)
        self._note_failure(step, event.error)
        if step.setup is not None:
            duration_ns = event.time_ns - step.started_ns
            step.setup.steps.lookup_ns = max(step.setup.steps.lookup_ns, duration_ns)
        if step.dial is not None:
            self._dials.lookup_ended(step.dial, event.time_ns, event.answers, event.error)

    def connect_start(self, event: ConnectStart) -> None:
        """`connect` is called on a socket."""
        if event.operation in self._steps:
            return
        self._totals.connects += 1
        where = authority(event.address, event.port)
        open_span = self._maker.begin(
            f"{names.SOCKET_CONNECT} {where}", self._parent(event), event.time_ns
        )
        span = open_span.span
        span.attributes[names.NETWORK_PEER_ADDRESS] = event.address
        span.attributes[names.NETWORK_PEER_PORT] = event.port
        call_site(span, event)
        if event.audit:
            span.attributes[names.OBSERVED_BY] = _AUDIT
        attempt = ConnectAttempt(open_span, event)
        setup = self._setups.open.get(event.setup)
        step = Step(open_span, "connect", setup, attempt=attempt)
        if setup is None:
            step.dial = self._dials.connect_started(event, attempt)
        else:
            setup.connects.append(attempt)
            setup.steps.connects += 1
            if event.audit:
                self._maker.end(open_span, event.time_ns, hold=True)
        if not event.audit:
            self._put(event.operation, step, event.time_ns)

    def connect_end(self, event: ConnectEnd) -> None:
        """`connect` returned, or has come to its end after it returned without waiting."""
        step = self._steps.get(event.operation)
        attempt = step.attempt if step is not None else None
        if step is None or attempt is None:
            return
        if event.address:
            span, where = step.open.span, authority(event.address, attempt.start.port)
            span.name = f"{names.SOCKET_CONNECT} {where}"
            span.attributes[names.NETWORK_PEER_ADDRESS] = event.address
        if step.setup is not None and not event.error:
            step.setup.peer = (event.address or attempt.start.address, attempt.start.port)
        if event.in_progress and not attempt.returned_ns:
            attempt.returned_ns = event.time_ns
            return
        self._steps.pop(event.operation)
        if event.in_progress:
            end_unseen(self._maker, attempt)
        attempt.error = event.error
        self._maker.end(step.open, event.time_ns, event.error, hold=True)
        self._note_failure(step, event.error)
        if step.setup is not None and event.error:
            step.setup.steps.failed_connects += 1
        elif step.setup is not None and not event.in_progress:
            duration_ns = event.time_ns - step.started_ns
            step.setup.steps.connect_ns = max(step.setup.steps.connect_ns, duration_ns)
        if step.dial is not None:
            self._dials.connect_ended(step.dial, event.time_ns, event.error)

    def tunnel_start(self, event: TunnelStart) -> None:
        """A proxy is asked to connect further."""
        setup = self._setups.open.get(event.setup)
        if setup is None or event.operation in self._steps:
            return
        setup.steps.tunnels += 1
        where = authority(event.host, event.port)
        open_span = self._maker.begin(
            f"{names.PROXY_CONNECT} {where}", below(setup.open), event.time_ns, names.CLIENT
        )
        open_span.span.attributes[names.HTTP_REQUEST_METHOD] = "CONNECT"
        open_span.span.attributes[names.SERVER_ADDRESS] = event.host
        open_span.span.attributes[names.SERVER_PORT] = event.port
        self._put(event.operation, Step(open_span, "connect", setup), event.time_ns)

    def tls_start(self, event: TlsStart) -> None:
        """A handshake begins."""
        if event.operation in self._steps:
            return
        self._totals.handshakes += 1
        name = f"{names.TLS_HANDSHAKE} {event.host}".rstrip()
        open_span = self._maker.begin(name, self._parent(event), event.time_ns)
        put(open_span.span, names.SERVER_ADDRESS, event.host)
        call_site(open_span.span, event)
        setup = self._setups.open.get(event.setup)
        self._put(event.operation, Step(open_span, "tls", setup), event.time_ns)

    def tls_end(self, event: TlsEnd) -> None:
        """The handshake is done or failed."""
        step = self._steps.pop(event.operation)
        if step is None:
            return
        span = step.open.span
        protocol, _, version = event.protocol.partition("v")
        put(span, names.TLS_PROTOCOL_NAME, protocol.lower())
        put(span, names.TLS_PROTOCOL_VERSION, version)
        put(span, names.TLS_CIPHER, event.cipher)
        put(span, names.TLS_NEXT_PROTOCOL, event.next_protocol)
        put(span, names.TLS_SERVER_NOT_AFTER, event.not_after)
        if event.in_progress:
            # The program let go of it half done: nobody can say how it would have ended.
            span.attributes[names.UNFINISHED_PHASE] = step.phase
        elif not event.error:
            span.attributes[names.TLS_RESUMED] = event.resumed
        if step.setup is not None:
            step.setup.steps.tls_ns += event.time_ns - step.started_ns
            step.setup.steps.tls_delay_ns += max(event.delay_ns, 0)
        self._close(step, event.time_ns, event.error)

    def tunnel_end(self, event: TunnelEnd) -> None:
        """The proxy answered."""
        step = self._steps.pop(event.operation)
        if step is not None:
            self._close(step, event.time_ns, event.error)

    def ca_load(self, event: CaLoad) -> None:
        """A bundle of CA certificates was parsed; the event is its end."""
        start_ns = event.time_ns - event.duration_ns
        open_span = self._maker.begin(names.TRUST_STORE_LOAD, self._parent(event), start_ns)
        call_site(open_span.span, event)
        setup = self._setups.open.get(event.setup)
        if setup is not None:
            setup.phase = "tls"
            setup.steps.ca_load_ns += event.duration_ns
        self._close(Step(open_span, "tls", setup), event.time_ns, event.error)

    def _close(self, step: Step, time_ns: int, error: str) -> None:
        self._maker.end(step.open, time_ns, error, hold=_is_held(step))
        self._note_failure(step, error)

    @staticmethod
    def _note_failure(step: Step, error: str) -> None:
        if step.setup is not None:
            step.setup.failed_phase = step.phase if error else ""
            if error:
                step.setup.steps.errors.add(error)

    def _crowded_out(self, _key: int, step: Step) -> None:
        if step.attempt is not None:
            end_unseen(self._maker, step.attempt)
        self._maker.break_off(step.open, self._now_ns, UNFINISHED, step.phase, hold=_is_held(step))

    def setup_over(self, identifier: int, end_ns: int, error: str) -> None:
        """End the steps of a set-up that is about to end; their own ends were lost."""
        for operation in self._steps:
            step = self._steps.get(operation)
            if step is not None and step.setup is not None and step.setup.id == identifier:
                self._steps.pop(operation)
                if step.attempt is not None:
                    end_unseen(self._maker, step.attempt)
                self._maker.end(step.open, end_ns, error, hold=_is_held(step))

    def doing(self) -> str:
        """The phase of what was begun last and goes on; empty for nothing."""
        steps = self._steps.values()
        return steps[-1].phase if steps else ""

    def phases(self) -> dict[int, str]:
        """What each set-up was doing, by its id."""
        return {
            step.setup.id: step.phase for step in self._steps.values() if step.setup is not None
        }

    def break_off(self, end_ns: int, error: str) -> None:
        """End the handshakes and tunnels that go on; set-ups and dials end their own steps."""
        for step in self._steps.values():
            if not _is_held(step):
                self._maker.break_off(step.open, end_ns, error, step.phase)
        self._steps.clear()

    def forget(self) -> None:
        """Drop everything unsaid: it belongs to another process."""
        self._steps.clear()


def _is_held(step: Step) -> bool:
    """Lookups and connects are handed out by their set-up or dial, when their cause is known."""
    return step.phase == "dns" or step.attempt is not None
