"""Jaeger as a fixture: takes spans over OTLP, and gives them back through its query API."""

from __future__ import annotations

import json
import time
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.components.processes import Server, free_port, listens, start_server
from tests.components.require import require_component

CONFIG = """\
service:
  extensions: [jaeger_storage, jaeger_query]
  pipelines:
    traces: {{receivers: [otlp], exporters: [jaeger_storage_exporter]}}
  telemetry:
    metrics: {{level: none}}
    logs: {{level: warn}}
extensions:
  jaeger_storage: {{backends: {{memory: {{memory: {{max_traces: 10000}}}}}}}}
  jaeger_query:
    # It would send spans about its own queries to whoever listens on the usual port.
    enable_tracing: false
    storage: {{traces: memory}}
    http: {{endpoint: "127.0.0.1:{query}"}}
    grpc: {{endpoint: "127.0.0.1:{query_grpc}"}}
receivers:
  otlp:
    protocols:
      http: {{endpoint: "127.0.0.1:{otlp_http}"}}
      grpc: {{endpoint: "127.0.0.1:{otlp_grpc}"}}
exporters:
  jaeger_storage_exporter: {{trace_storage: memory}}
"""

# Loopback must never go through a proxy that the environment names.
opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))


class Jaeger:
    """A running Jaeger. Give each test a service name of its own: the server is shared."""

    def __init__(self, program: Path, folder: Path) -> None:
        self._program = program
        self._folder = folder
        self.otlp_http_port = self.otlp_grpc_port = self.query_port = 0
        self._server = start_server(self._start)

    @property
    def otlp_http_endpoint(self) -> str:
        """For OTEL_EXPORTER_OTLP_ENDPOINT; spans are posted to its /v1/traces."""
        return f"http://127.0.0.1:{self.otlp_http_port}"

    @property
    def otlp_grpc_endpoint(self) -> str:
        return f"http://127.0.0.1:{self.otlp_grpc_port}"

    @property
    def query_url(self) -> str:
        return f"http://127.0.0.1:{self.query_port}"

    def traces(self, service: str, spans: int = 1, seconds: float = 10.0) -> list[dict[str, Any]]:
        """The service's traces in Jaeger's own JSON, once they hold at least ``spans`` spans.

        A link is here a FOLLOWS_FROM reference without attributes; see ``otlp_spans`` for those.
        """
        query = urllib.parse.urlencode({"service": service, "limit": 1000, "lookback": "1h"})

        def read() -> list[dict[str, Any]]:
            answer = self._get(f"/api/traces?{query}")
            return list((answer or {}).get("data") or [])

        return poll(read, lambda found: sum(len(t["spans"]) for t in found) >= spans, seconds)

    def otlp_spans(
        self, service: str, spans: int = 1, seconds: float = 10.0
    ) -> list[dict[str, Any]]:
        """The service's spans as OTLP JSON, links with their attributes, once there are enough.

        Jaeger adds an attribute ``@jaeger@warnings`` to a span whose parent is missing, or that
        does not lie inside its parent.
        """
        now = time.time()
        times = {"start_time_min": now - 3600, "start_time_max": now + 3600}
        words = {f"query.{name}": rfc3339(moment) for name, moment in times.items()}
        words |= {"query.service_name": service, "query.num_traces": "1000"}
        query = urllib.parse.urlencode(words)

        def read() -> list[dict[str, Any]]:
            return spans_in(self._get(f"/api/v3/traces?{query}"))

        return poll(read, lambda found: len(found) >= spans, seconds)

    def stop(self) -> None:
        self._server.stop()

    def _get(self, path: str) -> Any:
        """None for a trace or service that is not there (yet)."""
        try:
            with opener.open(self.query_url + path, timeout=10) as answer:
                return json.load(answer)
        except urllib.error.HTTPError as problem:
            with problem:
                if problem.code == 404:
                    return None
            raise

    def _start(self) -> tuple[Server, Callable[[], bool]]:
        names = ("otlp_http", "otlp_grpc", "query", "query_grpc")
        ports = {name: free_port() for name in names}
        self.otlp_http_port, self.otlp_grpc_port, self.query_port, _ = ports.values()
        config = self._folder / "jaeger.yaml"
        config.write_text(CONFIG.format(**ports))
        command: list[str | Path] = [self._program, "--config", f"file:{config}"]
        server = Server(command, self._folder / "log", lasting=True)
        return server, lambda: all(listens(port) for port in ports.values())


def poll(
    read: Callable[[], list[dict[str, Any]]],
    enough: Callable[[list[dict[str, Any]]], bool],
    seconds: float,
) -> list[dict[str, Any]]:
    """What ``read`` gives once it is enough; else, when time is up, whatever is there."""
    deadline = time.monotonic() + seconds
    while True:
        found = read()
        if enough(found) or time.monotonic() > deadline:
            return found
        time.sleep(0.05)


def rfc3339(moment: float) -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(moment))


def spans_in(answer: Any) -> list[dict[str, Any]]:
    """All spans of an OTLP JSON answer; v3 wraps it into ``result``."""
    resources = ((answer or {}).get("result") or {}).get("resourceSpans") or []
    return [
        span
        for resource in resources
        for scope in resource.get("scopeSpans") or []
        for span in scope.get("spans") or []
    ]


@pytest.fixture(scope="session")
def jaeger(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Jaeger]:
    program = require_component("jaeger")
    server = Jaeger(program, tmp_path_factory.mktemp("jaeger"))
    yield server
    server.stop()
