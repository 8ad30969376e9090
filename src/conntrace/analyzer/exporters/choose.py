"""Settings to exporters: which OTLP exporter an endpoint asks for."""

from __future__ import annotations

from conntrace.analyzer.exporters.sampling import sampled
from conntrace.analyzer.span import Exporter
from conntrace.config import Settings

HTTP_JSON = "http/json"
GRPC = "grpc"
_GRPC_PORT = ":4317"


def otlp_exporter(settings: Settings) -> Exporter:
    """The exporter for the endpoint that is set, sampling included.

    Raises `ConntraceError` when the endpoint needs a package that is not installed.
    """
    if protocol_of(settings) == HTTP_JSON:
        from conntrace.analyzer.exporters.otlp_http import OtlpHttpExporter

        return sampled(OtlpHttpExporter(settings), settings)
    from conntrace.analyzer.exporters.otlp_official import OfficialOtlpExporter

    return sampled(OfficialOtlpExporter(settings), settings)


def protocol_of(settings: Settings) -> str:
    """The protocol that is set; by default gRPC on its own port, else JSON over HTTP."""
    if settings.otlp_protocol:
        return settings.otlp_protocol
    return GRPC if _GRPC_PORT in endpoint_of(settings) else HTTP_JSON


def endpoint_of(settings: Settings) -> str:
    """Where spans go, as a URL; empty when no endpoint is set."""
    if settings.otlp_traces_endpoint:
        return settings.otlp_traces_endpoint
    if not settings.otlp_endpoint:
        return ""
    return settings.otlp_endpoint.rstrip("/") + "/v1/traces"
