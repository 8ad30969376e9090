"""OTLP/HTTP with JSON: POST of ExportTraceServiceRequests, from a thread of its own.

By the OTLP specification 1.x ("OTLP/HTTP"): 429, 502, 503 and 504 are tried again with growing,
jittered pauses or after `Retry-After`; any other refusal drops the batch. Memory is bounded; what
is dropped is counted.
"""

from __future__ import annotations

import gzip
import random
import threading
import time
from collections import deque
from collections.abc import Sequence

from conntrace.analyzer.exporters.http_post import Answer, HttpPost, PostFailed
from conntrace.analyzer.exporters.otlp_json import export_request
from conntrace.analyzer.span import Span
from conntrace.config import Settings

MAX_WAITING = 50_000
BATCH = 512
GZIP_FROM = 1024
LINGER_S = 0.2
FIRST_PAUSE_S = 0.5
MAX_PAUSE_S = 30.0
RETRYABLE = frozenset({429, 502, 503, 504})


class OtlpHttpExporter:
    """Sends spans to an OTLP endpoint; a dead back end costs spans, never time of the caller."""

    def __init__(self, settings: Settings) -> None:
        self._post = HttpPost(settings)
        self._timeout_s = settings.otlp_timeout_s
        self._compress = settings.otlp_compression
        self._waiting: deque[Span] = deque()
        self._changed = threading.Condition()
        self._closing = False
        self._deadline = 0.0
        self._dropped = 0
        self._thread: threading.Thread | None = None
        self.last_problem = ""
        """Why the latest batch was refused; empty when it was not."""

    @property
    def dropped(self) -> int:
        """Spans that were refused, or had no room."""
        return self._dropped

    def export(self, spans: Sequence[Span]) -> None:
        """Queue spans for the sending thread."""
        with self._changed:
            room = MAX_WAITING - len(self._waiting)
            self._waiting.extend(spans[:room])
            self._dropped += max(0, len(spans) - room)
            if self._thread is None:
                self._thread = threading.Thread(
                    target=self._run, name="conntrace-otlp", daemon=True
                )
                self._thread.start()
            self._changed.notify()

    def close(self, timeout_s: float) -> None:
        """Send what waits within the time; the rest counts as dropped."""
        with self._changed:
            self._closing = True
            self._deadline = time.monotonic() + timeout_s
            self._changed.notify()
        if self._thread is not None:
            self._thread.join(timeout_s)
        with self._changed:
            self._dropped += len(self._waiting)
            self._waiting.clear()
        self._post.close()

    def _run(self) -> None:
        while (batch := self._next_batch()) is not None:
            if not self._deliver(batch):
                with self._changed:
                    self._dropped += len(batch)

    def _next_batch(self) -> list[Span] | None:
        """Wait for spans, a moment longer for more of them; None when closing and empty."""
        with self._changed:
            while not self._waiting and not self._closing:
                self._changed.wait()
            if len(self._waiting) < BATCH and not self._closing:
                self._changed.wait_for(
                    lambda: self._closing or len(self._waiting) >= BATCH, LINGER_S
                )
            if not self._waiting:
                return None
            return [self._waiting.popleft() for _ in range(min(BATCH, len(self._waiting)))]

    def _deliver(self, batch: Sequence[Span]) -> bool:
        """Send one batch, trying again while that makes sense and time is left."""
        body, headers = self._encoded(batch)
        deadline = time.monotonic() + self._timeout_s
        pause_s = FIRST_PAUSE_S
        while True:
            left_s = self._time_left(deadline)
            if left_s <= 0:
                return False
            answer = self._try(body, headers, left_s)
            if answer is not None and answer.status // 100 == 2:
                self.last_problem = ""
                return True
            if answer is not None and answer.status not in RETRYABLE:
                return False
            wait_s = answer.retry_after_s if answer is not None and answer.retry_after_s else 0.0
            wait_s = wait_s or pause_s * random.uniform(0.5, 1.0)
            if wait_s >= self._time_left(deadline):
                return False
            time.sleep(wait_s)
            pause_s = min(pause_s * 2, MAX_PAUSE_S)

    def _try(self, body: bytes, headers: dict[str, str], timeout_s: float) -> Answer | None:
        try:
            answer = self._post.send(body, headers, timeout_s)
        except PostFailed as error:
            self.last_problem = str(error)
            return None
        if answer.status // 100 != 2:
            self.last_problem = f"the endpoint answered {answer.status}"
        return answer

    def _time_left(self, deadline: float) -> float:
        if self._closing:
            deadline = min(deadline, self._deadline)
        return deadline - time.monotonic()

    def _encoded(self, batch: Sequence[Span]) -> tuple[bytes, dict[str, str]]:
        body = export_request(batch)
        headers = {"Content-Type": "application/json"}
        wanted = self._compress == "gzip" or (not self._compress and len(body) >= GZIP_FROM)
        if wanted:
            headers["Content-Encoding"] = "gzip"
            body = gzip.compress(body, compresslevel=1)
        return body, headers
