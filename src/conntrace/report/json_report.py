"""The report for programs: one JSON document whose form `report.schema.json` fixes."""

from __future__ import annotations

import json
from datetime import datetime, timedelta, timezone
from itertools import islice
from typing import Any, TextIO

import conntrace
from conntrace import catalogue
from conntrace import semantic_names as names
from conntrace.report.findings import finding_id
from conntrace.report.json_parts import (
    calls,
    connection,
    destination,
    invocation,
    place,
    process,
    steps,
    traffic,
)
from conntrace.report.load import Loaded
from conntrace.report.tally import Key
from conntrace.report.traffic import Sums
from conntrace.report.verdicts import Verdict

VERSION = 1
"""Grows when a field changes its meaning or goes. New fields may come without it."""

MAX_ROWS = 1000
_EPOCH = datetime(1970, 1, 1, tzinfo=timezone.utc)


def write_json(told: Loaded, stream: TextIO) -> None:
    """Write the document, indented, with a newline at its end."""
    # Lone surrogates from hostile names would break a UTF-8 stream: everything is ASCII.
    json.dump(document(told), stream, indent=1, ensure_ascii=True, allow_nan=False)
    stream.write("\n")


def document(told: Loaded) -> dict[str, Any]:
    """The report as plain data."""
    tally, model = told.tally, told.model
    return {
        "format": "conntrace-report",
        "version": VERSION,
        "conntrace_version": conntrace.__version__,
        "complete": told.complete,
        "input": _input(told),
        "start": moment(tally.start_ns),
        "end": moment(tally.end_ns),
        "totals": {
            "spans": tally.spans,
            "processes": len(tally.processes),
            "destinations": len(tally.destinations),
            **traffic(tally.total),
            **steps(tally.total),
            **calls(tally.total),
        },
        "verdicts": [_verdict(n, each) for n, each in enumerate(told.judgement.verdicts, 1)],
        "findings": [_finding(*item) for item in islice(tally.by_finding().items(), MAX_ROWS)],
        "causes": [_cause(name, sums) for name, sums in tally.causes().items()],
        "destinations": [
            {**destination(key), **traffic(value)}
            for key, value in islice(tally.worst().items(), MAX_ROWS)
        ],
        "services": [
            {
                "name": name,
                "processes": tally.processes_of(name),
                **traffic(value),
                **steps(value),
                **calls(value),
            }
            for name, value in islice(tally.by_service().items(), MAX_ROWS)
        ],
        "processes": [process(each) for each in model.processes[:MAX_ROWS]],
        "connections": [
            connection(each, told.judgement, model.start_ns) for each in model.connections
        ],
        "invocations": [invocation(each, model.start_ns) for each in told.invocations],
    }


def _input(told: Loaded) -> dict[str, Any]:
    notes = told.notes
    return {
        "files": notes.files,
        "lines": notes.lines,
        "spans": notes.spans,
        "repeated": told.repeated,
        "problem_count": notes.problem_count,
        "problems": [
            {"source": each.source, "line": each.line, "reason": each.reason}
            for each in notes.problems
        ],
    }


def moment(time_ns: int) -> str | None:
    """A time in RFC 3339; None for none."""
    if not time_ns:
        return None
    try:
        when = _EPOCH + timedelta(microseconds=time_ns // 1000)
    except OverflowError:
        return None
    return when.isoformat(timespec="microseconds").replace("+00:00", "Z")


def _sums(count: int, cost_ms: float, avoidable_ms: float) -> dict[str, Any]:
    cost, avoidable = round(cost_ms, 3), round(avoidable_ms, 3)
    return {"count": count, "cost_ms": cost, "avoidable_ms": avoidable}


def _cause(name: str, sums: Sums) -> dict[str, Any]:
    known = catalogue.CAUSES.get(name)
    return {
        "id": name,
        "title": catalogue.title(name),
        "family": known.family if known else None,
        **_sums(sums.count, sums.cost_ms, sums.avoidable_ms),
    }


def _finding(key: Key, sums: Sums) -> dict[str, Any]:
    cause, where, site = key
    example = sums.example
    return {
        "id": finding_id(*key),
        "cause": cause,
        "destination": destination(where),
        "place": place(site),
        **_sums(sums.count, sums.cost_ms, sums.avoidable_ms),
        "detail": example.text(names.CAUSE_DETAIL) if example else "",
        "advice": example.text(names.CAUSE_ADVICE) if example else "",
    }


def _verdict(number: int, verdict: Verdict) -> dict[str, Any]:
    return {
        "number": number,
        "cause": verdict.cause,
        "title": verdict.title,
        "proved": verdict.proved,
        **_sums(verdict.count, verdict.cost_ms, verdict.avoidable_ms),
        "destinations": [destination(each) for each in verdict.destinations],
        "places": [place(each) for each in verdict.places],
        "why": verdict.why,
        "advice": verdict.advice,
        "do_not": verdict.hints,
        "findings": [each.id for each in verdict.findings],
    }
