"""What a function's process does before its first invocation: one span around all of it."""

from __future__ import annotations

from collections.abc import Callable

from conntrace import semantic_names as names
from conntrace.analyzer.environment import Environment
from conntrace.analyzer.ledger_records import SpanReference
from conntrace.analyzer.span import Link
from conntrace.analyzer.spans_open import ROOT, OpenSpan, SpanMaker
from conntrace.catalogue import PROCESS_LOST, UNFINISHED
from conntrace.events_lambda import InitError, PlatformInit

LONGEST_INIT_NS = 20 * 60 * 1_000_000_000
"""INIT may take 15 minutes: times of the platform further apart come from another clock."""


class InitSpan:
    """Made only when something happens in it. The first invocation links to it.

    One that fails is kept by the environment: an invocation may fail with it, and then is the same
    span.
    """

    def __init__(
        self, maker: SpanMaker, environment: Environment, function_name: Callable[[], str]
    ) -> None:
        self._maker = maker
        self._environment = environment
        self._function_name = function_name
        self.began_ns = 0
        """When the process began, as far as it is known."""
        self.over = False
        self._open: OpenSpan | None = None
        self._unlinked: SpanReference | None = None
        self._first: OpenSpan | None = None
        self._end_told = False
        self._restored = False

    def opened(self) -> OpenSpan:
        """The span, which is begun if nobody did yet."""
        if self._open is None:
            name = f"{self._function_name()} {names.INIT}"
            self._open = self._maker.begin(name, ROOT, self.began_ns)
            self._environment.init_span = self._unlinked = self._open.reference
        return self._open

    def end(self, end_ns: int, error: str = "", phase: str = "") -> None:
        """It is over (CLOCK_MONOTONIC); no invocation failed with it."""
        self.over = True
        if self._open is not None:
            self._maker.break_off(self._open, self._end_of(end_ns), error, phase)

    def _fail(self, end_ns: int, error: str, phase: str) -> None:
        self.over = True
        failed = self.opened()
        if not failed.ended:
            end_ns = self._end_of(end_ns)
            self._maker.break_off(failed, end_ns, error, phase or names.INIT, hold=True)
            self._environment.init_failed(failed.span, self._maker.hand_out)

    def _end_of(self, end_ns: int) -> int:
        """The platform's word stands; the span has it already."""
        return 0 if self._end_told else end_ns

    def failed(self, event: InitError) -> None:
        """The handler could not be imported."""
        self._environment.init_error = event.error
        self._fail(event.time_ns, event.error, "")

    def break_off(self, end_ns: int, error: str, phase: str, *, initialising: bool) -> None:
        """The process ends before its first invocation; perhaps none was ever asked for.

        `initialising`: it is the one that the platform waits for.
        """
        if self.over:
            return
        error = self._environment.init_error or error
        if initialising and not self._end_told and error not in (UNFINISHED, PROCESS_LOST):
            self._fail(end_ns, error, phase)
        elif error == UNFINISHED and not phase:
            self.end(end_ns)
        else:
            self.end(end_ns, error, phase)

    def snapshot_ended(self, latest_ns: int) -> None:
        """The process woke up in another life: the initialisation was over before."""
        self.end(latest_ns)
        self._open, self.over, self._end_told = None, False, False
        self._restored = True

    def told(self, event: PlatformInit) -> None:
        """The platform's own times of the initialisation; only what fits ours is taken."""
        if self.over and self._open is not None:
            return  # it has left already
        if self._restored:
            return  # of the snapshot, which each of its copies is told of
        opened = self.opened()
        if self.over:
            self._link_late(opened)
        span = opened.span
        if 0 <= span.start_ns - event.start_wall_ns <= LONGEST_INIT_NS:
            span.start_ns = event.start_wall_ns
        if 0 <= event.end_wall_ns - span.start_ns <= LONGEST_INIT_NS:
            span.end_ns = max(span.end_ns, event.end_wall_ns)
            self._end_told = not event.error
        if self.over:
            self.end(0, event.error)

    def comes_before(self, invocation: OpenSpan) -> None:
        """The first invocation shows what came before it."""
        self._first = self._first or invocation
        if self._unlinked is not None:
            invocation.span.links.append(Link(*self._unlinked))
            self._unlinked = None

    def _link_late(self, init: OpenSpan) -> None:
        """The first invocation has begun: it is linked, or, when it has left, linked to."""
        first, self._unlinked = self._first, None
        if first is not None and first.ended:
            init.span.links.append(Link(*first.reference))
        elif first is not None:
            first.span.links.append(Link(*init.reference))
