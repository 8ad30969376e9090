"""Jaeger: the demo's spans over OTLP, read back with parents, attributes and links intact."""

from __future__ import annotations

from typing import Any

import pytest

from conntrace import semantic_names as names
from conntrace.testing import Span, run_program
from tests.components.jaeger_server import Jaeger
from tests.integration.conftest import Serve
from tests.integration.running import PROGRAMS, Runner

pytestmark = pytest.mark.component
SERVICE = "conntrace-test-jaeger"


def test_spans_read_back(run: Runner, serve: Serve, jaeger: Jaeger) -> None:
    """What Jaeger gives back is what the file holds, span by span."""
    server = serve(tls="1.3", idle_limit_s=0.5)
    program = [str(PROGRAMS / "with_boto3.py"), "reuse", server.url("a.test"), "2", "1.0"]
    env = {
        **run.env,
        "OTEL_EXPORTER_OTLP_ENDPOINT": jaeger.otlp_http_endpoint,
        "OTEL_SERVICE_NAME": SERVICE,
    }
    result = run_program(program, env=env)
    assert result.exit_code == 0, result.stderr
    assert result.spans.causes == ["first_use_of_destination", "server_closed_idle"]
    found = jaeger.otlp_spans(SERVICE, spans=len(result.spans))
    assert len(found) == len(result.spans)
    by_id = {as_hexadecimal(span["spanId"]): span for span in found}
    for span in result.spans:
        assert_same(span, by_id[span.span_id])
    assert any(span.get("links") for span in found)


def assert_same(span: Span, found: dict[str, Any]) -> None:
    """Name, times, parent, attributes and links of one span."""
    assert found["name"] == span.name
    assert as_hexadecimal(found["traceId"]) == span.trace_id
    assert as_hexadecimal(found.get("parentSpanId", "")) == span.parent_span_id
    assert int(found["startTimeUnixNano"]) == span.start_ns
    # Jaeger gives a span without duration one nanosecond.
    assert int(found["endTimeUnixNano"]) == max(span.end_ns, span.start_ns + 1)
    given = {item["key"]: item["value"] for item in found.get("attributes", [])}
    assert span.attributes.keys() <= given.keys()
    for key in (names.CAUSE_NAME, names.CAUSE_DETAIL, names.CAUSE_CONFIDENCE):
        if key in span.attributes:
            assert given[key] == {"stringValue": span.attributes[key]}
    links = [as_hexadecimal(link["spanId"]) for link in found.get("links", [])]
    assert links == [link.span_id for link in span.links]


def as_hexadecimal(text: str) -> str:
    """Ids come as hexadecimal text; older versions of the query API give base64."""
    if len(text) in (0, 16, 32):
        return text
    import base64

    return base64.b64decode(text).hex()
