"""The analyzer's front door: event lines of any number of processes in, finished spans out.

The same pure code in the `conntrace run` parent, in the traced process itself and in the layer's
extension. One caller at a time; time comes from events and from `tick`.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence

from conntrace.analyzer.cost import Totals
from conntrace.analyzer.environment import Environment
from conntrace.analyzer.platform_side import PlatformSide
from conntrace.analyzer.span import AttributeValue, Exporter, Span
from conntrace.analyzer.spans import ProcessSpans
from conntrace.analyzer.spans_redaction import redact, scrub
from conntrace.analyzer.summary import Summary
from conntrace.catalogue import PROCESS_LOST, UNFINISHED
from conntrace.events import Event, Hello, MalformedEvent, decode, encode

MAX_LIVE_PROCESSES = 4096
MAX_ENDED_PROCESSES = 64
BATCH = 512

PLATFORM = "platform"
"""Stands for the process in recorded lines that the host fed by `Pipeline.platform`."""

OnCause = Callable[[str, int, dict[str, AttributeValue]], None]
Recorder = Callable[[bytes], None]


class Pipeline:
    """Feeds exporters with the spans of what the processes report.

    `redact`: `hosts`, `paths`. `on_cause(process, request, attributes)` is called as soon as a
    set-up of a request is explained. `recorder` gets each event again, scrubbed, as one line
    `process TAB event` without a line end. Errors within one event are counted, not raised, unless
    CONNTRACE_TESTING=1.

    For AWS Lambda: `host_resource` are resource attributes that only the extension knows, and
    `propagators` what OTEL_PROPAGATORS names.
    """

    def __init__(
        self,
        exporters: Sequence[Exporter],
        *,
        redact: frozenset[str] = frozenset(),
        on_cause: OnCause | None = None,
        recorder: Recorder | None = None,
        host_resource: Mapping[str, AttributeValue] | None = None,
        propagators: Collection[str] = (),
    ) -> None:
        self._exporters = tuple(exporters)
        self._redact = redact
        self._on_cause = on_cause
        self._recorder = recorder
        self._raise = os.environ.get("CONNTRACE_TESTING") == "1"
        self._environment = Environment(host_resource, propagators)
        self._finished: list[Span] = []
        self._live: dict[str, ProcessSpans] = {}
        self._ended: dict[str, ProcessSpans] = {}
        self._platform = PlatformSide(self._environment, self._live, self._end, self._finished)
        self._past = Summary()
        self._past_totals = Totals()
        self._processes = 0
        self._bad_lines = 0
        self._failures = 0
        self._undelivered = 0
        self._now_ns = 0

    def feed(self, process: str, lines: Sequence[bytes]) -> None:
        """Take event lines of one process, in the order in which it sent them."""
        if process == PLATFORM:
            self._replay_platform(lines)
            return
        spans = self._live.get(process) or self._revived(process)
        for line in lines:
            if not line:
                continue
            try:
                self._take(process, spans, decode(line))
            except MalformedEvent:
                self._bad_lines += 1
            except Exception as error:
                self._contain(error)
            if len(self._finished) >= BATCH:
                self._export()
        if spans.said_goodbye:
            self._gone(process, UNFINISHED)
        self._export()

    def _take(self, process: str, spans: ProcessSpans, event: Event) -> None:
        if self._redact:
            redact(event, self._redact)
        if isinstance(event, Hello):
            spans.hello(event, self._known(event.forked_from))
        else:
            spans.feed(event)
        self._record(process, event)

    def _record(self, process: str, event: Event) -> None:
        if self._recorder is not None:
            scrub(event)
            self._recorder(process.encode() + b"\t" + encode(event))

    def _known(self, process: str) -> ProcessSpans | None:
        if not process:
            return None
        return self._live.get(process) or self._ended.get(process)

    def _revived(self, process: str) -> ProcessSpans:
        """A process heard of for the first time, or one that is heard of again after its end."""
        spans = self._ended.pop(process, None)
        if spans is None:
            self._processes += 1
            spans = self._new_process(process)
        self._live[process] = spans
        if len(self._live) > MAX_LIVE_PROCESSES:
            self._end(next(iter(self._live)), UNFINISHED)
        return spans

    def _new_process(self, process: str) -> ProcessSpans:
        tell = self._on_cause

        def on_cause(request: int, attributes: dict[str, AttributeValue]) -> None:
            if tell is not None:
                tell(process, request, attributes)

        return ProcessSpans(
            process,
            self._finished,
            environment=self._environment,
            on_cause=on_cause if tell is not None else None,
            decided_badly=self._contain,
        )

    def _contain(self, error: Exception) -> None:
        """A mistake of ours costs one event, not the run; our own tests are to see it."""
        self._failures += 1
        if self._raise:
            raise error

    def lost(self, process: str) -> None:
        """The process is gone: what it left open is ended as an error."""
        if process in self._live:
            self._gone(process, PROCESS_LOST)
            self._export()

    def _gone(self, process: str, error: str) -> None:
        if not self._platform.holds(process, self._now_ns):
            self._end(process, error)

    def platform(self, event: Event) -> None:
        """Take what the host of a Lambda function was told by the platform, in order of time: a
        freeze before the packets of the invocation that came after it."""
        self._now_ns = max(self._now_ns, event.time_ns)
        try:
            self._platform.take(event)
            self._record(PLATFORM, event)
        except Exception as error:
            self._contain(error)
        self._export()

    def _replay_platform(self, lines: Sequence[bytes]) -> None:
        for line in lines:
            try:
                self.platform(decode(line))
            except MalformedEvent:
                self._bad_lines += 1

    def _end(self, process: str, error: str, end_ns: int = 0) -> None:
        spans = self._live.pop(process)
        self._break_off(spans, error, end_ns)
        # A child forked from it may still say hello: its ledger is kept for a while.
        self._ended[process] = spans
        if len(self._ended) > MAX_ENDED_PROCESSES:
            self._settle_accounts(self._ended.pop(next(iter(self._ended))))

    def _break_off(self, spans: ProcessSpans, error: str, end_ns: int) -> None:
        try:
            # A goodbye is the end; a process that was killed may have hung since its last event.
            spans.break_off(end_ns or (0 if spans.said_goodbye else self._now_ns), error)
        except Exception as error:
            self._contain(error)

    def tick(self, now_monotonic_ns: int) -> None:
        """Time passes: lookups that waited for a connect are settled."""
        self._now_ns = max(self._now_ns, now_monotonic_ns)
        self._platform.tick(now_monotonic_ns)
        for spans in list(self._live.values()):
            try:
                spans.tick(now_monotonic_ns)
            except Exception as error:
                self._contain(error)
        self._export()

    def abandon(self) -> None:
        """In a forked child, whose copy this is: drop what belongs to the parent, unsaid."""
        self._finished.clear()
        self._bad_lines = self._failures = self._processes = self._undelivered = 0
        self._past, self._past_totals = Summary(), Totals()
        for spans in self._live.values():
            spans.abandon()
        self._ended.update(self._live)
        self._live.clear()

    def finish(self) -> None:
        """Nothing more comes: end what is open and hand the last spans over."""
        self._platform.finish("", self._now_ns)
        self._export()

    def _export(self) -> None:
        if not self._finished:
            return
        spans = self._finished[:]
        self._finished.clear()
        for exporter in self._exporters:
            try:
                exporter.export(spans)
            except Exception as error:
                self._undelivered += len(spans)
                self._contain(error)

    def summary(self) -> Summary:
        """How it was so far."""
        summary, totals = self._past.copy(), self._past_totals.copy()
        for spans in (*self._live.values(), *self._ended.values()):
            summary.add_process(totals, spans)
        summary.processes = self._processes
        summary.bad_lines = self._bad_lines
        summary.failures += self._failures
        summary.dropped += self._undelivered
        summary.dropped += sum(exporter.dropped for exporter in self._exporters)
        summary.tell(totals)
        return summary

    def _settle_accounts(self, spans: ProcessSpans) -> None:
        self._past.add_process(self._past_totals, spans)


def replay(lines: Iterable[bytes], pipeline: Pipeline) -> None:
    """Feed a saved recording (lines `process TAB event`) and finish."""
    for line in lines:
        process, _, event = line.rstrip(b"\r\n").partition(b"\t")
        if event:
            pipeline.feed(process.decode("ascii", "replace"), [event])
    pipeline.finish()
