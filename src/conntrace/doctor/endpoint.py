"""The OTLP endpoint: a real export that holds no span."""

from __future__ import annotations

import os
from collections.abc import Iterator

from conntrace.config import Settings, load
from conntrace.doctor.check import Check
from conntrace.errors import ConntraceError

_GROUP = "endpoint"
# Content type and body of an export request without spans.
_EMPTY = {
    "http/json": ("application/json", b'{"resourceSpans":[]}'),
    "http/protobuf": ("application/x-protobuf", b""),
}


def checks() -> Iterator[Check]:
    """All of this group; nothing when no endpoint is set."""
    from conntrace.analyzer.exporters.http_post import PostFailed

    settings, _ = load(os.environ)
    if not settings.exports_otlp:
        yield Check(_GROUP, "OTLP", "none set: spans go to a file or into the report")
        return
    try:
        yield _tried(settings)
    except ConntraceError as error:
        yield Check(_GROUP, "OTLP", str(error), False)
    except PostFailed as error:
        yield Check(_GROUP, "OTLP", f"cannot be reached: {error}", False)


def _tried(settings: Settings) -> Check:
    """What became of an empty export; the exporter itself is made too, with its certificates."""
    from conntrace.analyzer.exporters.choose import otlp_exporter
    from conntrace.analyzer.exporters.endpoints import protocol_of, shown_endpoint
    from conntrace.analyzer.exporters.http_post import HttpPost
    from conntrace.analyzer.exporters.otlp_official import OfficialOtlpExporter

    exporter = otlp_exporter(settings)
    shown = shown_endpoint(settings)
    try:
        if isinstance(exporter, OfficialOtlpExporter) and protocol_of(settings) not in _EMPTY:
            problem = exporter.problem_with_nothing()
            words = (
                f"did not take an empty export: {problem}" if problem else "took an empty export"
            )
            return Check(_GROUP, "OTLP", f"{shown} {words}", not problem)
    finally:
        exporter.close(0)
    kind, body = _EMPTY[protocol_of(settings)]
    answer = HttpPost(settings).send(body, {"Content-Type": kind}, settings.otlp_timeout_s)
    finding = f"{shown} answered {answer.status} to an empty export"
    return Check(_GROUP, "OTLP", finding, answer.status // 100 == 2)
