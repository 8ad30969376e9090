"""Sends what the analyzer has finished, when the policy says so, and keeps account of it."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import replace

from conntrace import semantic_names as names
from conntrace.analyzer.exporters.http_post import MAX_IDLE_S
from conntrace.analyzer.exporters.otlp_client import Outcome, Verdict
from conntrace.analyzer.span import Resource, Span
from conntrace_extension import flush_policy
from conntrace_extension.flush_policy import Health, Situation
from conntrace_extension.outgoing import Outgoing
from conntrace_extension.say import say
from conntrace_extension.sender import Client, Sender

MAX_BATCH = 512
# An attempt that has less time would be frozen in the middle; the next window has more.
_LEAST_S = 0.01

Wait = Callable[[float], None]
"""Waits for seconds at most, or until something happens; what comes meanwhile is stored."""


class Flusher:
    """All in the main thread, but for the attempt itself."""

    def __init__(
        self,
        outgoing: Outgoing,
        client: Client,
        *,
        place: str,
        timeout_s: float,
        left_out: Callable[[], int],
    ) -> None:
        """`place` is the endpoint as it may be shown; `timeout_s` for each wait on the network.

        `left_out` tells how much was left out before it became a span: the back end hears of it.
        """
        self._outgoing = outgoing
        self._sender = Sender(client)
        self._place = place
        self._timeout_s = timeout_s
        self._health = Health()
        self._invocations: deque[float] = deque(maxlen=flush_policy.OFTEN_INVOCATIONS)
        self._batch: list[Span] = []
        self._batch_size = MAX_BATCH
        self._uncertain = 0
        """So many of the oldest spans may have arrived already: they are sent once more at most."""
        self._disturbed = False
        self._said_trouble = False
        self._refused = 0
        self._told_drops = 0
        self._left_out = left_out
        self._telling = 0

    @property
    def dropped(self) -> int:
        """Spans lost so far, and what was left out before it became one."""
        return self._outgoing.dropped + self._refused + self._left_out()

    @property
    def has_full_batch(self) -> bool:
        """More need not be waited for."""
        return len(self._outgoing) >= self._batch_size

    def fileno(self) -> int:
        """Readable when an attempt is done."""
        return self._sender.fileno()

    def note_invocation(self, now_s: float) -> None:
        """An invocation began."""
        self._invocations.append(now_s)

    def note_freeze(self, seconds: float) -> None:
        """The environment stood still: an attempt under way is none that tells of the back end.

        After a long time its connection is likely to be dead, without a sign that would end it.
        """
        self._disturbed = True
        if self._batch and seconds > MAX_IDLE_S:
            self._sender.abort()

    def collect(self) -> bool:
        """Take in what has become of the attempt; False when there is nothing new."""
        if not self._batch:
            return False
        outcome = self._sender.outcome()
        if outcome is None:
            return False
        self._settle(outcome)
        return True

    def after_response(self, until_s: float, wait: Wait) -> None:
        """Send if it is time to, waiting for it until `until_s` if that makes sense."""
        self.collect()
        while True:
            now_s = time.monotonic()
            hold = flush_policy.may_hold(self._health, now_s)
            if hold and until_s - now_s < _LEAST_S:
                return
            if not self._batch and not self._begin_if_due():
                return
            if not hold:
                return
            if not self._await(until_s, wait):
                self._health = flush_policy.waited_in_vain(self._health, time.monotonic())
                return

    def at_shutdown(self, until_s: float, wait: Wait) -> None:
        """Deliver what is there: the last chance. One failure is enough to give up."""
        if self._batch and not self._is_rescued(until_s, wait):
            return
        failures = self._health.failures
        while self._outgoing and time.monotonic() < until_s:
            self._begin(until_s - time.monotonic())
            if not self._await(until_s, wait) or self._health.failures > failures:
                return

    def _is_rescued(self, until_s: float, wait: Wait) -> bool:
        """End an attempt of before: half the time for its answer, the rest for a new connection."""
        now_s = time.monotonic()
        if self._await((now_s + until_s) / 2, wait):
            return True
        self._disturbed = True
        self._sender.abort()
        return self._await(until_s, wait)

    def say_what_is_left(self) -> None:
        """The last words on all spans of this environment that were lost on their way."""
        waiting = len(self._batch) + len(self._outgoing)
        lost = waiting + self._outgoing.dropped + self._refused
        if lost:
            spans = "1 span" if lost == 1 else f"{lost:,} spans"
            # Of what was refused the reason has been said.
            late = " in the time that was left" if waiting and not self._said_trouble else ""
            say(f"{spans} did not reach {self._place}{late} [otlp-failed]")

    def _begin_if_due(self) -> bool:
        if self._batch:
            return False
        situation = Situation(
            now_s=time.monotonic(),
            waiting_bytes=self._outgoing.waiting_bytes,
            oldest_s=self._outgoing.oldest_s,
            invocations_s=tuple(self._invocations),
            health=self._health,
        )
        if not flush_policy.is_due(situation):
            return False
        self._begin(self._timeout_s)
        return True

    def _begin(self, timeout_s: float) -> None:
        self._batch = self._outgoing.take(self._batch_size)
        self._telling = self.dropped
        self._disturbed = False
        untold = self._telling - self._told_drops
        batch = _telling_of_drops(self._batch, untold) if untold else self._batch
        self._sender.start(batch, min(timeout_s, self._timeout_s))

    def _await(self, until_s: float, wait: Wait) -> bool:
        """Whether the attempt ended in time; `wait` may have collected it."""
        while self._batch and not self.collect():
            left_s = until_s - time.monotonic()
            if left_s <= 0:
                return False
            wait(left_s)
        return True

    def _settle(self, outcome: Outcome) -> None:
        batch, self._batch = self._batch, []
        now_s = time.monotonic()
        self._health = flush_policy.after(self._health, outcome, now_s, disturbed=self._disturbed)
        if outcome.verdict is Verdict.DELIVERED:
            self._told_drops = self._telling
            self._refused += outcome.rejected
            self._said_trouble = self._said_trouble and bool(outcome.rejected)
            rest = []
        elif outcome.verdict is Verdict.TOO_LARGE:
            self._batch_size = max(1, len(batch) // 2)
            rest = batch
        else:
            rest = self._worth_another(outcome, batch)
            self._refused += len(batch) - len(rest)
        self._outgoing.put_back(rest)
        self._uncertain = max(0, self._uncertain - (len(batch) - len(rest)))
        if outcome.verdict is Verdict.UNCERTAIN:
            self._uncertain = max(self._uncertain, len(rest))
        if outcome.problem and outcome.verdict is not Verdict.TOO_LARGE:
            self._say_trouble(outcome.problem)

    def _worth_another(self, outcome: Outcome, batch: list[Span]) -> list[Span]:
        if outcome.verdict is Verdict.UNCERTAIN:
            # They may have arrived: once more, with the same ids, and not a third time.
            return batch[self._uncertain :]
        return batch if outcome.verdict in (Verdict.BUSY, Verdict.NOT_SENT) else []

    def _say_trouble(self, problem: str) -> None:
        """One line for each outage, not for each attempt."""
        if not self._said_trouble and not self._disturbed:
            self._said_trouble = True
            say(f"spans do not reach {self._place}: {problem} [otlp-trouble]")


def _telling_of_drops(batch: Sequence[Span], dropped: int) -> list[Span]:
    """The batch, on a resource that says how many spans were lost before it."""
    resources: dict[Resource, Resource] = {}
    for span in batch:
        if span.resource not in resources:
            attributes = (*span.resource.attributes, (names.DROPPED_SPANS, dropped))
            resources[span.resource] = Resource(attributes)
    return [replace(span, resource=resources[span.resource]) for span in batch]
