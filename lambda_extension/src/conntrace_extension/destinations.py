"""Settings to the place where spans go: an OTLP endpoint, else the function's log."""

from __future__ import annotations

import sys

from conntrace.analyzer.exporters.endpoints import (
    GRPC,
    HTTP_JSON,
    TRACES_PATH,
    endpoint_of,
    endpoint_setting,
    is_url,
    protocol_of,
    shown_endpoint,
)
from conntrace.analyzer.exporters.otlp_client import OtlpClient
from conntrace.config import Settings
from conntrace.errors import ConntraceError

_GRPC_PORT = ":4317"
_HTTP_PORT = ":4318"
"""The pair of ports that collectors have for OTLP (registered with IANA)."""


class Endpoint:
    """Where to send, who sends, and what is to be said about it once."""

    def __init__(self, client: OtlpClient, place: str, notes: list[str]) -> None:
        self.client = client
        self.place = place
        self.notes = notes


def otlp_endpoint(environment: dict[str, str], layer: str) -> Endpoint:
    """The endpoint that is set. Raises `ConntraceError` when it cannot be used at all."""
    settings = Settings(environment)
    notes: list[str] = []
    protocol = protocol_of(settings)
    if protocol == GRPC:
        settings = _http_settings(environment)
        notes.append(
            f"gRPC is not in the layer: spans go to {shown_endpoint(settings)} by http/json "
            "[layer-no-grpc]"
        )
    if not is_url(endpoint_of(settings)):
        raise ConntraceError(
            "otlp-endpoint",
            f"{endpoint_setting(settings)} is no URL such as http://collector:4318",
        )
    sys.path.append(f"{layer}/protobuf")
    place = shown_endpoint(settings)
    if protocol not in (GRPC, HTTP_JSON):
        try:
            return Endpoint(OtlpClient(settings, protobuf=True), place, notes)
        except ImportError:
            notes.append(
                "http/protobuf needs the layer's protobuf flavour: spans go out by http/json "
                "[layer-no-protobuf]"
            )
    return Endpoint(OtlpClient(settings), place, notes)


def _http_settings(environment: dict[str, str]) -> Settings:
    """The same endpoint for HTTP: the port of gRPC becomes its neighbour's."""
    changed = dict(environment)
    general = changed.get("OTEL_EXPORTER_OTLP_ENDPOINT", "").strip()
    if general:
        changed["OTEL_EXPORTER_OTLP_ENDPOINT"] = _http_url(general)
    traces = changed.get("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "").strip()
    if traces:
        # gRPC knows no paths, and HTTP takes the one for traces as it stands.
        changed["OTEL_EXPORTER_OTLP_TRACES_ENDPOINT"] = _http_url(traces) + TRACES_PATH
    changed["OTEL_EXPORTER_OTLP_TRACES_PROTOCOL"] = HTTP_JSON
    return Settings(changed)


def _http_url(endpoint: str) -> str:
    """Without a scheme gRPC means TLS (OTLP exporter specification, "insecure")."""
    scheme, separator, rest = endpoint.rpartition("://")
    if not separator:
        scheme = "https"
    host = rest.rstrip("/")
    if host.endswith(_GRPC_PORT):
        host = host.removesuffix(_GRPC_PORT) + _HTTP_PORT
    return f"{scheme}://{host}"
