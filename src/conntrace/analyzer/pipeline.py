"""The analyzer's front door: event lines of any number of processes in, finished spans out.

The same pure code in the `conntrace run` parent, in the traced process itself and in the layer's
extension. One caller at a time; time comes from events and from `tick`.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field

from conntrace.analyzer.cost import Totals
from conntrace.analyzer.span import AttributeValue, Exporter, Span
from conntrace.analyzer.spans import ProcessSpans
from conntrace.analyzer.spans_redaction import redact, scrub
from conntrace.catalogue import PROCESS_LOST, UNFINISHED
from conntrace.events import Event, Hello, MalformedEvent, decode, encode

MAX_LIVE_PROCESSES = 4096
MAX_ENDED_PROCESSES = 64
BATCH = 512

OnCause = Callable[[str, int, dict[str, AttributeValue]], None]
Recorder = Callable[[bytes], None]


@dataclass(slots=True)
class Summary:
    """How a recording was: what the last line of a run says. Durations in seconds."""

    processes: int = 0
    requests: int = 0
    reused: int = 0
    connections: int = 0
    lookups: int = 0
    not_lookups: int = 0
    connects: int = 0
    handshakes: int = 0
    evictions: int = 0
    findings: int = 0
    unexplained: int = 0
    setup_s: float = 0.0
    avoidable_s: float = 0.0
    agent_s: float = 0.0
    dropped: int = 0
    bad_lines: int = 0
    failures: int = 0
    forgotten: int = 0
    switched_off: list[str] = field(default_factory=list)


class Pipeline:
    """Feeds exporters with the spans of what the processes report.

    `redact`: `hosts`, `paths`. `on_cause(process, request, attributes)` is called as soon as a
    set-up of a request is explained. `recorder` gets each event again, scrubbed, as one line
    `process TAB event` without a line end. Errors within one event are counted, not raised, unless
    CONNTRACE_TESTING=1.
    """

    def __init__(
        self,
        exporters: Sequence[Exporter],
        *,
        redact: frozenset[str] = frozenset(),
        on_cause: OnCause | None = None,
        recorder: Recorder | None = None,
    ) -> None:
        self._exporters = tuple(exporters)
        self._redact = redact
        self._on_cause = on_cause
        self._recorder = recorder
        self._raise = os.environ.get("CONNTRACE_TESTING") == "1"
        self._finished: list[Span] = []
        self._live: dict[str, ProcessSpans] = {}
        self._ended: dict[str, ProcessSpans] = {}
        self._past = Summary()
        self._past_totals = Totals()
        self._processes = 0
        self._bad_lines = 0
        self._failures = 0
        self._now_ns = 0

    def feed(self, process: str, lines: Sequence[bytes]) -> None:
        """Take event lines of one process, in the order in which it sent them."""
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
            self._end(process, UNFINISHED)
        self._export()

    def _take(self, process: str, spans: ProcessSpans, event: Event) -> None:
        if self._redact:
            redact(event, self._redact)
        if isinstance(event, Hello):
            spans.hello(event, self._known(event.forked_from))
        else:
            spans.feed(event)
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
        if tell is None:
            return ProcessSpans(process, self._finished, decided_badly=self._contain)

        def on_cause(request: int, attributes: dict[str, AttributeValue]) -> None:
            tell(process, request, attributes)

        return ProcessSpans(process, self._finished, on_cause=on_cause, decided_badly=self._contain)

    def _contain(self, error: Exception) -> None:
        """A mistake of ours costs one event, not the run; our own tests are to see it."""
        self._failures += 1
        if self._raise:
            raise error

    def lost(self, process: str) -> None:
        """The process is gone: what it left open is ended as an error."""
        if process in self._live:
            self._end(process, PROCESS_LOST)
            self._export()

    def _end(self, process: str, error: str) -> None:
        spans = self._live.pop(process)
        self._break_off(spans, error)
        # A child forked from it may still say hello: its ledger is kept for a while.
        self._ended[process] = spans
        if len(self._ended) > MAX_ENDED_PROCESSES:
            self._settle_accounts(self._ended.pop(next(iter(self._ended))))

    def _break_off(self, spans: ProcessSpans, error: str) -> None:
        try:
            # A goodbye is the end; a process that was killed may have hung since its last event.
            spans.break_off(0 if spans.said_goodbye else self._now_ns, error)
        except Exception as error:
            self._contain(error)

    def tick(self, now_monotonic_ns: int) -> None:
        """Time passes: lookups that waited for a connect are settled."""
        self._now_ns = max(self._now_ns, now_monotonic_ns)
        for spans in list(self._live.values()):
            try:
                spans.tick(now_monotonic_ns)
            except Exception as error:
                self._contain(error)
        self._export()

    def abandon(self, process: str) -> None:
        """In a forked child, whose copy this is: drop what belongs to the parent, unsaid."""
        self._finished.clear()
        self._bad_lines = self._failures = self._processes = 0
        self._past, self._past_totals = Summary(), Totals()
        for spans in self._live.values():
            spans.abandon()
        self._ended.update(self._live)
        self._live.clear()

    def finish(self) -> None:
        """Nothing more comes: end what is open and hand the last spans over."""
        for process in list(self._live):
            self._end(process, UNFINISHED)
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
                self._contain(error)

    def summary(self) -> Summary:
        """How it was so far."""
        summary, totals = Summary(), Totals()
        totals.add(self._past_totals)
        for name in ("dropped", "failures", "forgotten"):
            setattr(summary, name, getattr(self._past, name))
        summary.switched_off = list(self._past.switched_off)
        for spans in (*self._live.values(), *self._ended.values()):
            _add_process(summary, totals, spans)
        summary.processes = self._processes
        summary.bad_lines = self._bad_lines
        summary.failures += self._failures
        summary.dropped += sum(exporter.dropped for exporter in self._exporters)
        _add_totals(summary, totals)
        return summary

    def _settle_accounts(self, spans: ProcessSpans) -> None:
        _add_process(self._past, self._past_totals, spans)


def _add_process(summary: Summary, totals: Totals, spans: ProcessSpans) -> None:
    totals.add(spans.totals)
    summary.dropped += spans.drops.requests + spans.drops.events
    summary.failures += spans.drops.failures
    summary.forgotten += spans.ledger.forgotten
    for hook in spans.drops.switched_off:
        if hook not in summary.switched_off:
            summary.switched_off.append(hook)


def _add_totals(summary: Summary, totals: Totals) -> None:
    summary.requests = totals.requests
    summary.reused = totals.reused
    summary.connections = totals.setups
    summary.lookups = totals.lookups
    summary.not_lookups = totals.not_lookups
    summary.connects = totals.connects
    summary.handshakes = totals.handshakes
    summary.evictions = totals.evictions
    summary.findings = totals.avoidable
    summary.unexplained = totals.unexplained
    summary.setup_s = totals.setup_ns / 1e9
    summary.avoidable_s = totals.avoidable_ns / 1e9
    summary.agent_s = totals.agent_ns / 1e9


def replay(lines: Iterable[bytes], pipeline: Pipeline) -> None:
    """Feed a saved recording (lines `process TAB event`) and finish."""
    for line in lines:
        process, _, event = line.rstrip(b"\r\n").partition(b"\t")
        if event:
            pipeline.feed(process.decode("ascii", "replace"), [event])
    pipeline.finish()
