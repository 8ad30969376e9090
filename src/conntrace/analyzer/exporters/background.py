"""Spans delivered over a network, from a thread of its own: the caller never waits for a back end.

Memory is bounded: what has no room is counted as dropped, and so is what the back end refuses.
"""

from __future__ import annotations

import contextvars
import threading
import time
from abc import ABC, abstractmethod
from collections import deque
from collections.abc import Sequence

from conntrace.analyzer.exporters.http_post import in_words
from conntrace.analyzer.span import Span

MAX_WAITING = 50_000
BATCH = 512
LINGER_S = 0.2


class BackgroundExporter(ABC):
    """Queues spans and delivers them in batches; how is up to the class that derives from it."""

    def __init__(self, *, timeout_s: float) -> None:
        """`timeout_s`: how long the delivery of one batch may take, retries included."""
        self._timeout_s = timeout_s
        self._waiting: deque[Span] = deque()
        self._changed = threading.Condition()
        self._closing = threading.Event()
        self._close_deadline = 0.0
        self._dropped = 0
        self._in_flight = 0
        self._thread: threading.Thread | None = None
        self.problem = ""
        """Why spans were dropped last; empty when none were."""

    @abstractmethod
    def deliver(self, batch: Sequence[Span], deadline: float) -> int:
        """Deliver until `deadline` (monotonic seconds); returns how many spans were refused.

        What went wrong goes into `problem`. Called from one thread only.
        """

    @abstractmethod
    def let_go(self) -> None:
        """Close connections; called once, after the last delivery."""

    @property
    def dropped(self) -> int:
        """Spans that were refused, or had no room."""
        return self._dropped

    def export(self, spans: Sequence[Span]) -> None:
        """Queue spans for the delivering thread."""
        with self._changed:
            before = len(self._waiting)
            room = max(0, MAX_WAITING - before)
            self._waiting.extend(spans[:room])
            if room < len(spans):
                self._dropped += len(spans) - room
                self.problem = self.problem or "more spans than it takes"
            if self._thread is None and not self._closing.is_set():
                self._thread = self._start()
            # To wake the thread for each span of a batch took a third of the analyzer's time.
            if not before or len(self._waiting) >= BATCH:
                self._changed.notify()

    def close(self, timeout_s: float) -> None:
        """Deliver what waits within the time; the rest counts as dropped."""
        with self._changed:
            self._close_deadline = time.monotonic() + timeout_s
            self._closing.set()
            self._changed.notify()
        if self._thread is not None:
            self._thread.join(timeout_s)
        with self._changed:
            left = len(self._waiting) + self._in_flight
            if left:
                self._dropped += left
                self.problem = self.problem or "not delivered in time"
            self._waiting.clear()
            self._in_flight = 0

    def pause(self, seconds: float) -> None:
        """Wait before another attempt; the end of the run cuts it short, but asks for no hurry
        afterwards: an endpoint that is busy is not to be called again and again at once."""
        if self._closing.is_set():
            time.sleep(seconds)
        else:
            self._closing.wait(seconds)

    @property
    def closing(self) -> bool:
        """Whether the run is over and only the rest is being delivered."""
        return self._closing.is_set()

    def time_left(self, deadline: float) -> float:
        """Seconds until the deadline, or until the end of the time to close."""
        if self._closing.is_set():
            deadline = min(deadline, self._close_deadline)
        return deadline - time.monotonic()

    def _start(self) -> threading.Thread:
        """In the caller's context: where our hooks do not look, they do not look here either."""
        run = contextvars.copy_context().run
        thread = threading.Thread(target=run, args=(self._run,), name="conntrace-otlp", daemon=True)
        thread.start()
        return thread

    def _run(self) -> None:
        while batch := self._next_batch():
            try:
                refused = self.deliver(batch, time.monotonic() + self._timeout_s)
            except Exception as error:
                # Third-party code may raise anything; the thread must outlive it.
                self.problem = in_words(error)
                refused = len(batch)
            with self._changed:
                # `close` may have given this batch up already.
                self._dropped += min(refused, self._in_flight)
                self._in_flight = 0
        self.let_go()

    def _next_batch(self) -> list[Span]:
        """Wait for spans, a moment longer for more of them; empty when closing and done."""
        with self._changed:
            while not self._waiting and not self._closing.is_set():
                self._changed.wait()
            if len(self._waiting) < BATCH:
                self._changed.wait_for(
                    lambda: self._closing.is_set() or len(self._waiting) >= BATCH, LINGER_S
                )
            batch = [self._waiting.popleft() for _ in range(min(BATCH, len(self._waiting)))]
            self._in_flight = len(batch)
            return batch
