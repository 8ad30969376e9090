"""OTLP with protobuf, over HTTP or gRPC: OpenTelemetry's own exporters carry our spans.

They come with `pip install conntrace[otel]` and are loaded only when the protocol asks for them.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from functools import lru_cache
from typing import TYPE_CHECKING

import conntrace
from conntrace.analyzer.exporters.background import BackgroundExporter
from conntrace.analyzer.exporters.endpoints import split_endpoint
from conntrace.analyzer.exporters.http_post import one_line
from conntrace.analyzer.exporters.otlp_json import resource_attributes
from conntrace.analyzer.span import Resource, Span
from conntrace.config import Settings
from conntrace.errors import ConntraceError
from conntrace.urls import credentials_of, without_user

if TYPE_CHECKING:
    from opentelemetry.sdk.resources import Resource as SdkResource
    from opentelemetry.sdk.trace import ReadableSpan
    from opentelemetry.sdk.trace.export import SpanExporter


class OfficialOtlpExporter(BackgroundExporter):
    """Sends spans with `opentelemetry-exporter-otlp-proto-http` or `-grpc`, which retry by rule."""

    def __init__(self, settings: Settings, *, protocol: str, endpoint: str) -> None:
        """Raises `ConntraceError` when the package is missing or a certificate cannot be read."""
        super().__init__(timeout_s=settings.otlp_timeout_s)
        try:
            make = _grpc_exporter if protocol == "grpc" else _http_exporter
            self._exporter = make(settings, endpoint)
        except ImportError as error:
            raise ConntraceError(
                "otel-missing",
                f"the protocol {protocol} needs OpenTelemetry's exporter ({error}): "
                "pip install 'conntrace[otel]'",
            ) from error
        except OSError as error:
            raise ConntraceError(
                "otlp-certificate",
                f"a certificate named by OTEL_EXPORTER_OTLP_* cannot be used: {error}",
            ) from error
        # What they log, we say in our own words at the end.
        logger = logging.getLogger("opentelemetry.exporter")
        logger.addHandler(_LastMessage(self))
        logger.propagate = False

    def deliver(self, batch: Sequence[Span], deadline: float) -> int:
        """Hand a batch to the exporter, which tries again until its own time-out."""
        from opentelemetry.sdk.trace.export import SpanExportResult

        result = self._exporter.export([readable_span(span) for span in batch])
        return 0 if result is SpanExportResult.SUCCESS else len(batch)

    def problem_with_nothing(self) -> str:
        """Sends an export without spans; why it failed, or nothing."""
        from opentelemetry.sdk.trace.export import SpanExportResult

        if self._exporter.export([]) is SpanExportResult.SUCCESS:
            return ""
        return self.problem or "no reason is known"

    def close(self, timeout_s: float) -> None:
        """As always; afterwards a delivery that still tries is told to give up."""
        super().close(timeout_s)
        self._exporter.shutdown()

    def let_go(self) -> None:
        """Done by `close`: the exporter's shutdown may come while it tries."""


class _LastMessage(logging.Handler):
    """Keeps the exporter's own words for why it failed."""

    def __init__(self, exporter: BackgroundExporter) -> None:
        super().__init__(logging.WARNING)
        self._exporter = exporter

    def emit(self, record: logging.LogRecord) -> None:
        self._exporter.problem = one_line(record.getMessage())


def readable_span(span: Span) -> ReadableSpan:
    """Our span in the form that the SDK's exporters take, ids and times unchanged."""
    from opentelemetry.sdk.trace import ReadableSpan
    from opentelemetry.sdk.util.instrumentation import InstrumentationScope
    from opentelemetry.trace import Link, SpanContext, SpanKind, Status, StatusCode, TraceFlags

    def context(trace_id: str, span_id: str) -> SpanContext:
        flags = TraceFlags(TraceFlags.SAMPLED)
        return SpanContext(int(trace_id, 16), int(span_id, 16), False, flags)

    parent = context(span.trace_id, span.parent_span_id) if span.parent_span_id else None
    return ReadableSpan(
        name=span.name,
        context=context(span.trace_id, span.span_id),
        parent=parent,
        resource=_sdk_resource(span.resource),
        attributes=span.attributes,
        links=[Link(context(link.trace_id, link.span_id)) for link in span.links],
        kind=SpanKind[span.kind],
        status=Status(StatusCode.ERROR if span.error else StatusCode.UNSET),
        start_time=span.start_ns,
        end_time=span.end_ns,
        instrumentation_scope=InstrumentationScope("conntrace", conntrace.__version__),
    )


@lru_cache(maxsize=64)
def _sdk_resource(resource: Resource) -> SdkResource:
    from opentelemetry.sdk.resources import Resource as SdkResource

    return SdkResource(resource_attributes(resource))


def _http_exporter(settings: Settings, endpoint: str) -> SpanExporter:
    from opentelemetry.exporter.otlp.proto.http import Compression
    from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter

    return OTLPSpanExporter(
        endpoint=endpoint,
        certificate_file=settings.otlp_certificate or None,
        client_key_file=settings.otlp_client_key or None,
        client_certificate_file=settings.otlp_client_certificate or None,
        headers=dict(settings.otlp_headers),
        timeout=settings.otlp_timeout_s,
        compression=Compression(settings.otlp_compression or "none"),
    )


def _grpc_exporter(settings: Settings, endpoint: str) -> SpanExporter:
    import grpc  # type: ignore[import-untyped]
    from opentelemetry.exporter.otlp.proto.grpc.trace_exporter import OTLPSpanExporter

    credentials = None
    if not endpoint.lower().startswith("http://"):
        credentials = grpc.ssl_channel_credentials(
            _content(settings.otlp_certificate),
            _content(settings.otlp_client_key),
            _content(settings.otlp_client_certificate),
        )
    gzip = settings.otlp_compression == "gzip"
    # gRPC wants header names in lower case.
    headers = [(key.lower(), value) for key, value in settings.otlp_headers]
    if not any(name == "authorization" for name, _ in headers):
        headers += credentials_of("authorization", split_endpoint(endpoint)).items()
    return OTLPSpanExporter(
        # gRPC takes a user for a part of the host's name, and shows it in every error.
        endpoint=without_user(endpoint),
        credentials=credentials,
        headers=tuple(headers),
        timeout=settings.otlp_timeout_s,
        compression=grpc.Compression.Gzip if gzip else grpc.Compression.NoCompression,
    )


def _content(path: str) -> bytes | None:
    if not path:
        return None
    with open(path, "rb") as file:
        return file.read()
