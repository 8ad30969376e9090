"""An exporter that lives in the traced program: its faults are not the program's.

What `instrument()` hands spans to is often somebody else's code, and it runs in the program's own
threads. One that raises costs spans; one that raises again and again, or makes the program wait, is
not called any more.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence

from conntrace.analyzer.span import Exporter, Span

MAX_FAILURES = 10
MAX_WAIT_S = 5.0


class Contained:
    """Stands in front of an exporter and never raises; what is lost is counted, and told once."""

    def __init__(
        self, exporter: Exporter, *, tell: Callable[[str], None], monotonic_ns: Callable[[], int]
    ) -> None:
        """`tell` takes a line for the user."""
        self._exporter = exporter
        self._tell = tell
        self._monotonic_ns = monotonic_ns
        self._name = type(exporter).__name__
        self._raise = os.environ.get("CONNTRACE_TESTING") == "1"
        self._failures = 0
        self._lost = 0
        self._switched_off = False

    @property
    def dropped(self) -> int:
        """Spans that the exporter dropped, or that it never took."""
        return self._lost + self._exporter.dropped

    def export(self, spans: Sequence[Span]) -> None:
        """Hand the spans over, unless the exporter is switched off."""
        if self._switched_off:
            self._lost += len(spans)
            return
        began_ns = self._monotonic_ns()
        try:
            self._exporter.export(spans)
        except Exception as error:
            self._lost += len(spans)
            self._failed(error)
        waited_s = (self._monotonic_ns() - began_ns) / 1e9
        if waited_s > MAX_WAIT_S:
            self._switch_off(f"made the program wait for {waited_s:.1f} s")

    def close(self, timeout_s: float) -> None:
        """Close it, and tell how many spans were lost here."""
        try:
            self._exporter.close(timeout_s)
        except Exception as error:
            self._failed(error)
        self.tell_losses()

    def tell_losses(self) -> None:
        """One line when spans were lost here; the next one only when more were."""
        lost, self._lost = self._lost, 0
        if lost:
            self._tell(f"{lost:,} spans did not reach {self._name} [exporter-failed]")

    def forget(self) -> None:
        """In a forked child: what was lost is told by the parent."""
        self._lost = 0

    def _failed(self, error: Exception) -> None:
        if self._raise:
            raise error
        self._failures += 1
        if self._failures == 1:
            # The text of somebody else's exception may quote anything.
            kind = type(error).__name__
            self._tell(
                f"{self._name} failed with {kind}; the program is not affected [exporter-failed]"
            )
        if self._failures == MAX_FAILURES:
            self._switch_off(f"failed {MAX_FAILURES} times")

    def _switch_off(self, why: str) -> None:
        self._switched_off = True
        self._tell(f"{self._name} gets no more spans: it {why} [exporter-switched-off]")
