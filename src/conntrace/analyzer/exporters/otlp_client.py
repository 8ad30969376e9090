"""One attempt to deliver spans by OTLP over HTTP, and what its answer means.

By the OTLP specification 1.x ("OTLP/HTTP"): 429, 502, 503 and 504 may be tried again, after
`Retry-After` where it says so; any other refusal is final. 413 asks for smaller batches. 415 says
that the endpoint does not read JSON: from then on OpenTelemetry's protobuf encoder is used, when it
is installed.
"""

from __future__ import annotations

import enum
import json
import zlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from conntrace.analyzer.exporters import otlp_json
from conntrace.analyzer.exporters.http_post import Answer, HttpPost, PostFailed, one_line
from conntrace.analyzer.span import Span
from conntrace.config import Settings

GZIP_FROM = 1024
RETRYABLE = frozenset({429, 502, 503, 504})
JSON_TYPE = "application/json"
PROTOBUF_TYPE = "application/x-protobuf"
_GZIP_WINDOW = 16 + zlib.MAX_WBITS  # zlib's way to ask for gzip's header
_TOO_LARGE = 413
_UNSUPPORTED = 415

Encode = Callable[[Sequence[Span]], bytes]


class Verdict(enum.Enum):
    """What became of an attempt."""

    DELIVERED = enum.auto()
    BUSY = enum.auto()
    """A retryable status: send it again later."""
    NOT_SENT = enum.auto()
    """Nothing was written: send it again later."""
    UNCERTAIN = enum.auto()
    """It was written and no answer came: it may have arrived."""
    TOO_LARGE = enum.auto()
    REFUSED = enum.auto()


@dataclass(frozen=True, slots=True)
class Outcome:
    """The verdict on one attempt; `problem` says in words what was wrong, `rejected` counts spans
    that a partial success left out.
    """

    verdict: Verdict
    problem: str = ""
    retry_after_s: float = 0.0
    rejected: int = 0


class OtlpClient:
    """Posts batches to the endpoint of the settings; used by one thread at a time."""

    def __init__(self, settings: Settings, *, protobuf: bool = False) -> None:
        """`protobuf`: do not try JSON first.

        Raises `ConntraceError` when a certificate cannot be read, ImportError when protobuf is
        asked for and OpenTelemetry's encoder is not installed.
        """
        self._post = HttpPost(settings)
        self._compression = settings.otlp_compression
        self._encode: Encode = otlp_json.export_request
        self._type = JSON_TYPE
        if protobuf:
            self._use_protobuf()

    def send(self, spans: Sequence[Span], timeout_s: float) -> Outcome:
        """One attempt, within `timeout_s` for each wait on the network."""
        try:
            answer = self._send(spans, timeout_s)
        except PostFailed as error:
            return Outcome(Verdict.UNCERTAIN if error.written else Verdict.NOT_SENT, str(error))
        if answer.status // 100 == 2:
            return self._delivered(answer, len(spans))
        problem = f"it answered {answer.status}"
        if answer.status == _UNSUPPORTED and self._type == JSON_TYPE:
            try:
                self._use_protobuf()
            except ImportError:
                problem += ": it wants protobuf, and OpenTelemetry's encoder is not installed"
                return Outcome(Verdict.REFUSED, problem)
            return self.send(spans, timeout_s)
        if answer.status in RETRYABLE:
            return Outcome(Verdict.BUSY, problem, answer.retry_after_s)
        too_large = answer.status == _TOO_LARGE and len(spans) > 1
        return Outcome(Verdict.TOO_LARGE if too_large else Verdict.REFUSED, problem)

    def abort(self) -> None:
        """From another thread: end the attempt that is under way."""
        self._post.abort()

    def close(self) -> None:
        """Let go of the connection."""
        self._post.close()

    def _use_protobuf(self) -> None:
        from conntrace.analyzer.exporters.otlp_protobuf import export_request

        self._encode = export_request
        self._type = PROTOBUF_TYPE

    def _send(self, spans: Sequence[Span], timeout_s: float) -> Answer:
        body = self._encode(spans)
        headers = {"Content-Type": self._type}
        if self._compression == "gzip" or (not self._compression and len(body) >= GZIP_FROM):
            headers["Content-Encoding"] = "gzip"
            packer = zlib.compressobj(1, zlib.DEFLATED, _GZIP_WINDOW)
            body = packer.compress(body) + packer.flush()
        return self._post.send(body, headers, timeout_s)

    def _delivered(self, answer: Answer, sent: int) -> Outcome:
        """A partial success leaves spans out (ExportTracePartialSuccess)."""
        if self._type != JSON_TYPE:
            return Outcome(Verdict.DELIVERED)
        try:
            partial = json.loads(answer.body or b"{}").get("partialSuccess") or {}
            rejected = min(int(partial.get("rejectedSpans") or 0), sent)
        except (ValueError, AttributeError, TypeError, OverflowError, RecursionError):
            return Outcome(Verdict.DELIVERED)  # not what OTLP asks for: the status alone counts
        if rejected <= 0:
            return Outcome(Verdict.DELIVERED)
        problem = one_line(str(partial.get("errorMessage") or "spans rejected"))
        return Outcome(Verdict.DELIVERED, problem, rejected=rejected)
