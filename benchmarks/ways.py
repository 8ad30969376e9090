"""How the measured program is started: plain, and with each tool as its users start it."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

BIN = Path(sys.executable).parent
OTLP_PROTOBUF = {
    "OTEL_EXPORTER_OTLP_ENDPOINT": "{sink}",
    "OTEL_EXPORTER_OTLP_PROTOCOL": "http/protobuf",
    "OTEL_METRICS_EXPORTER": "none",
    "OTEL_LOGS_EXPORTER": "none",
    # The distribution would find and start conntrace too.
    "OTEL_PYTHON_DISABLED_INSTRUMENTATIONS": "conntrace",
}
DATADOG = {
    "DD_TRACE_AGENT_URL": "{sink}",
    "DD_TRACE_URLLIB3_ENABLED": "true",
    # What it tells its maker about itself is no part of tracing.
    "DD_CRASHTRACKING_ENABLED": "false",
    "DD_INSTRUMENTATION_TELEMETRY_ENABLED": "false",
    "DD_REMOTE_CONFIGURATION_ENABLED": "false",
    "DD_TRACE_STARTUP_LOGS": "false",
}


@dataclass(frozen=True)
class Way:
    """Words before the program, the variables it is given, packages whose versions matter."""

    title: str
    before: tuple[str, ...] = ()
    variables: Mapping[str, str] = field(default_factory=dict)
    """`{sink}` stands for the back end's URL, `{host}` for its host and port."""
    packages: tuple[str, ...] = ()
    settle_s: float = 0.3
    """How soon it has sent what it makes, if it sends by the clock."""

    def environment(self, sink: str) -> dict[str, str]:
        """All that the program is given: nothing of the caller's settings gets through."""
        host = sink.partition("://")[2]
        given = {name: text.format(sink=sink, host=host) for name, text in self.variables.items()}
        return {"PATH": f"{BIN}:/usr/bin:/bin", "LANG": "C.UTF-8", **given}


WAYS = {
    "plain": Way("plain", packages=("urllib3", "requests", "boto3")),
    "conntrace": Way(
        "conntrace",
        (sys.executable, "-m", "conntrace", "run", "--"),
        {"OTEL_EXPORTER_OTLP_ENDPOINT": "{sink}"},
        ("conntrace", "wrapt"),
    ),
    "opentelemetry": Way(
        "OpenTelemetry",
        (str(BIN / "opentelemetry-instrument"),),
        OTLP_PROTOBUF,
        ("opentelemetry-sdk", "opentelemetry-instrumentation-urllib3"),
    ),
    "datadog": Way("Datadog", (str(BIN / "ddtrace-run"),), DATADOG, ("ddtrace",), settle_s=1.1),
    "sentry": Way("Sentry", (), {"SENTRY_DSN": "http://key@{host}/1"}, ("sentry-sdk",)),
}
