"""Invocations of an AWS Lambda function: the span around all that its process does in one.

One process runs one invocation at a time. What runs before its first one belongs to the span of the
initialisation; what runs between two of them (finalizers, threads) to the one before.
"""

from __future__ import annotations

from dataclasses import dataclass

from conntrace import semantic_names as names
from conntrace.analyzer.cost import Totals
from conntrace.analyzer.environment import TIMEOUT, Environment
from conntrace.analyzer.failed_init import failed_invocation
from conntrace.analyzer.invocation_facts import (
    context_of,
    describe_invocation,
    describe_totals,
    kind_of,
    name_of,
)
from conntrace.analyzer.span_room import SpanRoom
from conntrace.analyzer.spans_init import InitSpan
from conntrace.analyzer.spans_open import ROOT, OpenSpan, Parent, SpanMaker, below, beside
from conntrace.catalogue import UNFINISHED
from conntrace.events_lambda import Function, InvocationEnd, InvocationStart

OVERDUE_NS = 1_000_000_000
"""So long after its deadline an invocation is ended: managed instances let its code run on."""

SNAP_START = "snap-start"

LONGEST_NS = 20 * 60 * 1_000_000_000
"""No invocation may take more than 15 minutes: a deadline beyond is none."""


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
    """Opens and ends the spans of one process's invocations; `init` is what comes before them."""

    def __init__(self, maker: SpanMaker, totals: Totals, environment: Environment) -> None:
        self._maker = maker
        self._totals = totals
        self._environment = environment
        self.function: Function | None = None
        self.init = InitSpan(maker, environment, self._function_name)
        self._current: OpenInvocation | None = None
        self._between: Parent | None = None
        self._parent: InvocationSpans | None = None

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
        return below(self.init.opened()) if self.function is not None else ROOT

    def _around(self) -> Parent:
        """The same for a child process: what it does may end later."""
        if self._current is not None and self._current.open is not None:
            return beside(self._current.open)
        return self._between if self._between is not None else ROOT

    @property
    def initialising(self) -> bool:
        """Whether it is the environment's own process, on its way to the first invocation."""
        function = self.function
        return (
            function is not None
            and self._parent is None
            and not self.init.over
            and function.initialization != SNAP_START
            # The runtime client says who it is when it waits for the first one.
            and not function.client
        )

    @property
    def may_have_waited(self) -> bool:
        """Whether an end before any invocation may be a matter of course: the environment was
        prepared ahead, or its runtime client is one that says nothing."""
        if not self.initialising:
            return False
        return not self._was_started_on_demand() or self._environment.any_told

    def describe(self, event: Function) -> None:
        """The process says what function it is."""
        self.function = event
        self._environment.init_begins()
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
        if not self.init.over:
            self.init.end(event.time_ns if self._was_started_on_demand() else before_ns)
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
        self.init.comes_before(opened)
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
        extension_ns = self._environment.take_spent()
        if extension_ns:
            current.open.span.attributes[names.LEDGER_EXTENSION_S] = extension_ns / 1e9
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


def _deadline(event: InvocationStart) -> int:
    """On the monotonic clock: both of the event's wall times are of one clock."""
    left_ns = event.deadline_wall_ns - event.wall_ns
    return event.time_ns + left_ns if 0 < left_ns <= LONGEST_NS else 0
