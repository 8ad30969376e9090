"""What the page shows, as compact data: texts once in a table, times in ms since the begin."""

from __future__ import annotations

from itertools import islice
from typing import Any

import conntrace
from conntrace import catalogue
from conntrace.report import text_counts
from conntrace.report.clean import clean, shorten_service
from conntrace.report.html.items import Items, Texts
from conntrace.report.json_parts import spread
from conntrace.report.json_report import moment
from conntrace.report.load import Loaded
from conntrace.report.model import Connection
from conntrace.report.record import Process
from conntrace.report.text import ONLY_COUNTED, no_spans_words
from conntrace.report.text_connections import process_words
from conntrace.report.text_verdicts import (
    cost_words,
    failures,
    headline_words,
    uncounted_words,
    verdict_cost,
    where_words,
)
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
        "cost": cost_words(told.judgement) if told.tally.spans else no_spans_words(told.notes),
        "note": uncounted_words(model) if told.complete else ONLY_COUNTED,
        "repeated": told.repeated,
        "failed": [f"failed: {what}{where}" for what, where in failures(model.connections)],
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
        "services": _services(told),
        "processes": [_process(each) for each in model.processes],
        "functions": _functions(told),
        "invocations": _invocations(told, items),
        "arrows": _arrows(model.connections),
        "items": shown,
        "texts": texts.texts,
    }


def _headline(told: Loaded) -> str:
    if told.complete:
        return " · ".join(headline_words(told.model))
    total = told.tally.total
    parts = [
        count(total.requests, "request"),
        f"{count(total.setups.count, 'connection')} to "
        f"{count(told.tally.connected, 'destination')}",
    ]
    if len(told.tally.processes) > 1:
        parts.append(count(len(told.tally.processes), "process"))
    return " · ".join(parts)


def _costs(cost_ms: float, avoidable_ms: float) -> tuple[float, float]:
    return round(cost_ms, 3), round(avoidable_ms, 3)


def _verdict(verdict: Verdict) -> dict[str, Any]:
    return {
        "cause": clean(verdict.cause),
        "heading": clean(verdict.heading),
        "count": verdict.count,
        "cost": verdict_cost(verdict),
        "avoidable": round(verdict.avoidable_ms, 3),
        "where": " · ".join(where_words(verdict)),
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
                "limit": round(traffic.limit.low, 3) if traffic.limit.count else 0,
            }
        )
    return rows


def _services(told: Loaded) -> list[list[Any]]:
    return [
        [
            clean(shorten_service(name)),
            each.setups.count,
            *_costs(each.cost_ms, each.avoidable_ms),
        ]
        for name, each in islice(told.tally.by_service().items(), MAX_DESTINATIONS)
    ]


def _process(process: Process) -> str:
    return clean(" ".join(process_words(process)).strip())


def _arrows(connections: list[Connection]) -> list[list[Any]]:
    """Between two lives: kind, number of the one where it begins, number of the other."""
    found: list[list[Any]] = []
    for each in connections:
        if each.evicted_by is not None:
            found.append(["evicted", each.evicted_by, each.number])
        if each.replaces:
            found.append(["replaced", each.replaces, each.number])
        if each.forked_from:
            found.append(["fork", each.forked_from, each.number])
    return found


def _functions(told: Loaded) -> list[list[Any]]:
    """Name, invocations, cold, failed, median ms, and times for each invocation."""
    rows = []
    for name, each in islice(told.tally.by_service().items(), MAX_DESTINATIONS):
        if calls := each.invocations:
            median = round(each.took.quantile(0.5) * 1000, 3)
            costs = _costs(each.cost_ms / calls, each.avoidable_ms / calls)
            called = (calls, each.cold, each.invocations_failed, median)
            rows.append([clean(shorten_service(name)), *called, *costs])
    return rows


def _invocations(told: Loaded, items: Items) -> list[dict[str, Any]]:
    """The invocations, each with the places of its items in the list of all."""
    begin, strays = told.model.start_ns, items.places_of_strays()
    return [
        {
            "name": clean(each.name, 100),
            "id": clean(each.request_id, 80),
            "kind": "init" if each.is_init else "cold" if each.is_cold else "",
            "error": clean(each.error, 100),
            "b": round((each.span.start_ns - begin) / 1e6, 3),
            "l": round(each.span.duration_ms, 3),
            "span": each.span.span_id,
            "setup": round(each.setup_ms, 3),
            "avoidable": round(each.avoidable_ms, 3),
            "new": each.new_connections,
            "process": items.processes.get(each.span.process, 0),
            "items": [
                *(connection.number - 1 for connection in each.connections),
                *(strays[id(span)] for span in each.strays),
            ],
        }
        for each in told.invocations
    ]
