"""Invocations of an AWS Lambda function: the span around all that its process does in one.

One process runs one invocation at a time. What runs before its first one belongs to the span of the
initialisation; what runs between two of them (finalizers, threads) to the one before.
"""

from __future__ import annotations

from dataclasses import dataclass

from conntrace import semantic_names as names
from conntrace.analyzer.cost import Totals
from conntrace.analyzer.environment import TIMEOUT, Environment
from conntrace.analyzer.invocation_facts import (
    context_of,
    describe_invocation,
    describe_totals,
    failed_invocation,
    kind_of,
    name_of,
)
from conntrace.analyzer.ledger_records import SpanReference
from conntrace.analyzer.span import Link
from conntrace.analyzer.span_room import SpanRoom
from conntrace.analyzer.spans_open import ROOT, OpenSpan, Parent, SpanMaker, below, beside
from conntrace.catalogue import UNFINISHED
from conntrace.events_lambda import (
    Function,
    InitError,
    InvocationEnd,
    InvocationStart,
    PlatformInit,
)

OVERDUE_NS = 1_000_000_000
"""So long after its deadline an invocation is ended: managed instances let its code run on."""

LONGEST_NS = 20 * 60 * 1_000_000_000
"""No invocation may take more than 15 minutes: a deadline beyond is none."""

LONGEST_INIT_NS = 20 * 60 * 1_000_000_000
"""INIT may take 15 minutes: times of the platform further apart come from another clock."""


@dataclass(slots=True, eq=False)
class OpenInvocation:
    """An invocation that goes on. `open` is None when another tool makes its span."""

    id: int
    request_id: str
    open: OpenSpan | None
    before: Totals
    deadline_ns: int
    """CLOCK_MONOTONIC; 0 when it is not known."""


