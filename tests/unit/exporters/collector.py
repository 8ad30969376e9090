"""A collector on the loopback: takes what is posted and answers as its script says."""

from __future__ import annotations

import contextlib
import gzip
import json
import ssl
import threading
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


@dataclass(frozen=True)
class Reply:
    """One answer."""

    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b"{}"
    hang_up: bool = False
    delay_s: float = 0.0


@dataclass(frozen=True)
class Received:
    """One request, as it came."""

    method: str
    target: str
    headers: Mapping[str, str]
    raw: bytes

    @property
    def body(self) -> bytes:
        """The body without its compression."""
        return gzip.decompress(self.raw) if self.headers.get("content-encoding") else self.raw

    @property
    def spans(self) -> list[dict[str, Any]]:
        """The spans of a JSON body."""
        return [
            span
            for resource_spans in json.loads(self.body)["resourceSpans"]
            for scope_spans in resource_spans["scopeSpans"]
            for span in scope_spans["spans"]
        ]


class Collector:
    """What came in, and what to answer: `replies` in order, then 200."""

    def __init__(self, port: int, scheme: str) -> None:
        self.port = port
        self.url = f"{scheme}://127.0.0.1:{port}"
        self.received: list[Received] = []
        self.replies: list[Reply] = []
        self.connections = 0

    @property
    def names(self) -> list[str]:
        """Names of all spans that came, in order."""
        return [span["name"] for request in self.received for span in request.spans]


@contextlib.contextmanager
def collector(tls: ssl.SSLContext | None = None, port: int = 0) -> Iterator[Collector]:
    """A running collector; with `tls` it speaks HTTPS."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def setup(self) -> None:
            super().setup()
            running.connections += 1

        def do_POST(self) -> None:
            length = int(self.headers.get("content-length", 0))
            headers = {key.lower(): value for key, value in self.headers.items()}
            raw = self.rfile.read(length)
            running.received.append(Received(self.command, self.path, headers, raw))
            reply = running.replies.pop(0) if running.replies else Reply()
            time.sleep(reply.delay_s)
            if reply.hang_up:
                self.close_connection = True
                return
            self.send_response(reply.status)
            for name, value in reply.headers.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(reply.body)))
            self.end_headers()
            self.wfile.write(reply.body)

        def log_message(self, *_: object) -> None:
            pass

    class Server(ThreadingHTTPServer):
        daemon_threads = True
        block_on_close = False

        def handle_error(self, *_: object) -> None:
            pass  # a client that goes away in the middle is part of the tests

    server = Server(("127.0.0.1", port), Handler)
    if tls is not None:
        server.socket = tls.wrap_socket(server.socket, server_side=True)
    running = Collector(server.server_port, "https" if tls else "http")
    thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
    thread.start()
    try:
        yield running
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
