"""One line in the function's log for each invocation that has something to tell.

For AWS Lambda without an endpoint: what an extension prints lands in CloudWatch, and `conntrace
report` reads an export of such lines. A line is one JSON object:

    {"type": "conntrace.findings", "schema": 1, "requestId": ..., "findings": [{cause, destination,
     detail, advice, cost_ms}], "spansLeftOut": ..., "resourceSpans": [...]}

`resourceSpans` is OTLP JSON. `spansLeftOut` and `findingsLeftOut` are there when not all had room.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Sequence
from json import JSONEncoder

from conntrace import semantic_names as names
from conntrace.analyzer.exporters.otlp_json import Json, export_request
from conntrace.analyzer.ledger_clients import authority
from conntrace.analyzer.span import Span
from conntrace.catalogue import PHASES

TYPE: str = "conntrace.findings"
MAX_LINE_BYTES = 200_000
"""CloudWatch cuts an event at 256 KiB."""

MAX_HELD_SPANS = 20_000
MAX_FINDINGS = 50

_ENTRIES = (names.SERVER, names.CONSUMER)
_EXPLAINED = (
    names.CONNECTION_SETUP,
    names.DNS_LOOKUP,
    names.DNS_REVERSE_LOOKUP,
    names.SOCKET_CONNECT,
)
_encode = JSONEncoder(separators=(",", ":"), ensure_ascii=False).encode

Write = Callable[[bytes], object]


class LogLineExporter:
    """Holds the spans of an invocation until its own span, which ends last, is there.

    Spans that never get one (another tool makes it) are written by `flush`.
    """

    def __init__(self, write: Write | None = None) -> None:
        """`write` takes a whole line with its end; standard output when None."""
        self._write = write or _print
        self._held: dict[str, list[Span]] = {}
        self._held_spans = 0
        self._dropped = 0

    @property
    def dropped(self) -> int:
        """Spans that had no room, or could not be written."""
        return self._dropped

    def export(self, spans: Sequence[Span]) -> None:
        """Take finished spans; an invocation that is complete is written if it has findings."""
        for span in spans:
            self._hold(span)
            if span.kind in _ENTRIES:
                self._finish(span)

    def flush(self, request_id: str = "") -> None:
        """Write what has findings and waits for the span of an invocation that another tool makes:
        spans under a parent that is not ours."""
        for trace in [key for key, spans in self._held.items() if _is_foreign(spans)]:
            self._tell(request_id, self._take(trace))

    def close(self, timeout_s: float) -> None:
        """Write what is left and has findings."""
        for trace in list(self._held):
            self._tell("", self._take(trace))

    def _hold(self, span: Span) -> None:
        self._held.setdefault(span.trace_id, []).append(span)
        self._held_spans += 1
        if self._held_spans > MAX_HELD_SPANS:
            self._dropped += len(self._take(next(iter(self._held))))

    def _take(self, trace: str) -> list[Span]:
        spans = self._held.pop(trace, [])
        self._held_spans -= len(spans)
        return spans

    def _finish(self, entry: Span) -> None:
        """The first invocation takes the initialisation with it, which it is linked to."""
        own = self._take(entry.trace_id)
        linked = [span for link in entry.links for span in self._take(link.trace_id)]
        request_id = str(entry.attributes.get(names.FAAS_INVOCATION_ID, ""))
        self._tell(request_id, own, linked)

    def _tell(self, request_id: str, own: list[Span], linked: Sequence[Span] = ()) -> None:
        findings = findings_of(own)
        if not findings:
            return
        line = line_of(request_id, findings, [*linked, *own])
        try:
            self._write(line + b"\n")
        except OSError:
            self._dropped += len(own) + len(linked)


def findings_of(spans: Iterable[Span]) -> list[dict[str, Json]]:
    """What there is to tell: set-ups, lookups and connects with a cause of their own, and what was
    not finished; of the invocation itself that it was not finished, when nothing in it says so."""
    ordered = sorted(spans, key=lambda span: span.start_ns)
    setups = {span.span_id for span in ordered if _is(span, names.CONNECTION_SETUP)}
    telling = [span for span in ordered if span.parent_span_id not in setups and _is_finding(span)]
    around = {span.parent_span_id for span in telling if names.UNFINISHED_PHASE in span.attributes}
    calls = {span.span_id for span in telling if names.RPC_SYSTEM in span.attributes} & around
    # An SDK call has nothing to add to the request that hangs in it.
    within = [each for each in telling if each.kind not in _ENTRIES and each.span_id not in calls]
    explained = any(names.UNFINISHED_PHASE in span.attributes for span in within)
    return [_finding(span) for span in (within if explained else telling)]


def _is_finding(span: Span) -> bool:
    if names.UNFINISHED_PHASE in span.attributes:
        return True
    return names.CAUSE_NAME in span.attributes and any(_is(span, name) for name in _EXPLAINED)


def line_of(request_id: str, findings: list[dict[str, Json]], spans: list[Span]) -> bytes:
    """The line, without its end: with all spans when they have room, else with those that tell a
    cause, as many as have."""
    kept = spans
    line = _line(request_id, findings, kept, 0)
    if len(line) > MAX_LINE_BYTES:
        kept = [span for span in spans if span.kind in _ENTRIES or _tells(span)]
        line = _line(request_id, findings, kept, len(spans) - len(kept))
    while len(line) > MAX_LINE_BYTES and kept:
        # The entry ends last, so it is the last to go.
        kept = kept[(len(kept) + 1) // 2 :]
        line = _line(request_id, findings, kept, len(spans) - len(kept))
    return line


def _line(
    request_id: str, findings: list[dict[str, Json]], spans: list[Span], left_out: int
) -> bytes:
    head: dict[str, Json] = {
        "type": TYPE,
        "schema": names.SCHEMA_VERSION,
        "requestId": request_id,
        "findings": list(findings[:MAX_FINDINGS]),
    }
    if len(findings) > MAX_FINDINGS:
        head["findingsLeftOut"] = len(findings) - MAX_FINDINGS
    if left_out:
        head["spansLeftOut"] = left_out
    return _encode(head).encode("utf-8", "replace")[:-1] + b"," + export_request(spans)[1:]


def _tells(span: Span) -> bool:
    return names.CAUSE_NAME in span.attributes or names.UNFINISHED_PHASE in span.attributes


def _finding(span: Span) -> dict[str, Json]:
    attributes = span.attributes
    host, port = attributes.get(names.SERVER_ADDRESS), attributes.get(names.SERVER_PORT)
    found: dict[str, Json] = {
        "cause": str(attributes.get(names.CAUSE_NAME, attributes.get(names.ERROR_TYPE, ""))),
        "destination": authority(str(host), int(str(port or 0))) if host else "",
        "detail": str(attributes.get(names.CAUSE_DETAIL, "") or _unfinished(span)),
        "advice": str(attributes.get(names.CAUSE_ADVICE, "")),
        "cost_ms": round((span.end_ns - span.start_ns) / 1e6, 3),
    }
    return found


def _unfinished(span: Span) -> str:
    phase = str(span.attributes.get(names.UNFINISHED_PHASE, ""))
    return f"{span.name} was not finished: {PHASES.get(phase, phase)}"


def _is(span: Span, name: str) -> bool:
    return span.name == name or span.name.startswith(name + " ")


def _is_foreign(spans: list[Span]) -> bool:
    return any(span.foreign_parent for span in spans)


def _print(line: bytes) -> None:
    """In one write, so that no other process's line comes in between."""
    rest = memoryview(line)
    while rest:
        rest = rest[os.write(1, rest) :]
