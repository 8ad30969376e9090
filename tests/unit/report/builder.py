"""Hand-made span files: a builder of OTLP JSON lines."""

from __future__ import annotations

import io
import json
from dataclasses import dataclass, field
from typing import Any, TextIO

from conntrace.report.load import of_model
from conntrace.report.model import build
from conntrace.report.otlp import spans_of
from conntrace.report.read import ReadNotes
from conntrace.report.record import SpanRecord
from conntrace.report.text import write_text

NS_PER_S = 1_000_000_000
BEGIN_NS = 1_767_225_600 * NS_PER_S
KINDS = {"INTERNAL": 1, "SERVER": 2, "CLIENT": 3}


def attribute(key: str, value: Any) -> dict[str, Any]:
    """One attribute in OTLP's JSON form."""
    if isinstance(value, bool):
        return {"key": key, "value": {"boolValue": value}}
    if isinstance(value, int):
        return {"key": key, "value": {"intValue": str(value)}}
    if isinstance(value, float):
        return {"key": key, "value": {"doubleValue": value}}
    if isinstance(value, list):
        items = [{"stringValue": item} for item in value]
        return {"key": key, "value": {"arrayValue": {"values": items}}}
    return {"key": key, "value": {"stringValue": value}}


def request_of(spans: list[dict[str, Any]], **resource: Any) -> dict[str, Any]:
    """One ExportTraceServiceRequest; `resource` names use `__` for a dot."""
    described = {"service.name": "shop", "process.pid": 4242}
    described.update({key.replace("__", "."): value for key, value in resource.items()})
    attributes = [attribute(key, value) for key, value in described.items()]
    return {
        "resourceSpans": [
            {"resource": {"attributes": attributes}, "scopeSpans": [{"spans": spans}]}
        ]
    }


@dataclass
class Story:
    """Spans of one process, with times in seconds since the story's begin and lengths in ms."""

    host: str = "dynamodb.eu-west-1.amazonaws.com"
    port: int = 443
    resource: dict[str, Any] = field(default_factory=dict)
    spans: list[dict[str, Any]] = field(default_factory=list)
    prefix: int = 0
    _last: int = 0

    def span(
        self,
        name: str,
        at_s: float,
        length_ms: float,
        parent: dict[str, Any] | None = None,
        *,
        kind: str = "INTERNAL",
        links: list[dict[str, Any]] | None = None,
        error: str = "",
        **attributes: Any,
    ) -> dict[str, Any]:
        """Add a span; attribute names use `__` for a dot."""
        self._last += 1
        number = self.prefix * 1_000_000 + self._last
        start = BEGIN_NS + round(at_s * NS_PER_S)
        described = {key.replace("__", "."): value for key, value in attributes.items()}
        if error:
            described["error.type"] = error
        made = {
            "traceId": parent["traceId"] if parent else f"4bf92f{number:026x}",
            "spanId": f"{number:016x}",
            "parentSpanId": parent["spanId"] if parent else "",
            "name": name,
            "kind": KINDS[kind],
            "startTimeUnixNano": str(start),
            "endTimeUnixNano": str(start + round(length_ms * 1_000_000)),
            "attributes": [attribute(key, value) for key, value in described.items()],
            "links": [
                {"traceId": link["traceId"], "spanId": link["spanId"]} for link in links or []
            ],
            "status": {"code": 2} if error else {},
        }
        self.spans.append(made)
        return made

    def connect(
        self,
        connection: str,
        at_s: float,
        cause: str = "first_use_of_destination",
        *,
        parent: dict[str, Any] | None = None,
        phases: tuple[float, float, float, float] = (8.0, 1.0, 19.0, 6.0),
        links: list[dict[str, Any]] | None = None,
        error: str = "",
        **attributes: Any,
    ) -> dict[str, Any]:
        """A set-up with its phases (lookup, connect, trust store, handshake; in ms)."""
        where = {"server__address": self.host, "server__port": self.port}
        told = {
            "conntrace__connection__id": connection,
            "conntrace__cause__name": cause,
            "conntrace__cause__confidence": "proved",
            "code__file__path": "/srv/shop/handler.py",
            "code__line__number": 21,
            "code__function__name": "put",
            **where,
            **attributes,
        }
        length = sum(phases) + 0.2
        title = f"HTTP connection_setup {self.host}:{self.port}"
        setup = self.span(title, at_s, length, parent, links=links, error=error, **told)
        at = at_s + 0.0001
        titles = (
            f"DNS lookup {self.host}",
            "socket connect 127.0.0.1:443",
            "TLS trust store load",
            f"TLS client handshake {self.host}",
        )
        for title, phase_ms in zip(titles, phases, strict=True):
            if phase_ms:
                self.span(title, at, phase_ms, setup, **where)
            at += phase_ms / 1000
        return setup

    def request(
        self,
        connection: str,
        at_s: float,
        length_ms: float = 5.0,
        parent: dict[str, Any] | None = None,
        **attributes: Any,
    ) -> dict[str, Any]:
        """A request span that ran on a connection."""
        told = {"http__request__method": "POST", "conntrace__connection__id": connection}
        where = {"server__address": self.host, "server__port": self.port}
        return self.span(
            "POST", at_s, length_ms, parent, kind="CLIENT", **{**told, **where, **attributes}
        )

    def reuse(self, connection: str, at_s: float, idle_s: float, **more: Any) -> dict[str, Any]:
        """A request on a connection that had been idle."""
        told = {"conntrace__connection__reused": True, "conntrace__connection__idle_s": idle_s}
        return self.request(connection, at_s, 4.0, **told, **more)

    def close(self, connection: str, at_s: float, **attributes: Any) -> dict[str, Any]:
        """The end of a connection, when it was noticed."""
        told = {"conntrace__connection__id": connection}
        where = {"server__address": self.host, "server__port": self.port}
        title = f"HTTP connection_close {self.host}:{self.port}"
        return self.span(title, at_s, 0.0, **{**told, **where, **attributes})

    def document(self) -> dict[str, Any]:
        """All spans as one ExportTraceServiceRequest."""
        return request_of(self.spans, **self.resource)

    def lines(self) -> str:
        """All spans as a file of OTLP JSON lines, one span a line."""
        return "".join(
            json.dumps(request_of([span], **self.resource)) + "\n" for span in self.spans
        )

    def records(self) -> list[SpanRecord]:
        """All spans as the reports' own records."""
        problems: list[str] = []
        records = list(spans_of(self.document(), problems.append))
        assert not problems
        return records


def render(
    records: list[SpanRecord],
    stream: TextIO,
    *,
    width: int | None = None,
    color: bool | None = None,
    trace: str = "",
) -> None:
    """Write the terminal report of the spans."""
    told = of_model(build(records), ReadNotes())
    write_text(told, stream, width=width, color=color, trace=trace)


def rendered(
    records: list[SpanRecord], width: int = 80, color: bool = False, trace: str = ""
) -> str:
    """The report as a string."""
    stream = io.StringIO()
    render(records, stream, width=width, color=color, trace=trace)
    return stream.getvalue()
