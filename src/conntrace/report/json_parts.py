"""The recurring parts of the JSON report. Times in milliseconds unless a name says seconds."""

from __future__ import annotations

from typing import Any

from conntrace import semantic_names as names
from conntrace.report.findings import Place, call_site_of
from conntrace.report.invocations import Invocation
from conntrace.report.model import Connection, Destination, cause_of
from conntrace.report.record import NS_PER_MS, Process, SpanRecord
from conntrace.report.spread import Spread
from conntrace.report.traffic import Traffic
from conntrace.report.verdicts import Judgement


def destination(where: Destination) -> dict[str, Any]:
    """Host and port."""
    return {"host": where.host, "port": where.port or None}


def process(each: Process) -> dict[str, Any]:
    """One process."""
    return {
        "service": each.service,
        "instance": each.instance,
        "pid": each.pid or None,
        "parent_pid": each.parent_pid or None,
        "function": each.function,
        "command": each.command,
    }


def traffic(told: Traffic) -> dict[str, Any]:
    """Counts and times of a destination, a service or everything."""
    return {
        "requests": told.requests,
        "reused": told.reused,
        "connections": told.setups.count,
        "failed": told.failed,
        "lookups": told.lookups,
        "evictions": told.evictions,
        "setup_ms": round(told.cost_ms, 3),
        "avoidable_ms": round(told.avoidable_ms, 3),
        "waits": told.waits,
        "wait_ms": round(told.wait_ms, 3),
        "idle_at_close": spread(told.idle),
        "server_idle_limit": spread(told.limit),
    }


def steps(told: Traffic) -> dict[str, Any]:
    """Steps of connections, of a service or everything."""
    return {"connects": told.connects, "handshakes": told.handshakes}


def calls(told: Traffic) -> dict[str, Any]:
    """Counts of invocations of a function, a service or everything."""
    return {
        "invocations": told.invocations,
        "cold_starts": told.cold,
        "failed_invocations": told.invocations_failed,
        "invocation_time": spread(told.took),
    }


def spread(told: Spread) -> dict[str, Any] | None:
    """Count, range, median and a coarse histogram of seconds; null when there are none."""
    if not told.count:
        return None
    return {
        "count": told.count,
        "min_s": round(told.low, 3),
        "median_s": round(told.quantile(0.5), 3),
        "max_s": round(told.high, 3),
        "histogram": [{"le_s": bound, "count": count} for bound, count in told.doublings()],
    }


def connection(each: Connection, judgement: Judgement, start_ns: int) -> dict[str, Any]:
    """One connection, with times since the report's first span."""
    return {
        "number": each.number,
        "id": each.setup.text(names.CONNECTION_ID) if each.setup else None,
        "process": process(each.process),
        "destination": destination(each.destination),
        "start_ms": round((each.start_ns - start_ns) / NS_PER_MS, 3),
        "end_ms": round((each.end_ns - start_ns) / NS_PER_MS, 3),
        "requests": each.request_count,
        "phases_ms": {phase: round(value, 3) for phase, value in each.phases_ms.items()},
        "setup": _setup(each.setup, judgement) if each.setup else None,
        "close": _close(each.close) if each.close else None,
        "evicted_by": each.evicted_by,
        "replaces": each.replaces or None,
        "forked_from": each.forked_from or None,
        "frozen_ms": round(sum(end - begin for begin, end in each.frozen) / NS_PER_MS, 3),
    }


def invocation(each: Invocation, start_ns: int) -> dict[str, Any]:
    """One invocation, with its start since the report's first span."""
    span = each.span
    kind = "init" if each.is_init else "invocation" if each.is_function else "served request"
    return {
        "name": each.name,
        "kind": kind,
        "request_id": each.request_id or None,
        "cold": each.is_cold,
        "error": each.error or None,
        "trace_id": span.trace_id,
        "span_id": span.span_id,
        "start_ms": round((span.start_ns - start_ns) / NS_PER_MS, 3),
        "duration_ms": round(span.duration_ms, 3),
        "new_connections": each.new_connections,
        "setup_ms": round(each.setup_ms, 3),
        "avoidable_ms": round(each.avoidable_ms, 3),
        "connections": [connection.number for connection in each.connections],
    }


def _setup(span: SpanRecord, judgement: Judgement) -> dict[str, Any]:
    return {
        "trace_id": span.trace_id,
        "span_id": span.span_id,
        "duration_ms": round(span.duration_ms, 3),
        "verdict": judgement.number_of(span) or None,
        "cause": cause_of(span),
        "confidence": span.text(names.CAUSE_CONFIDENCE) or None,
        "avoidable": span.flag(names.CAUSE_AVOIDABLE),
        "detail": span.text(names.CAUSE_DETAIL),
        "evidence": span.texts(names.CAUSE_EVIDENCE),
        "contributing": span.texts(names.CAUSE_CONTRIBUTING),
        "advice": span.text(names.CAUSE_ADVICE),
        "pool_owner": span.text(names.POOL_OWNER) or None,
        "created_at": span.text(names.POOL_CREATED_AT) or None,
        "evicted_by": span.text(names.POOL_EVICTED_BY) or None,
        "call_site": place(call_site_of(span)),
        "error": (span.text(names.ERROR_TYPE) or "error") if span.error else None,
    }


def _close(span: SpanRecord) -> dict[str, Any]:
    return {
        "span_id": span.span_id,
        "reason": span.text(names.CLOSE_REASON) or None,
        "initiator": span.text(names.CLOSE_INITIATOR) or None,
        "idle_s": span.number(names.CONNECTION_IDLE_S),
        "age_s": span.number(names.CONNECTION_AGE_S),
        "server_idle_limit_s": span.number(names.CLOSE_SERVER_IDLE_LIMIT_S),
    }


def place(where: Place) -> dict[str, Any] | None:
    """A line of the program; null when no span says it."""
    if not where.path:
        return None
    return {"path": where.path, "line": where.line or None, "function": where.function or None}
