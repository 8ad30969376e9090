"""Settings to exporters: which OTLP exporter an endpoint asks for."""

from __future__ import annotations

from typing import TYPE_CHECKING

from conntrace.analyzer.exporters.endpoints import (
    GRPC,
    HTTP_JSON,
    endpoint_of,
    endpoint_setting,
    has_host,
    is_url,
    protocol_of,
)
from conntrace.config import Settings
from conntrace.errors import ConntraceError

if TYPE_CHECKING:
    from conntrace.analyzer.exporters.background import BackgroundExporter


def otlp_exporter(settings: Settings) -> BackgroundExporter:
    """The exporter for the endpoint that is set.

    Raises `ConntraceError` when it is no URL for its protocol, needs a package that is not
    installed, or needs files that cannot be read.
    """
    protocol = protocol_of(settings)
    _check_endpoint(settings)
    if protocol == HTTP_JSON:
        from conntrace.analyzer.exporters.otlp_http import OtlpHttpExporter

        return OtlpHttpExporter(settings)
    from conntrace.analyzer.exporters.otlp_official import OfficialOtlpExporter

    return OfficialOtlpExporter(settings, protocol=protocol, endpoint=endpoint_of(settings))


def _check_endpoint(settings: Settings) -> None:
    """Raises `ConntraceError` when the endpoint is nothing that its protocol can use."""
    protocol = protocol_of(settings)
    usable, example = (has_host, "4317") if protocol == GRPC else (is_url, "4318")
    if not usable(endpoint_of(settings)):
        raise ConntraceError(
            "otlp-endpoint",
            f"{endpoint_setting(settings)} is no URL such as http://localhost:{example}, which the "
            f"protocol {protocol} needs",
        )
