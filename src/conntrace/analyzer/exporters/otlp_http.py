"""OTLP/HTTP from a thread of its own: tries again with growing, jittered pauses while that makes
sense and time is left. What an answer means is decided by `otlp_client`.
"""

from __future__ import annotations

import random
from collections.abc import Sequence

from conntrace.analyzer.exporters.background import BackgroundExporter
from conntrace.analyzer.exporters.otlp_client import OtlpClient, Outcome, Verdict
from conntrace.analyzer.span import Span
from conntrace.config import Settings

FIRST_PAUSE_S = 0.5
MAX_PAUSE_S = 30.0
# What may have arrived is sent once more; a third time would rather be a third copy.
_MAX_UNCERTAIN = 2


class OtlpHttpExporter(BackgroundExporter):
    """Sends spans to an OTLP endpoint; a dead back end costs spans, never time of the caller."""

    def __init__(self, settings: Settings) -> None:
        """Raises `ConntraceError` when a certificate cannot be read."""
        super().__init__(timeout_s=settings.otlp_timeout_s)
        self._client = OtlpClient(settings)

    def deliver(self, batch: Sequence[Span], deadline: float) -> int:
        """Send one batch, trying again while that makes sense and time is left."""
        pause_s = FIRST_PAUSE_S
        uncertain = 0
        while (left_s := self.time_left(deadline)) > 0:
            outcome = self._client.send(batch, left_s)
            self.problem = outcome.problem or self.problem
            if outcome.verdict is Verdict.DELIVERED:
                return outcome.rejected
            if outcome.verdict is Verdict.TOO_LARGE:
                half = len(batch) // 2
                return self.deliver(batch[:half], deadline) + self.deliver(batch[half:], deadline)
            uncertain += outcome.verdict is Verdict.UNCERTAIN
            if uncertain >= _MAX_UNCERTAIN or not self._is_worth_another(outcome):
                break
            wait_s = outcome.retry_after_s or pause_s * random.uniform(0.5, 1.0)
            if wait_s >= self.time_left(deadline):
                break
            self.pause(wait_s)
            pause_s = min(pause_s * 2, MAX_PAUSE_S)
        return len(batch)

    def let_go(self) -> None:
        """Close the connection."""
        self._client.close()

    def _is_worth_another(self, outcome: Outcome) -> bool:
        """At the end of a run nobody waits for an endpoint that is not there."""
        if outcome.verdict is Verdict.REFUSED:
            return False
        return outcome.verdict is Verdict.BUSY or not self.closing