class InvocationSpans:
    """Opens and ends the spans of invocations and of the initialisation of one process."""

    def __init__(self, maker: SpanMaker, totals: Totals, environment: Environment) -> None:
        self._maker = maker
        self._totals = totals
        self._environment = environment
        self.function: Function | None = None
        self.began_ns = 0
        """When the process began, as far as it is known."""
        self._init: OpenSpan | None = None
        self._init_reference: SpanReference | None = None
        self._current: OpenInvocation | None = None
        self._first: OpenSpan | None = None
        self._between: Parent | None = None
        self._parent: InvocationSpans | None = None
        self._init_over = False
        self._init_end_told = False

    @property
    def running(self) -> str:
        """Request id of the invocation that goes on; empty between invocations."""
        return self._current.request_id if self._current is not None else ""

    @property
    def deadline_ns(self) -> int:
        """When the platform ends the running invocation (CLOCK_MONOTONIC); 0 when not known."""
        return self._current.deadline_ns if self._current is not None else 0

    @property
    def outcome(self) -> str:
        """error.type by which the platform says that the running invocation ended."""
        return self._environment.outcome(self.running) if self.running else ""

    def outermost(self) -> Parent:
        """What everything without a parent of its own hangs under."""
        if self._current is not None:
            return below(self._current.open) if self._current.open is not None else ROOT
        if self._between is not None:
            return self._between
        if self._parent is not None and self._parent._between is not None:
            return self._parent._around()
        return below(self._open_init()) if self.function is not None else ROOT

    def _around(self) -> Parent:
        """The same for a child process: what it does may end later."""
        if self._current is not None and self._current.open is not None:
            return beside(self._current.open)
        return self._between if self._between is not None else ROOT

    def describe(self, event: Function) -> None:
        """The process says what function it is; an initialisation that failed before was tried
        again."""
        self.function = event
        self._environment.init_error = ""
        self._maker.room = self._maker.room or SpanRoom()

    def forked_from(self, parent: InvocationSpans) -> None:
        """A forked process works for the invocations of its parent, or runs its own."""
        self.function = parent.function
        if parent.function is not None:
            self._parent = parent
            self._maker.room = SpanRoom()

    def start(self, event: InvocationStart, before_ns: int) -> None:
        """An invocation reaches the process, which was last heard of at `before_ns`. One before it
        that has no end has lost it."""
        self.break_off(event.time_ns, UNFINISHED, "handler")
        if not self._init_over:
            self._end_init(event.time_ns if self._was_started_on_demand() else before_ns)
        self._maker.set_clocks(event.time_ns, event.wall_ns)
        told, missed = self._environment.started(event.request_id)
        for lost in missed:
            self._maker.hand_out(
                failed_invocation(lost, self._environment, event.time_ns, UNFINISHED)
            )
        opened = None
        if not event.other_tool:
            opened = self._open(event, event.xray or (told.xray if told is not None else ""))
        self._maker.room = SpanRoom()
        self._current = OpenInvocation(
            event.invocation, event.request_id, opened, self._totals.copy(), _deadline(event)
        )
        self._between = beside(opened) if opened is not None else ROOT

    def _was_started_on_demand(self) -> bool:
        """Else the first invocation may come hours after the initialisation."""
        return self.function is None or self.function.initialization in ("", "on-demand")

    def _open(self, event: InvocationStart, xray: str) -> OpenSpan:
        parent, links = context_of(event, xray, self._environment.xray_parent)
        opened = self._maker.begin(
            name_of(event, self._function_name()), parent, event.time_ns, kind_of(event)
        )
        describe_invocation(opened.span, event)
        opened.span.links += links
        self._link_init(opened)
        self._first = self._first or opened
        return opened

    def _function_name(self) -> str:
        if self.function is not None and self.function.name:
            return self.function.name
        return str(self._environment.host_resource.get(names.FAAS_NAME, "function"))

    def end(self, event: InvocationEnd) -> None:
        """The outcome has been handed to the platform."""
        current = self._current
        if current is None or event.invocation != current.id:
            return
        self._close(current, event.time_ns, event.error, event.agent_ns)

    def _close(
        self, current: OpenInvocation, end_ns: int, error: str, agent_ns: int, phase: str = ""
    ) -> None:
        self._current = None
        if current.open is None:
            return
        room = self._maker.room
        dropped = room.dropped if room is not None else 0
        describe_totals(current.open.span, self._totals.since(current.before), agent_ns, dropped)
        self._maker.break_off(current.open, end_ns, error, phase)

    def break_off(self, end_ns: int, error: str, phase: str) -> None:
        """End an invocation that its process could not end; the platform may know how."""
        if self._current is not None:
            told = self._environment.outcome(self._current.request_id)
            self._close(self._current, end_ns, told or error, 0, phase)

    def tick(self, now_ns: int, doing: str) -> None:
        """Time passes: an invocation that nobody ends is over some time after its deadline."""
        if self.deadline_ns and now_ns > self.deadline_ns + OVERDUE_NS:
            self.break_off(self.deadline_ns, TIMEOUT, doing or "handler")

    # --- the initialisation ---------------------------------------------------------------------
    def _open_init(self) -> OpenSpan:
        if self._init is None:
            name = f"{self._function_name()} {names.INIT}"
            self._init = self._maker.begin(name, ROOT, self.began_ns)
            self._environment.init_span = self._init_reference = self._init.reference
        return self._init

    def _end_init(self, end_ns: int, error: str = "", phase: str = "") -> None:
        self._init_over = True
        if self._init is not None:
            end_ns = 0 if self._init_end_told else end_ns
            self._maker.break_off(self._init, end_ns, error, phase)

    def init_failed(self, event: InitError) -> None:
        """The handler could not be imported."""
        self._environment.init_error = event.error
        self._open_init()
        self._end_init(event.time_ns, event.error)

    def break_off_init(self, end_ns: int, error: str, phase: str) -> None:
        """The process ends before its first invocation; perhaps none was ever asked for."""
        if self._init_over or self._init is None:
            return
        if error == UNFINISHED and not phase:
            error = ""
        self._end_init(end_ns, self._environment.init_error or error, phase)

    def snapshot_ended(self, latest_ns: int) -> None:
        """The process woke up in another life: the initialisation was over before."""
        self._end_init(latest_ns)
        self._init, self._init_over, self._init_end_told = None, False, False

    def platform_init(self, event: PlatformInit) -> None:
        """The platform's own times of the initialisation; only what fits ours is taken."""
        if self._init_over and self._init is not None:
            return  # it has left already
        opened = self._open_init()
        if self._init_over:
            self._link_late(opened)
        span = opened.span
        if 0 <= span.start_ns - event.start_wall_ns <= LONGEST_INIT_NS:
            span.start_ns = event.start_wall_ns
        if 0 <= event.end_wall_ns - span.start_ns <= LONGEST_INIT_NS:
            span.end_ns = max(span.end_ns, event.end_wall_ns)
            self._init_end_told = True
        if event.error or self._init_over:
            self._end_init(0, event.error)

    def _link_late(self, init: OpenSpan) -> None:
        """The first invocation has begun: it is linked, or, when it has left, linked to."""
        first, self._init_reference = self._first, None
        if first is not None and first.ended:
            init.span.links.append(Link(*first.reference))
        elif first is not None:
            first.span.links.append(Link(*init.reference))

    def _link_init(self, first: OpenSpan) -> None:
        """The first invocation shows what came before it."""
        if self._init_reference is not None:
            first.span.links.append(Link(*self._init_reference))
            self._init_reference = None


def _deadline(event: InvocationStart) -> int:
    """On the monotonic clock: both of the event's wall times are of one clock."""
    left_ns = event.deadline_wall_ns - event.wall_ns
    return event.time_ns + left_ns if 0 < left_ns <= LONGEST_NS else 0
