"""One thread that does one attempt at a time: looking a name up has no time-out of its own.

When to begin one is decided elsewhere; the thread knows no policy. `_thread` and `_queue`, because
`threading` takes 3 ms to import.
"""

from __future__ import annotations

import _queue
import _thread
import os
from collections.abc import Sequence
from typing import Protocol

from conntrace.analyzer.exporters.otlp_client import Outcome, Verdict
from conntrace.analyzer.span import Span


class Client(Protocol):
    """Who sends: `conntrace.analyzer.exporters.otlp_client.OtlpClient`."""

    def send(self, spans: Sequence[Span], timeout_s: float) -> Outcome:
        """One attempt; does not raise for a back end that fails."""
        ...

    def abort(self) -> None:
        """From another thread: end the attempt that is under way."""
        ...


class Sender:
    """Hands batches to the thread, and tells by a readable descriptor when one is done."""

    def __init__(self, client: Client) -> None:
        self._client = client
        self._jobs: _queue.SimpleQueue[tuple[Sequence[Span], float]] = _queue.SimpleQueue()
        self._outcomes: _queue.SimpleQueue[Outcome] = _queue.SimpleQueue()
        self._wake, self._waker = os.pipe()
        os.set_blocking(self._wake, False)
        self._started = False

    def fileno(self) -> int:
        """Readable when an attempt is done."""
        return self._wake

    def start(self, batch: Sequence[Span], timeout_s: float) -> None:
        """Begin an attempt."""
        if not self._started:
            _thread.start_new_thread(self._run, ())
            self._started = True
        self._jobs.put((batch, timeout_s))

    def abort(self) -> None:
        """End the attempt under way, if it waits on the network; its outcome follows soon."""
        self._client.abort()

    def outcome(self) -> Outcome | None:
        """What became of the attempt, once; None while it is under way."""
        try:
            os.read(self._wake, 16)
        except BlockingIOError:
            return None
        return self._outcomes.get()

    def _run(self) -> None:
        while True:
            batch, timeout_s = self._jobs.get()
            try:
                outcome = self._client.send(batch, timeout_s)
            except Exception as error:
                # A mistake of ours, or of the library that encodes: it must not end the thread.
                outcome = Outcome(Verdict.REFUSED, f"{type(error).__name__}: {error}"[:200])
            self._outcomes.put(outcome)
            os.write(self._waker, b"x")
