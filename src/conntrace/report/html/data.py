"""What the page shows, as compact data: texts once in a table, times in ms since the begin."""

from __future__ import annotations

from itertools import islice
from typing import Any

import conntrace
from conntrace import catalogue
from conntrace import semantic_names as names
from conntrace.report import text_counts
from conntrace.report.clean import clean
from conntrace.report.html.arrows import evictions
from conntrace.report.html.items import Items, Texts
from conntrace.report.json_parts import spread
from conntrace.report.json_report import moment
from conntrace.report.load import Loaded
from conntrace.report.record import SpanRecord
from conntrace.report.text_connections import service_of
from conntrace.report.text_verdicts import cost_words, place_words
from conntrace.report.units import count
from conntrace.report.verdicts import Verdict

MAX_DESTINATIONS = 100
_LONG = 2000


def page_data(told: Loaded) -> dict[str, Any]:
    """Everything the page's script reads."""
    texts, model = Texts(), told.model
    items = Items(told, texts)
    shown = items.all()
    return {
        "complete": told.complete,
        "version": conntrace.__version__,
        "headline": _headline(told),
        "cost": cost_words(told.judgement) if told.complete else "",
        "wait": text_counts.wait_words(told.tally.total) if told.tally.total.waits else "",
        "start": moment(told.tally.start_ns),
        "length": round((model.end_ns - model.start_ns) / 1e6, 3),
        "problems": [
            f"{clean(each.source, 200)}, line {each.line:,}: {clean(each.reason)}"
            for each in told.notes.problems
        ],
        "problemCount": told.notes.problem_count,
        "verdicts": [_verdict(each) for each in told.judgement.verdicts],
        "causes": _causes(told),
        "destinations": _destinations(told),
        "services": [
            [clean(service_name(name)), each.setups.count, *_costs(each.cost_ms, each.avoidable_ms)]
            for name, each in islice(told.tally.by_service().items(), MAX_DESTINATIONS)
        ],
        "processes": [_process(each) for each in model.processes],
        "invocations": [_invocation(each, model.start_ns) for each in invocations(told)],
        "arrows": evictions(model),
        "items": shown,
        "texts": texts.texts,
    }


def service_name(name: str) -> str:
    """The service without OpenTelemetry's word for a name that nobody chose."""
    return name.removeprefix("unknown_service:")


def invocations(told: Loaded) -> list[SpanRecord]:
    """Spans of Lambda invocations and of requests served, in order of time."""
    spans = [s for trace in told.model.traces.values() for s in trace if s.kind == names.SERVER]
    return sorted(spans, key=lambda span: span.start_ns)


def _headline(told: Loaded) -> str:
    total = told.tally.total
    parts = [
        count(total.requests, "request"),
        f"{count(total.setups.count, 'connection')} to "
        f"{count(told.tally.connected, 'destination')}",
    ]
    if len(told.tally.processes) > 1:
        parts.append(f"{len(told.tally.processes):,} processes")
    return " · ".join(parts)


def _costs(cost_ms: float, avoidable_ms: float) -> tuple[float, float]:
    return round(cost_ms, 3), round(avoidable_ms, 3)


def _verdict(verdict: Verdict) -> dict[str, Any]:
    return {
        "cause": clean(verdict.cause),
        "title": clean(verdict.title),
        "proved": verdict.proved,
        "count": verdict.count,
        "cost": round(verdict.cost_ms, 3),
        "avoidable": round(verdict.avoidable_ms, 3),
        "places": [clean(place_words(each)) for each in verdict.places[:20]],
        "destinations": [clean(str(each)) for each in verdict.destinations[:20]],
        "why": clean(verdict.why, _LONG),
        "advice": clean(verdict.advice, _LONG),
        "hints": [clean(each, _LONG) for each in verdict.hints],
    }


def _causes(told: Loaded) -> list[list[Any]]:
    return [
        [
            clean(name),
            clean(catalogue.title(name)),
            sums.count,
            *_costs(sums.cost_ms, sums.avoidable_ms),
        ]
        for name, sums in islice(told.tally.causes().items(), MAX_DESTINATIONS)
    ]


def _destinations(told: Loaded) -> list[dict[str, Any]]:
    groups = told.model.by_destination()
    rows = []
    for where, traffic in islice(told.tally.worst().items(), MAX_DESTINATIONS):
        phases: dict[str, float] = {}
        for each in groups.get(where, ()):
            for phase, value in each.phases_ms.items():
                phases[phase] = round(phases.get(phase, 0.0) + value, 3)
        rows.append(
            {
                "name": clean(str(where)),
                "connections": traffic.setups.count,
                "requests": traffic.requests,
                "cost": round(traffic.cost_ms, 3),
                "avoidable": round(traffic.avoidable_ms, 3),
                "phases": phases,
                "idle": spread(traffic.idle),
            }
        )
    return rows


def _process(process: Any) -> str:
    who = " ".join(dict.fromkeys(filter(None, (service_of(process), process.command))))
    pid = f"pid {process.pid}" if process.pid else process.instance
    return clean(f"{pid} {who}".strip())


def _invocation(span: SpanRecord, start_ns: int) -> list[Any]:
    begin, length = round((span.start_ns - start_ns) / 1e6, 3), round(span.duration_ms, 3)
    return [clean(span.name, 100), begin, length, span.trace_id]
