"""Events of one process become spans: the dispatch, and the order in which the books are kept."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from conntrace.analyzer.cost import Totals
from conntrace.analyzer.environment import TIMEOUT, Environment
from conntrace.analyzer.ledger import Ledger
from conntrace.analyzer.span import Resource, Span
from conntrace.analyzer.spans_closes import CloseSpans
from conntrace.analyzer.spans_invocations import InvocationSpans
from conntrace.analyzer.spans_open import Ids, SpanMaker
from conntrace.analyzer.spans_raw import RawDials
from conntrace.analyzer.spans_requests import RequestSpans
from conntrace.analyzer.spans_resource import resource_of
from conntrace.analyzer.spans_setups import OnCause, SetupSpans
from conntrace.analyzer.spans_steps import StepSpans
from conntrace.events import (
    CallEnd,
    CallStart,
    CaLoad,
    Checkout,
    Clock,
    Close,
    ConnectEnd,
    ConnectStart,
    Drops,
    Event,
    Goodbye,
    Hello,
    LeaseEnd,
    LookupEnd,
    LookupStart,
    ManagerClosed,
    ManagerGone,
    ManagerNew,
    PoolClosed,
    PoolEvicted,
    PoolGone,
    PoolNew,
    RequestEnd,
    RequestSent,
    RequestStart,
    SetupEnd,
    SetupStart,
    TlsEnd,
    TlsStart,
    TunnelEnd,
    TunnelStart,
)
from conntrace.events_lambda import (
    Function,
    InitError,
    InvocationEnd,
    InvocationStart,
    LeftOut,
    Restored,
)

# A thread that does one of these has gone on from its last lookup. Closes, collections and the ends
# of leases do not count: finalizers may run them in the middle of anything.
_GOES_ON = (
    RequestStart,
    RequestSent,
    Checkout,
    SetupStart,
    TlsStart,
    CallStart,
    CallEnd,
    RequestEnd,
    InvocationStart,
    InvocationEnd,
)


class ProcessSpans:
    """One process: its ledger, its open spans, and the spans finished so far in `finished`."""

    def __init__(
        self,
        process: str,
        finished: list[Span],
        *,
        environment: Environment | None = None,
        on_cause: OnCause | None = None,
        decided_badly: Callable[[Exception], None] | None = None,
    ) -> None:
        self.process = process
        self._environment = environment or Environment()
        self._hello = Hello()
        self.ledger = Ledger(self._environment.freezes)
        self.totals = Totals()
        self.drops = Drops()
        self.said_goodbye = False
        self.latest_ns = self._before_ns = 0
        self._finished = finished
        self.maker = SpanMaker(Resource(()), Ids(), finished)
        self.invocations = InvocationSpans(self.maker, self.totals, self._environment)
        self._requests = RequestSpans(
            process, self.ledger, self.maker, self.totals, self.invocations.outermost
        )
        self._setups = SetupSpans(
            self.ledger,
            self.maker,
            self._requests,
            self.totals,
            on_cause,
            decided_badly or _ignore,
        )
        self._dials = RawDials(self.maker)
        self._steps = StepSpans(self.maker, self._requests, self._setups, self._dials, self.totals)
        self._closes = CloseSpans(self.ledger, self.maker, self._requests, self.totals)
        self._handlers = self._table()

    def _table(self) -> dict[type[Event], Callable[[Any], object]]:
        ledger, requests, steps = self.ledger, self._requests, self._steps
        return {
            Clock: self._clock,
            Function: self._function,
            InvocationStart: self._invocation_start,
            InvocationEnd: self._invocation_end,
            InitError: self.invocations.init.failed,
            Restored: self._restored,
            LeftOut: self._left_out,
            Goodbye: self._goodbye,
            Drops: self._dropped,
            ManagerNew: ledger.manager_new,
            ManagerClosed: ledger.manager_closed,
            ManagerGone: ledger.manager_gone,
            PoolNew: ledger.pool_new,
            PoolEvicted: self._closes.evicted,
            PoolClosed: ledger.pool_closed,
            PoolGone: ledger.pool_gone,
            CallStart: requests.call_start,
            CallEnd: requests.call_end,
            RequestStart: requests.request_start,
            RequestSent: requests.request_sent,
            Checkout: self._checkout,
            SetupStart: self._setup_start,
            SetupEnd: self._setup_end,
            LookupStart: steps.lookup_start,
            LookupEnd: steps.lookup_end,
            ConnectStart: steps.connect_start,
            ConnectEnd: steps.connect_end,
            TunnelStart: steps.tunnel_start,
            TunnelEnd: steps.tunnel_end,
            TlsStart: steps.tls_start,
            TlsEnd: steps.tls_end,
            CaLoad: steps.ca_load,
            RequestEnd: self._request_end,
            LeaseEnd: ledger.lease_end,
            Close: self._closes.close,
        }

    def feed(self, event: Event) -> None:
        """Take one event; finished spans appear in the list given at the start."""
        self._before_ns = self.latest_ns
        if event.time_ns > self.latest_ns:
            self.latest_ns = event.time_ns
        if len(self._dials):
            self._dials.tick(event.time_ns)
            if isinstance(event, _GOES_ON):
                self._dials.thread_went_on(event.thread)
        handler = self._handlers.get(type(event))
        if handler is not None:
            handler(event)

    def hello(self, event: Hello, parent: ProcessSpans | None) -> None:
        """The process says who it is; `parent` is the one it was forked from."""
        self.latest_ns = max(self.latest_ns, event.time_ns)
        self.maker.set_clocks(event.time_ns, event.wall_ns)
        self._hello = event
        # A fork, or a life after a snapshot, begins here, whenever the program was started.
        began_ns = 0 if event.forked_from else event.started_ns
        self.invocations.init.began_ns = began_ns or event.time_ns
        self.ledger.hello(event, parent.ledger if parent is not None else None)
        if parent is not None:
            self.invocations.forked_from(parent.invocations)
            self._requests.forked_from(parent._requests, event.first_id)
        self._name_resource()

    def _name_resource(self) -> None:
        function = self.invocations.function
        self.maker.resource = resource_of(
            self._hello, self.process, function, self._environment.host_resource
        )
        if function is not None:
            self._environment.resource = self.maker.resource

    def _function(self, event: Function) -> None:
        self.invocations.describe(event)
        self._name_resource()

    def _invocation_start(self, event: InvocationStart) -> None:
        self.invocations.start(event, self._before_ns)
        function = self.invocations.function
        # What is connected before a snapshot is dead after it: there INIT would be no better.
        self.ledger.past_init = function is None or function.initialization != "snap-start"

    def _invocation_end(self, event: InvocationEnd) -> None:
        self.invocations.end(event)
        self.ledger.past_init = False

    def _restored(self, event: Restored) -> None:
        self.invocations.init.snapshot_ended(self._before_ns)
        self.maker.set_clocks(event.time_ns, event.wall_ns)
        self.ledger.restored(event)

    def _left_out(self, event: LeftOut) -> None:
        """The totals are of all requests; that some have no span is told with them."""
        self.totals.requests += event.requests
        self.totals.reused += event.requests
        if self.maker.room is not None:
            self.maker.room.dropped += event.requests

    def tick(self, now_ns: int) -> None:
        """Time passes (CLOCK_MONOTONIC)."""
        if self.invocations.running:
            self.invocations.tick(now_ns, self._doing())
        if len(self._dials):
            self._dials.tick(now_ns)

    def _clock(self, event: Clock) -> None:
        self.maker.set_clocks(event.time_ns, event.wall_ns)

    def _goodbye(self, event: Goodbye) -> None:
        self.said_goodbye = True
        self.totals.agent_ns = max(self.totals.agent_ns, event.agent_ns)

    def _dropped(self, event: Drops) -> None:
        self.drops = event

    def _checkout(self, event: Checkout) -> None:
        self._requests.checkout(event)
        if len(self._closes):
            self._closes.checked_out(event.connection)

    def _setup_start(self, event: SetupStart) -> None:
        if event.previous and len(self._closes):
            self._closes.checked_out(event.previous)
        self._setups.start(event)

    def _setup_end(self, event: SetupEnd) -> None:
        if event.setup in self._setups.open:
            self._steps.setup_over(event.setup, event.time_ns, event.error)
        self._setups.end(event)

    def _request_end(self, event: RequestEnd) -> None:
        setup = self._setups.of_request(event.request)
        if setup:
            self._setup_end(SetupEnd(time_ns=event.time_ns, setup=setup, error=event.error))
        self._setups.answered(event.request, 0 < event.status < 500 and not event.error)
        self._requests.request_end(event)

    def _doing(self) -> str:
        """The phase of what was begun last and goes on; empty for nothing."""
        return self._steps.doing() or self._requests.doing()

    def break_off(self, end_ns: int, error: str) -> None:
        """End everything that goes on, as an error of this type (`error.type`)."""
        error = self.invocations.outcome or error
        if error == TIMEOUT and self.invocations.deadline_ns:
            # The platform keeps its deadline; the host hears of it sooner or later.
            end_ns = self.invocations.deadline_ns
        end_ns = max(end_ns, self.latest_ns)
        doing = self._doing()
        self._closes.write_waiting()
        self._steps.break_off(end_ns, error)
        phases = self._setups.break_off_all(end_ns, error)
        self._dials.break_off(end_ns, error)
        self._requests.break_off(end_ns, error, phases)
        self.invocations.break_off(end_ns, error, doing or "handler")
        self.invocations.init.break_off(
            end_ns, error, doing, initialising=self.invocations.initialising
        )

    def abandon(self) -> None:
        """Forget open spans, keep the ledger: this is a forked child's copy of its parent."""
        self.maker.renew_ids()
        self._steps.forget()
        self._setups.forget()
        self._dials.forget()
        self._closes.forget()
        self._requests.forget()
        self.totals.reset()
        self.drops = Drops()


def _ignore(_: Exception) -> None:
    return None
