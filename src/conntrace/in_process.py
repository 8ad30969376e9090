"""`instrument()` and `uninstrument()`: agent and analyzer in one process, joined by a call.

For programs that have OpenTelemetry of their own, and for tests. The two halves meet only here.
"""

from __future__ import annotations

import atexit
import logging
import os
import sys
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING

from conntrace.analyzer.exporters.contained import Contained
from conntrace.analyzer.exporters.sampling import Selected, holds_finding
from conntrace.analyzer.pipeline import Pipeline
from conntrace.channel import FunctionChannel
from conntrace.config import load
from conntrace.errors import ConntraceError
from conntrace.traced import call_sites, context, recorder, recording
from conntrace.traced.originals import monotonic_ns

if TYPE_CHECKING:
    from opentelemetry.trace import TracerProvider

    from conntrace.analyzer.span import AttributeValue, Exporter

_TICK_NS = 200_000_000
_PATIENCE_S = 5.0


class InProcess:
    """A recorder and the pipeline it feeds."""

    def __init__(
        self, exporters: Sequence[Exporter], *, redact: frozenset[str], service: str, export: str
    ) -> None:
        self._contained = [
            Contained(exporter, tell=_warn, monotonic_ns=monotonic_ns) for exporter in exporters
        ]
        self._exporters: Sequence[Exporter] = self._contained
        if export == "findings":
            self._exporters = [Selected(exporter, holds_finding) for exporter in self._contained]
        self._pipeline = Pipeline(self._exporters, redact=redact, on_cause=_put_on_their_span)
        self._last_tick_ns = 0
        self._lock = threading.Lock()
        self._process = ""
        self._recorder = recorder.Recorder(self._open_channel, way="instrument", service=service)

    def start(self, *, with_audit: bool) -> bool:
        """Patch and begin; False when another recorder runs already."""
        # Registered before the recorder's farewell, and so called after it.
        atexit.register(self._tell_losses)
        if recorder.start(self._recorder, with_audit=with_audit):
            return True
        atexit.unregister(self._tell_losses)
        return False

    def stop(self) -> None:
        """Undo every patch, end what is open, hand the last spans over."""
        atexit.unregister(self._tell_losses)
        recorder.stop()
        with self._alone():
            self._pipeline.finish()
        for exporter in self._exporters:
            exporter.close(5.0)

    def flush(self) -> None:
        """Hand over what waits for a next event: lookups without a connect."""
        self._recorder.flush()
        with self._alone():
            self._pipeline.tick(monotonic_ns() + 2_000_000_000)

    @contextmanager
    def _alone(self) -> Iterator[None]:
        """No other thread feeds the analyzer meanwhile, and what its exporters send is not traced.

        One that hangs in there is not waited for without end.
        """
        lock, token = self._lock, context.suppressed.set(True)
        taken = lock.acquire(timeout=_PATIENCE_S)
        try:
            yield
        finally:
            if taken:
                lock.release()
            context.suppressed.reset(token)

    def _open_channel(self) -> FunctionChannel:
        """For this process, and again for each forked child, whose copy goes its own way."""
        if self._process:
            self._lock = threading.Lock()
            self._pipeline.abandon()
            for each in self._contained:
                each.forget()
        return FunctionChannel(self._feed)

    def _feed(self, process: str, lines: Sequence[bytes]) -> bool:
        self._process = process
        token = context.suppressed.set(True)
        try:
            # The outbox lets one thread in at a time; the lock is for a lock that it renewed.
            if not self._lock.acquire(blocking=False):
                return False
            try:
                self._pipeline.feed(process, lines)
                self._tick()
            finally:
                self._lock.release()
            return True
        finally:
            context.suppressed.reset(token)

    def _tell_losses(self) -> None:
        for each in self._contained:
            each.tell_losses()

    def _tick(self) -> None:
        now = monotonic_ns()
        if now - self._last_tick_ns > _TICK_NS:
            self._last_tick_ns = now
            self._pipeline.tick(now)


def _put_on_their_span(process: str, request: int, attributes: dict[str, AttributeValue]) -> None:
    """The cause, on the request span that another instrumentation makes."""
    active = recording.active
    span = active.their_spans.get(request) if active is not None else None
    if span is not None:
        span.set_attributes(attributes)  # type: ignore[attr-defined]


def _warn(line: str) -> None:
    logging.getLogger("conntrace").warning("conntrace: %s", line)


_running: InProcess | None = None
_said_already_traced = False


def instrument(
    *,
    tracer_provider: TracerProvider | None = None,
    exporters: Sequence[Exporter] | None = None,
) -> bool:
    """Trace this process from now on.

    Spans go to `exporters` (see `conntrace.testing`), else to `tracer_provider`, else to the
    global OpenTelemetry TracerProvider. Returns False, and changes nothing, when
    CONNTRACE_ENABLED=false or OTEL_SDK_DISABLED=true is set or when this process is traced
    already.

    Raises `ConntraceError` when spans are to go to OpenTelemetry and it is not installed.
    """
    global _running, _said_already_traced
    settings, problems = load(os.environ)
    for problem in problems:
        print(f"conntrace: {problem}", file=sys.stderr)
    if not settings.active:
        return False
    if recorder.running is not None:
        if not _said_already_traced:
            print("conntrace: this process is traced already [already-traced]", file=sys.stderr)
        _said_already_traced = True
        return False
    call_sites.enabled = settings.call_sites
    if exporters is None:
        exporters = [_opentelemetry_exporter(tracer_provider)]
    agent = InProcess(
        exporters, redact=settings.redact, service=settings.service_name, export=settings.export
    )
    if not agent.start(with_audit=settings.audit is True):
        return False
    _running, _said_already_traced = agent, False
    return True


def uninstrument() -> None:
    """Put every patched function back and hand over what is left. Does nothing when not tracing."""
    global _running
    agent, _running = _running, None
    if agent is not None:
        agent.stop()


def flush() -> None:
    """Hand over spans that still wait, such as a lookup that may yet turn out to have a connect."""
    if _running is not None:
        _running.flush()


def _opentelemetry_exporter(tracer_provider: TracerProvider | None) -> Exporter:
    try:
        from conntrace.analyzer.exporters.otel_sdk import OpenTelemetryExporter
    except ImportError as error:
        raise ConntraceError(
            "otel-missing",
            f"instrument() needs OpenTelemetry ({error}): pip install 'conntrace[otel]'",
        ) from error
    return OpenTelemetryExporter(tracer_provider)
