"""What the platform of a Lambda function says, and what it means for the function's processes."""

from __future__ import annotations

from collections.abc import Callable

from conntrace.analyzer.environment import EXIT_ERROR, TIMEOUT, Environment, error_of_shutdown
from conntrace.analyzer.failed_init import failed_invocation, untold_invocation
from conntrace.analyzer.span import Span
from conntrace.analyzer.spans import ProcessSpans
from conntrace.catalogue import UNFINISHED
from conntrace.events import Event
from conntrace.events_lambda import (
    PlatformFrozen,
    PlatformInit,
    PlatformInvoke,
    PlatformRuntimeDone,
    PlatformShutdown,
)

NO_WORD_NS = 3_000_000_000
"""So long after a process is gone the platform is waited for to say how."""

End = Callable[[str, str, int], None]
"""End a process with an error.type at a time (CLOCK_MONOTONIC, 0 for now)."""


class PlatformSide:
    """Takes the platform's events, and holds processes back that went in an invocation, or before
    their first one.

    Such a process may have crashed or been stopped by a time-out: only the platform knows.
    """

    def __init__(
        self,
        environment: Environment,
        live: dict[str, ProcessSpans],
        end: End,
        finished: list[Span],
    ) -> None:
        self._environment = environment
        self._live = live
        self._end = end
        self._finished = finished
        self._gone: dict[str, int] = {}

    def holds(self, process: str, now_ns: int) -> bool:
        """No more comes from a process; True when the platform is to say how it ended."""
        spans = self._live[process]
        at_work = spans.invocations.running or spans.invocations.initialising
        if not at_work or spans.invocations.outcome:
            return False
        self._gone.setdefault(process, max(now_ns, spans.latest_ns))
        return True

    def take(self, event: Event) -> None:
        """One event of the platform, in order of time."""
        if isinstance(event, PlatformFrozen):
            self._environment.freezes.add(event.start_ns, event.time_ns)
        elif isinstance(event, PlatformInvoke):
            self._end_gone(EXIT_ERROR)
            self._environment.invoked(event)
        elif isinstance(event, PlatformRuntimeDone):
            self._environment.done(event)
            for process in list(self._gone):
                if process in self._live and self._live[process].invocations.outcome:
                    self._end(process, EXIT_ERROR, self._gone.pop(process))
        elif isinstance(event, PlatformInit):
            self._initialised(event)
        elif isinstance(event, PlatformShutdown):
            self._shut_down(event)

    def tick(self, now_ns: int) -> None:
        """Time passes: the platform has no word for some ends."""
        for process, gone_ns in list(self._gone.items()):
            if now_ns - gone_ns > NO_WORD_NS:
                del self._gone[process]
                if process in self._live:
                    self._end(process, EXIT_ERROR, gone_ns)

    def finish(self, error: str, now_ns: int) -> None:
        """The environment ends, with an error.type or without: so does what is open in it."""
        self._end_gone(error or EXIT_ERROR, unneeded=not error)
        for process in list(self._live):
            self._end(process, error or UNFINISHED, 0)
        for told in self._environment.failed_unbegun(error):
            self._finished.append(
                failed_invocation(told, self._environment, now_ns, error or UNFINISHED)
            )
        untold = untold_invocation(self._environment)
        if untold is not None:
            self._finished.append(untold)

    def _shut_down(self, event: PlatformShutdown) -> None:
        self.finish(error_of_shutdown(event.reason), event.time_ns)

    def _end_gone(self, error: str, *, unneeded: bool = False) -> None:
        """`unneeded`: so is the environment. One that waited for an invocation has not failed."""
        for process, gone_ns in self._gone.items():
            if process in self._live:
                idle = unneeded and self._live[process].invocations.may_have_waited
                # Until now it hung: that it is gone is heard of with no time.
                end_ns = 0 if error == TIMEOUT else gone_ns
                self._end(process, UNFINISHED if idle else error, end_ns)
        self._gone.clear()

    def _initialised(self, event: PlatformInit) -> None:
        """The process that the platform started is the first that says it is a function."""
        self._environment.init_told(event)
        if not event.end_wall_ns and not event.error:
            return  # it goes on
        for process, spans in self._live.items():
            if spans.invocations.function is not None:
                spans.invocations.init.told(event)
                if spans.invocations.initialising and (event.error or process in self._gone):
                    # One that is gone all the same has made room for another program (`execv`).
                    self._end(process, event.error or UNFINISHED, self._gone.pop(process, 0))
                return
