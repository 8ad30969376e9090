"""Settings to endpoint and protocol, as the OTLP exporter specification has them."""

from __future__ import annotations

from urllib.parse import SplitResult, urlsplit

from conntrace.config import Settings

HTTP_JSON = "http/json"
GRPC = "grpc"
_GRPC_PORT = 4317  # IANA: "opentelemetry", OTLP over gRPC
TRACES_PATH = "/v1/traces"


def protocol_of(settings: Settings) -> str:
    """The protocol that is set; by default gRPC on its own port, else JSON over HTTP."""
    if settings.otlp_protocol:
        return settings.otlp_protocol
    endpoint = settings.otlp_traces_endpoint or settings.otlp_endpoint
    return GRPC if _port(endpoint) == _GRPC_PORT else HTTP_JSON


def endpoint_of(settings: Settings) -> str:
    """Where spans go; empty when no endpoint is set. For HTTP a URL with its path.

    The endpoint for all signals gets the path of traces added, the one for traces is taken as it
    stands, and gRPC knows no paths (OTLP exporter specification, "Endpoint URLs for OTLP/HTTP").
    """
    general = settings.otlp_endpoint
    if protocol_of(settings) == GRPC:
        return settings.otlp_traces_endpoint or general
    if settings.otlp_traces_endpoint:
        return settings.otlp_traces_endpoint
    return general.rstrip("/") + TRACES_PATH if general else ""


def endpoint_setting(settings: Settings) -> str:
    """The variable that the endpoint is from."""
    if settings.otlp_traces_endpoint:
        return "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT"
    return "OTEL_EXPORTER_OTLP_ENDPOINT"


def shown_endpoint(settings: Settings) -> str:
    """The endpoint's scheme, host and port, without user, path and query: fit to be shown."""
    parts = split_endpoint(endpoint_of(settings))
    port = f":{_port(endpoint_of(settings))}" if _port(endpoint_of(settings)) else ""
    scheme = f"{parts.scheme}://" if parts.scheme else ""
    host = f"[{parts.hostname}]" if ":" in (parts.hostname or "") else parts.hostname or ""
    return f"{scheme}{host}{port}"


def is_url(endpoint: str) -> bool:
    """Whether it is one that HTTP can use: blanks and letters beyond ASCII stand there encoded."""
    if not endpoint.isascii() or not endpoint.isprintable() or " " in endpoint:
        return False
    try:
        parts = urlsplit(endpoint)
        return bool(parts.scheme in ("http", "https") and parts.hostname and parts.port != 0)
    except ValueError:
        return False


def has_host(endpoint: str) -> bool:
    """Whether it names one, which is all that gRPC wants of it."""
    try:
        return bool(split_endpoint(endpoint).hostname)
    except ValueError:
        return False


def _port(endpoint: str) -> int | None:
    try:
        return split_endpoint(endpoint).port
    except ValueError:
        return None


def split_endpoint(endpoint: str) -> SplitResult:
    """Its parts, also where it has no scheme: gRPC takes `host:port`."""
    return urlsplit(endpoint if "://" in endpoint else f"//{endpoint}")
