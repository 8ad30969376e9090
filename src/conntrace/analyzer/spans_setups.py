"""Connection set-ups: one span each, with the cause, over its lookups, connects and handshakes."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from conntrace import semantic_names as names
from conntrace.analyzer.causes import Cause, SetupFacts, decide, gather
from conntrace.analyzer.causes.died_in_use import awaits_answer
from conntrace.analyzer.causes.several_connects import (
    Steps,
    address_fallback,
    contributing,
    evidence,
    happy_eyeballs_race,
)
from conntrace.analyzer.cost import Totals
from conntrace.analyzer.ledger import Ledger
from conntrace.analyzer.ledger_bounded import BoundedTable
from conntrace.analyzer.ledger_clients import authority
from conntrace.analyzer.span import AttributeValue, Link
from conntrace.analyzer.spans_open import OpenSpan, SpanMaker
from conntrace.analyzer.spans_requests import RequestSpans
from conntrace.analyzer.spans_verdict import cause_attributes, describe_setup
from conntrace.catalogue import UNFINISHED
from conntrace.events import ConnectStart, SetupEnd, SetupStart

MAX_OPEN = 2048

OnCause = Callable[[int, dict[str, AttributeValue]], None]


@dataclass(slots=True, eq=False)
class ConnectAttempt:
    """One connect of a set-up (or of a raw socket); held back until their number is known."""

    open: OpenSpan
    start: ConnectStart
    error: str = ""
    returned_ns: int = 0
    """When the call returned without waiting, 0 when it waited."""
    unseen: bool = False
    """It did not wait, and nobody asked how it ended."""


@dataclass(slots=True, eq=False)
class OpenSetup:
    """A set-up that goes on. `phase` is what it does now: `dns`, `connect` or `tls`."""

    id: int
    open: OpenSpan
    facts: SetupFacts
    phase: str = "dns"
    failed_phase: str = ""
    steps: Steps = field(default_factory=Steps)
    lookups: list[OpenSpan] = field(default_factory=list)
    connects: list[ConnectAttempt] = field(default_factory=list)
    peer: tuple[str, int] | None = None


class SetupSpans:
    """Opens and ends the set-up spans of one process, and finds their causes."""

    def __init__(
        self,
        ledger: Ledger,
        maker: SpanMaker,
        requests: RequestSpans,
        totals: Totals,
        on_cause: OnCause | None,
        decided_badly: Callable[[Exception], None],
    ) -> None:
        self._ledger = ledger
        self._maker = maker
        self._requests = requests
        self._totals = totals
        self._on_cause = on_cause
        self._decided_badly = decided_badly
        self._now_ns = 0
        self.open: BoundedTable[OpenSetup] = BoundedTable(MAX_OPEN, self._crowded_out)
        self._by_request: dict[int, int] = {}
        self._awaiting: BoundedTable[tuple[OpenSetup, SetupEnd]] = BoundedTable(
            MAX_OPEN, self._write_waiting
        )

    def start(self, event: SetupStart) -> None:
        """A connection is about to be made. The same id twice is one set-up."""
        if not event.setup or event.setup in self.open or self._is_known(event.setup):
            return
        parent = self._requests.around(event.request, event)
        facts = gather(self._ledger, event)
        where = authority(facts.origin.host, facts.origin.port)
        open_span = self._maker.begin(f"{names.CONNECTION_SETUP} {where}", parent, event.time_ns)
        facts.connection.setup_span = open_span.reference
        self._now_ns = event.time_ns
        self._requests.connected(event.request, event.setup)
        if event.request:
            self._by_request[event.request] = event.setup
        self.open.put(event.setup, OpenSetup(event.setup, open_span, facts))

    def _is_known(self, connection: int) -> bool:
        known = self._ledger.connections.get(connection)
        return known is not None and not known.late

    def end(self, event: SetupEnd) -> None:
        """The connection stands, or could not be made."""
        setup = self.open.pop(event.setup)
        if setup is not None:
            self._finish(setup, event)

    def of_request(self, request: int) -> int:
        """The open set-up of a request, 0 for none."""
        identifier = self._by_request.get(request, 0)
        return identifier if identifier in self.open else 0

    def _finish(self, setup: OpenSetup, event: SetupEnd, phase: str = "") -> None:
        facts = setup.facts
        self._by_request.pop(facts.start.request, None)
        facts.end_error = event.error
        if event.error:
            setup.steps.errors.add(event.error)
        self._ledger.setup_end(event, setup.failed_phase or _phase_after(setup))
        cause = self._decide(setup)
        if facts.start.request and not event.error and awaits_answer(facts, cause):
            self._awaiting.put(facts.start.request, (setup, event))
        else:
            self._write(setup, event, phase, cause)

    def answered(self, request: int, well: bool) -> None:
        """The request of a set-up is over: what only its answer can prove is settled now."""
        waiting = self._awaiting.pop(request)
        if waiting is not None:
            waiting[0].facts.answered = well
            self._write_waiting(request, waiting)

    def _write_waiting(self, _request: int, waiting: tuple[OpenSetup, SetupEnd]) -> None:
        setup, event = waiting
        self._write(setup, event, "", self._decide(setup))

    def _write(self, setup: OpenSetup, event: SetupEnd, phase: str, cause: Cause) -> None:
        facts = setup.facts
        self._release_steps(setup, event.time_ns, cause)
        span = setup.open.span
        describe_setup(span, facts, cause, event, self._requests.connection_name)
        if cause.lost is not None:
            span.links.append(Link(*cause.lost))
        if setup.peer is not None:
            span.attributes[names.NETWORK_PEER_ADDRESS] = setup.peer[0]
            span.attributes[names.NETWORK_PEER_PORT] = setup.peer[1]
        if phase:
            span.attributes[names.UNFINISHED_PHASE] = phase
        self._maker.end(setup.open, event.time_ns, event.error)
        self._totals.add_setup(
            span.end_ns - span.start_ns, cause.avoidable, cause.name == "unexplained"
        )
        if self._on_cause is not None and facts.start.request:
            self._on_cause(facts.start.request, _for_request(span.attributes))

    def _decide(self, setup: OpenSetup) -> Cause:
        try:
            cause = decide(setup.facts)
        except Exception as error:  # one row's mistake must not cost the span
            self._decided_badly(error)
            detail = "conntrace failed while looking for the cause"
            cause = Cause("unexplained", "inferred", detail)
        steps = setup.steps
        return cause.with_evidence(*evidence(steps)).with_contributing(*contributing(steps))

    def _release_steps(self, setup: OpenSetup, end_ns: int, cause: Cause) -> None:
        reason = cause_attributes(cause, with_advice=False)
        purpose = setup.facts.client.purpose
        for lookup in setup.lookups:
            self._maker.end(lookup, end_ns, hold=True)
            lookup.span.attributes.update(reason)
            lookup.span.attributes[names.PURPOSE] = purpose
            self._maker.release(lookup)
        for attempt in setup.connects:
            self._maker.end(attempt.open, end_ns, hold=True)
        release_connects(self._maker, setup.connects)

    def _crowded_out(self, _key: int, setup: OpenSetup) -> None:
        self.break_off(setup, self._now_ns, UNFINISHED)

    def break_off(self, setup: OpenSetup, end_ns: int, error: str) -> None:
        """End a set-up that its process could not end."""
        for step in (*setup.lookups, *(attempt.open for attempt in setup.connects)):
            self._maker.break_off(step, end_ns, error, setup.phase, hold=True)
        end = SetupEnd(time_ns=end_ns, setup=setup.id, error=error)
        self._finish(setup, end, setup.phase)

    def forget(self) -> None:
        """Drop everything unsaid: it belongs to another process."""
        self.open.clear()
        self._awaiting.clear()
        self._by_request.clear()

    def break_off_all(self, end_ns: int, error: str) -> dict[int, str]:
        """End all that are open; tells what each request was doing."""
        phases: dict[int, str] = {}
        for request in self._awaiting:
            self.answered(request, False)
        for setup in self.open.values():
            phases[setup.facts.start.request] = setup.phase
            self.break_off(setup, end_ns, error)
        self.open.clear()
        return phases


def end_unseen(maker: SpanMaker, attempt: ConnectAttempt) -> None:
    """End a connect that did not wait, and whose end nobody saw, with its call."""
    if attempt.returned_ns and not attempt.open.ended:
        attempt.unseen = True
        maker.end(attempt.open, attempt.returned_ns, hold=True)


def _phase_after(setup: OpenSetup) -> str:
    """What was due when a set-up failed of which no step did."""
    answered = setup.phase == "dns" and bool(setup.lookups or setup.connects)
    return "connect" if answered else setup.phase


def release_connects(maker: SpanMaker, attempts: list[ConnectAttempt]) -> None:
    """Number the connects of one set-up, name the fallbacks, and hand them out."""
    total = len(attempts)
    for index, attempt in enumerate(attempts, start=1):
        attributes = attempt.open.span.attributes
        attributes[names.ATTEMPT_INDEX] = index
        attributes[names.ATTEMPT_COUNT] = total
        if index > 1:
            cause = _cause_of_next(index, total, attempts[index - 2], attempt)
            attributes.update(cause_attributes(cause) if cause is not None else {})
        maker.release(attempt.open)


def _cause_of_next(
    index: int, total: int, before: ConnectAttempt, attempt: ConnectAttempt
) -> Cause | None:
    address = before.start.address
    if before.returned_ns and before.open.span.end_ns > attempt.open.span.start_ns:
        return happy_eyeballs_race(index, total, address)
    return address_fallback(index, total, address, before.error) if before.error else None


def _for_request(attributes: dict[str, AttributeValue]) -> dict[str, AttributeValue]:
    """What of a set-up belongs on the program's own request span."""
    kept = ("conntrace.cause.", "conntrace.connection.", "conntrace.purpose", "conntrace.close.")
    return {name: value for name, value in attributes.items() if name.startswith(kept)}
