"""A loopback back end that takes what every tool sends, answers as the real one does, and counts.

OTLP over HTTP (a Collector), the Datadog agent's API, Sentry's envelopes.
"""

from __future__ import annotations

import contextlib
import gzip
import http.server
import json
import threading
import zlib
from collections.abc import Iterator

AGENT_INFO = {"version": "7.70.0", "endpoints": ["/v0.4/traces", "/v0.5/traces", "/info"]}
DATADOG_TRACES = ("/v0.4/traces", "/v0.5/traces")


class Sink(http.server.ThreadingHTTPServer):
    """Keeps what arrives until it is counted."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self._arrived: list[tuple[str, str, bytes]] = []

    @property
    def url(self) -> str:
        """Where it listens, without a path."""
        return f"http://127.0.0.1:{self.server_port}"

    def keep(self, path: str, content_type: str, body: bytes) -> None:
        """Something was sent. It is looked into later: nothing is slowed down meanwhile."""
        self._arrived.append((path, content_type, body))

    def take_spans(self) -> int:
        """How many spans have come since the last call."""
        arrived, self._arrived = self._arrived, []
        return sum(spans_in(*each) for each in arrived)

    def handle_error(self, request: object, client_address: object) -> None:
        """A client that goes away in the middle is nothing to report."""


def spans_in(path: str, content_type: str, body: bytes) -> int:
    """The spans of one request's body."""
    if path == "/v1/traces":
        return _otlp_json(body) if "json" in content_type else _otlp_protobuf(body)
    if path in DATADOG_TRACES:
        return _datadog(path, body)
    if path.endswith("/envelope/"):
        return _sentry(body)
    return 0


def _otlp_json(body: bytes) -> int:
    return sum(
        len(scope["spans"])
        for resource in json.loads(body)["resourceSpans"]
        for scope in resource["scopeSpans"]
    )


def _otlp_protobuf(body: bytes) -> int:
    from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

    request = ExportTraceServiceRequest.FromString(body)
    return sum(
        len(scope.spans) for resource in request.resource_spans for scope in resource.scope_spans
    )


def _datadog(path: str, body: bytes) -> int:
    import msgpack

    content = msgpack.unpackb(body, strict_map_key=False)
    # The later form puts a table of strings before the traces.
    traces = content[1] if path == "/v0.5/traces" else content
    return sum(len(trace) for trace in traces)


def _sentry(body: bytes) -> int:
    """A transaction is a span with others below it."""
    found = 0
    for line in body.splitlines():
        item = json.loads(line)
        if isinstance(item, dict) and item.get("type") == "transaction" and "spans" in item:
            found += 1 + len(item["spans"])
    return found


class _Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    server: Sink

    def do_GET(self) -> None:
        """What the Datadog agent can do."""
        self._answer(AGENT_INFO if self.path == "/info" else {})

    def do_POST(self) -> None:
        """Spans, or something else that a tool sends."""
        body = self._body()
        path = self.path.partition("?")[0]
        self.server.keep(path, self.headers.get("Content-Type", ""), body)
        if path == "/v1/traces" and "json" not in self.headers.get("Content-Type", ""):
            self._answer(None)
        else:
            self._answer({"rate_by_service": {}} if path in DATADOG_TRACES else {})

    do_PUT = do_POST

    def _body(self) -> bytes:
        if self.headers.get("Transfer-Encoding") == "chunked":
            body = b""
            while size := int(self.rfile.readline().split(b";")[0], 16):
                body += self.rfile.read(size)
                self.rfile.readline()
            self.rfile.readline()
        else:
            body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        encoding = self.headers.get("Content-Encoding")
        if encoding == "gzip":
            return gzip.decompress(body)
        return zlib.decompress(body) if encoding == "deflate" else body

    def _answer(self, content: object) -> None:
        body = b"" if content is None else json.dumps(content).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json" if body else "application/x-protobuf")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:
        """Say nothing."""


@contextlib.contextmanager
def listening() -> Iterator[Sink]:
    """One that serves in a thread of this process."""
    with Sink() as sink:
        thread = threading.Thread(target=sink.serve_forever, daemon=True)
        thread.start()
        try:
            yield sink
        finally:
            sink.shutdown()
            thread.join()
