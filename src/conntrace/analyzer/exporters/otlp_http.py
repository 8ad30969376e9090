"""OTLP/HTTP with JSON: POST of ExportTraceServiceRequests.

By the OTLP specification 1.x ("OTLP/HTTP"): 429, 502, 503 and 504 are tried again with growing,
jittered pauses or after `Retry-After`; any other refusal drops the batch.
"""

from __future__ import annotations

import gzip
import json
import random
from collections.abc import Sequence

from conntrace.analyzer.exporters.background import BackgroundExporter
from conntrace.analyzer.exporters.http_post import Answer, HttpPost, PostFailed
from conntrace.analyzer.exporters.otlp_json import export_request
from conntrace.analyzer.span import Span
from conntrace.config import Settings

GZIP_FROM = 1024
FIRST_PAUSE_S = 0.5
MAX_PAUSE_S = 30.0
RETRYABLE = frozenset({429, 502, 503, 504})


class OtlpHttpExporter(BackgroundExporter):
    """Sends spans to an OTLP endpoint; a dead back end costs spans, never time of the caller."""

    def __init__(self, settings: Settings) -> None:
        """Raises `ConntraceError` when a certificate cannot be read."""
        super().__init__(timeout_s=settings.otlp_timeout_s)
        self._post = HttpPost(settings)
        self._compression = settings.otlp_compression

    def deliver(self, batch: Sequence[Span], deadline: float) -> int:
        """Send one batch, trying again while that makes sense and time is left."""
        body, headers = self._encoded(batch)
        pause_s = FIRST_PAUSE_S
        while (left_s := self.time_left(deadline)) > 0:
            answer = self._try(body, headers, left_s)
            if answer is not None and answer.status // 100 == 2:
                return self._rejected(answer)
            if not self._is_worth_another(answer):
                break
            wait_s = pause_s * random.uniform(0.5, 1.0)
            if answer is not None and answer.retry_after_s:
                wait_s = answer.retry_after_s
            if wait_s >= self.time_left(deadline):
                break
            self.pause(wait_s)
            pause_s = min(pause_s * 2, MAX_PAUSE_S)
        return len(batch)

    def let_go(self) -> None:
        """Close the connection."""
        self._post.close()

    def _try(self, body: bytes, headers: dict[str, str], timeout_s: float) -> Answer | None:
        try:
            answer = self._post.send(body, headers, timeout_s)
        except PostFailed as error:
            self.problem = str(error)
            return None
        if answer.status // 100 != 2:
            self.problem = f"it answered {answer.status}"
        return answer

    def _is_worth_another(self, answer: Answer | None) -> bool:
        """At the end of a run nobody waits for an endpoint that is not there."""
        if answer is None:
            return not self.closing
        return answer.status in RETRYABLE

    def _rejected(self, answer: Answer) -> int:
        """Spans that a partial success leaves out (ExportTracePartialSuccess)."""
        try:
            partial = json.loads(answer.body or b"{}").get("partialSuccess") or {}
            rejected = int(partial.get("rejectedSpans") or 0)
        except (ValueError, AttributeError, TypeError):
            return 0  # not JSON: the status is all that counts
        if rejected:
            self.problem = str(partial.get("errorMessage") or "spans rejected")[:200]
        return rejected

    def _encoded(self, batch: Sequence[Span]) -> tuple[bytes, dict[str, str]]:
        body = export_request(batch)
        headers = {"Content-Type": "application/json"}
        if self._compression == "gzip" or (not self._compression and len(body) >= GZIP_FROM):
            headers["Content-Encoding"] = "gzip"
            body = gzip.compress(body, compresslevel=1)
        return body, headers
