"""The OTLP endpoint: a real export that holds no span."""

from __future__ import annotations

import os
from collections.abc import Iterator

from conntrace.config import load
from conntrace.doctor.check import Check

_GROUP = "endpoint"


def checks() -> Iterator[Check]:
    """All of this group; nothing when no endpoint is set."""
    from conntrace.analyzer.exporters.choose import HTTP_JSON, protocol_of, shown_endpoint
    from conntrace.analyzer.exporters.http_post import HttpPost, PostFailed

    settings, _ = load(os.environ)
    if not settings.exports_otlp:
        yield Check(_GROUP, "OTLP", "none set: spans go to a file or into the report")
        return
    protocol = protocol_of(settings)
    if protocol != HTTP_JSON:
        yield Check(_GROUP, "OTLP", f"{protocol}: an empty export was not tried")
        return
    try:
        answer = HttpPost(settings).send(
            b'{"resourceSpans":[]}', {"Content-Type": "application/json"}, settings.otlp_timeout_s
        )
    except PostFailed as error:
        yield Check(_GROUP, "OTLP", f"cannot be reached: {error}", False)
        return
    finding = f"{shown_endpoint(settings)} answered {answer.status} to an empty export"
    yield Check(_GROUP, "OTLP", finding, answer.status // 100 == 2)
