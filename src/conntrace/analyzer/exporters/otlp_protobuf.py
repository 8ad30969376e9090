"""Spans as OTLP protobuf: the encoder of OpenTelemetry's own exporters turns ours into bytes.

It comes with `pip install conntrace[otel]`, or with the layer's protobuf flavour.
"""

from __future__ import annotations

from collections.abc import Sequence

from opentelemetry.exporter.otlp.proto.common.trace_encoder import encode_spans

from conntrace.analyzer.exporters.otlp_official import readable_span
from conntrace.analyzer.span import Span


def export_request(spans: Sequence[Span]) -> bytes:
    """The bytes of an ExportTraceServiceRequest."""
    return encode_spans([readable_span(span) for span in spans]).SerializeToString()
