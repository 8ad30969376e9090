"""Which traces leave: OTEL_TRACES_SAMPLER, and CONNTRACE_EXPORT=findings by what a trace holds.

Both stand in front of an exporter and are exporters themselves. What they hold back is not wanted
rather than lost: it is not counted as dropped.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Sequence
from dataclasses import replace

from conntrace import semantic_names as names
from conntrace.analyzer.span import Exporter, Span
from conntrace.config import Settings

MAX_WAITING_SPANS = 20_000
MAX_DECIDED_TRACES = 10_000

_FINDING_NAMES = (
    names.WAIT_FOR_CONNECTION,
    names.CONNECTION_SETUP,
    names.CONNECTION_CLOSE,
    names.POOL_EVICTION,
    names.DNS_LOOKUP,
    names.DNS_REVERSE_LOOKUP,
    names.SOCKET_CONNECT,
)

_ENTRIES = (names.SERVER, names.CONSUMER)

Decision = Callable[[Span], "bool | None"]
"""Whether a span's trace leaves; None when this span does not tell."""


def sampled(exporter: Exporter, settings: Settings) -> Exporter:
    """`exporter`, behind the sampling that the settings ask for."""
    decide = sampler(settings.sampler, settings.sampler_ratio)
    if decide is not None:
        exporter = Selected(exporter, decide)
    if settings.export == "findings":
        exporter = Selected(exporter, holds_finding, per_entry=True)
    return exporter


def sampler(name: str, ratio: float) -> Decision | None:
    """The decision that OTEL_TRACES_SAMPLER names; None when everything leaves."""
    root = _root_sampler(name.removeprefix("parentbased_"), ratio)
    if not name.startswith("parentbased_"):
        return root
    if root is None:
        return lambda span: not span.unsampled_parent

    def parent_based(span: Span) -> bool | None:
        """A foreign parent is recorded by the program's own OpenTelemetry: it is followed."""
        if span.foreign_parent:
            return not span.unsampled_parent
        return None if span.parent_span_id else root(span)

    return parent_based


def _root_sampler(name: str, ratio: float) -> Decision | None:
    if name == "always_off":
        return lambda span: False
    if name == "traceidratio":
        # The arithmetic of OpenTelemetry's SDKs, so that all choose the same traces.
        bound = round(ratio * (1 << 64))
        return lambda span: int(span.trace_id[16:], 16) < bound
    return None


def holds_finding(span: Span) -> bool | None:
    """True for anything but a request or call that went smoothly.

    A root of ours, or an invocation, ends last of what we see of its trace, so without a finding
    until then there is none. A trace that began elsewhere may go on.
    """
    if span.name.startswith(_FINDING_NAMES) or names.UNFINISHED_PHASE in span.attributes:
        return True
    return None if span.parent_span_id and span.kind not in _ENTRIES else False


class Selected:
    """Holds the spans of a trace back until one of them decides whether the trace leaves.

    A trace that was turned away can still be called in by a later span, which then goes without
    those before it. Memory is bounded: the trace that has waited longest is turned away; if it is
    called for after all, what went before counts as dropped.

    `per_entry`: each invocation is decided for itself, though several may share a trace.

    What leaves links to nothing that was turned away before; of a cause such a span is evidence.
    """

    def __init__(self, exporter: Exporter, decide: Decision, *, per_entry: bool = False) -> None:
        self._exporter = exporter
        self._decide = decide
        self._per_entry = per_entry
        self._forgotten: OrderedDict[str, int] = OrderedDict()
        self._dropped = 0
        self._decided: OrderedDict[str, bool] = OrderedDict()
        self._waiting: OrderedDict[str, list[Span]] = OrderedDict()
        self._waiting_spans = 0

    @property
    def dropped(self) -> int:
        """Spans that were wanted and had no room here, or that the exporter behind lost."""
        return self._dropped + self._exporter.dropped

    def export(self, spans: Sequence[Span]) -> None:
        """Pass on what may leave."""
        leaving: list[Span] = []
        for span in spans:
            leaving.extend(self._select(span))
        if leaving:
            self._exporter.export([self._linked(span) for span in leaving])

    def close(self, timeout_s: float) -> None:
        """What was never called for stays behind."""
        self._waiting.clear()
        self._exporter.close(timeout_s)

    def _select(self, span: Span) -> list[Span]:
        trace = span.trace_id
        ends = self._per_entry and span.kind in _ENTRIES
        if self._decided.get(trace):
            if ends:
                del self._decided[trace]
            return [span]
        answer = self._decide(span)
        if answer is None:
            if trace not in self._decided:
                self._hold(span)
            return []
        held = self._waiting.pop(trace, [])
        self._waiting_spans -= len(held)
        forgotten = self._forgotten.pop(trace, 0)
        self._dropped += forgotten if answer else 0
        if ends:
            self._decided.pop(trace, None)
        else:
            self._decided[trace] = answer
            if len(self._decided) > MAX_DECIDED_TRACES:
                self._decided.popitem(last=False)
        return [*held, span] if answer else []

    def _linked(self, span: Span) -> Span:
        """The span without links that lead nowhere."""
        gone = [link for link in span.links if self._decided.get(link.trace_id) is False]
        if not gone:
            return span
        links = [link for link in span.links if link not in gone]
        attributes = dict(span.attributes)
        if names.CAUSE_NAME in attributes:
            known = attributes.get(names.CAUSE_EVIDENCE)
            attributes[names.CAUSE_EVIDENCE] = [
                *(known if isinstance(known, list) else ()),
                *(f"span {link.span_id} of trace {link.trace_id}, not exported" for link in gone),
            ]
        return replace(span, links=links, attributes=attributes)

    def _hold(self, span: Span) -> None:
        self._waiting.setdefault(span.trace_id, []).append(span)
        self._waiting_spans += 1
        if self._waiting_spans > MAX_WAITING_SPANS:
            trace, lost = self._waiting.popitem(last=False)
            self._waiting_spans -= len(lost)
            self._forgotten[trace] = self._forgotten.get(trace, 0) + len(lost)
            if len(self._forgotten) > MAX_DECIDED_TRACES:
                self._forgotten.popitem(last=False)
