"""The OTLP endpoint: a real export that holds no span."""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import TYPE_CHECKING

from conntrace.config import Settings, load
from conntrace.doctor.check import Check
from conntrace.errors import ConntraceError

if TYPE_CHECKING:
    from conntrace.analyzer.exporters.http_post import Answer

_GROUP = "endpoint"
# Content type and body of an export request without spans.
_EMPTY = {
    "http/json": ("application/json", b'{"resourceSpans":[]}'),
    "http/protobuf": ("application/x-protobuf", b""),
}


def checks() -> Iterator[Check]:
    """All of this group; nothing when no endpoint is set."""
    from conntrace.analyzer.exporters.endpoints import shown_endpoint
    from conntrace.analyzer.exporters.http_post import PostFailed

    settings, _ = load(os.environ)
    if not settings.exports_otlp:
        yield Check(_GROUP, "OTLP", "none set: spans go to a file or into the report")
        return
    try:
        answer = _answer(settings)
    except ConntraceError as error:
        yield Check(_GROUP, "OTLP", str(error), False)
    except PostFailed as error:
        yield Check(_GROUP, "OTLP", f"cannot be reached: {error}", False)
    else:
        if answer is None:
            yield Check(_GROUP, "OTLP", "grpc: an empty export was not tried")
            return
        finding = f"{shown_endpoint(settings)} answered {answer.status} to an empty export"
        yield Check(_GROUP, "OTLP", finding, answer.status // 100 == 2)


def _answer(settings: Settings) -> Answer | None:
    """The answer to an empty export; None for gRPC, where only the exporter itself is made."""
    from conntrace.analyzer.exporters.choose import otlp_exporter
    from conntrace.analyzer.exporters.endpoints import protocol_of
    from conntrace.analyzer.exporters.http_post import HttpPost

    otlp_exporter(settings).close(0)
    if protocol_of(settings) not in _EMPTY:
        return None
    kind, body = _EMPTY[protocol_of(settings)]
    return HttpPost(settings).send(body, {"Content-Type": kind}, settings.otlp_timeout_s)
