"""The analyzer at work: loaded when it is first needed, fed in slices from the store."""

from __future__ import annotations

import os
import time

from conntrace_extension.entries import Fact, Lines
from conntrace_extension.say import say

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from conntrace.analyzer.exporters.log_line import LogLineExporter
    from conntrace.analyzer.pipeline import Pipeline
    from conntrace.analyzer.span import Exporter
    from conntrace.analyzer.summary import Summary
    from conntrace.config import Settings
    from conntrace_extension.flusher import Flusher
    from conntrace_extension.store import Store

SLICE_S = 0.010


class Thinker:
    """Turns stored events into spans, and spans into what the flusher sends.

    Loading is done in steps, because each takes time that an invocation may not have.
    """

    def __init__(self, store: Store, facts: bytes, layer: str) -> None:
        """`facts`: what the platform told at registration, JSON."""
        self._store = store
        self._facts = facts
        self._layer = layer
        self._pipeline: Pipeline | None = None
        self._settings: Settings | None = None
        self._loaded = False
        self._exporters: list[Exporter] = []
        self._log_lines: LogLineExporter | None = None
        self.flusher: Flusher | None = None
        """None until it is loaded, and for good when there is no endpoint to send to."""

    @property
    def is_ready(self) -> bool:
        """Whether everything is loaded."""
        return self._pipeline is not None

    def load_step(self) -> None:
        """Do the next step of loading, if there is one."""
        if self._settings is None:
            self._settings = self._load_settings()
        elif not self._loaded:
            # The largest part by far, so a step of its own.
            import conntrace.analyzer.pipeline  # noqa: F401

            self._loaded = True
        elif self._pipeline is None:
            self._pipeline = self._build(self._settings)

    def work(self, until_s: float, between: Callable[[], None]) -> bool:
        """Think until `until_s`, or until all is thought; whether it is.

        `between` is called after each slice of SLICE_S: sockets fill while we think.
        """
        while time.monotonic() < until_s:
            pipeline = self._pipeline
            if pipeline is None:
                self.load_step()
            elif self._slice(pipeline, min(time.monotonic() + SLICE_S, until_s)):
                return True
            between()
        return not self._store

    def finish(self) -> Summary | None:
        """Nothing more comes: end what is open. Returns how it was, if anything was thought."""
        if self._pipeline is None:
            return None
        self._pipeline.finish()
        for exporter in self._exporters:
            exporter.close(0)
        summary = self._pipeline.summary()
        if self.flusher is not None:
            # It tells by itself what it could not deliver.
            summary.dropped -= sum(exporter.dropped for exporter in self._exporters)
        return summary

    def invocation_done(self, request_id: str) -> None:
        """All that is known of an invocation is thought through."""
        if self._log_lines is not None:
            self._log_lines.flush(request_id)

    def _slice(self, pipeline: Pipeline, until_s: float) -> bool:
        while (entry := self._store.take()) is not None:
            if isinstance(entry, Lines):
                pipeline.feed(entry.process, entry.lines)
            elif isinstance(entry, Fact):
                self._tell(pipeline, entry)
            else:
                # It was at work until then, perhaps without a word for a long time.
                pipeline.tick(entry.time_ns)
                pipeline.lost(entry.process)
            if time.monotonic() >= until_s:
                return False
        pipeline.tick(time.monotonic_ns())
        return True

    def _tell(self, pipeline: Pipeline, fact: Fact) -> None:
        from conntrace import events_lambda

        pipeline.platform(getattr(events_lambda, fact.event)(**fact.values))

    def _load_settings(self) -> Settings:
        from conntrace import config

        settings, problems = config.load(os.environ)
        for problem in problems:
            say(problem)
        return settings

    def _build(self, settings: Settings) -> Pipeline:
        from conntrace.analyzer.exporters.resource import with_resource_attributes
        from conntrace.analyzer.exporters.sampling import sampled
        from conntrace.analyzer.pipeline import Pipeline
        from conntrace_extension.host_resource import host_resource

        exporter = self._exporter(settings)
        if exporter is not None:
            self._exporters.append(with_resource_attributes(sampled(exporter, settings), settings))
        return Pipeline(
            self._exporters,
            redact=settings.redact,
            host_resource=host_resource(os.environ, self._facts, settings.service_name),
            propagators=settings.propagators,
        )

    def _exporter(self, settings: Settings) -> Exporter | None:
        if not settings.exports_otlp:
            from conntrace.analyzer.exporters.log_line import LogLineExporter

            self._log_lines = LogLineExporter()
            return self._log_lines
        from conntrace.errors import ConntraceError
        from conntrace_extension.lean_import import import_http_client

        import_http_client(settings.otlp_traces_endpoint or settings.otlp_endpoint)
        from conntrace_extension.destinations import otlp_endpoint
        from conntrace_extension.flusher import Flusher
        from conntrace_extension.outgoing import Outgoing

        try:
            endpoint = otlp_endpoint(dict(os.environ), self._layer)
        except ConntraceError as error:
            say(str(error))
            return None
        for note in endpoint.notes:
            say(note)
        outgoing = Outgoing()
        self.flusher = Flusher(
            outgoing,
            endpoint.client,
            place=endpoint.place,
            timeout_s=settings.otlp_timeout_s,
            left_out=lambda: self._store.left_out,
        )
        return outgoing
