"""A small OTLP/HTTP endpoint on the loopback that keeps what the extension sends, in a file."""

from __future__ import annotations

import gzip
import http.server
import json
import threading
import zlib
from pathlib import Path

_LARGEST_BODY = 256 * 1024 * 1024


class SpanReceiver:
    """Takes OTLP JSON at `/v1/traces`; each request is a line of the span file."""

    def __init__(self, path: Path, port: int = 0) -> None:
        self.path = path
        """The span file; it is there from the beginning."""
        self.requests = 0
        """How many requests with spans have come."""
        self._changed = threading.Condition()
        self._file = open(path, "ab")  # noqa: SIM115 - closed by close()
        receiver = self

        class Bound(_Connection):
            def keep(self, document: object) -> None:
                receiver._keep(document)

        self._server = http.server.ThreadingHTTPServer(("127.0.0.1", port), Bound)
        self._server.daemon_threads = True
        self._thread = threading.Thread(
            target=self._server.serve_forever, args=(0.05,), name="span-receiver", daemon=True
        )
        self._thread.start()

    @property
    def endpoint(self) -> str:
        """For OTEL_EXPORTER_OTLP_ENDPOINT."""
        return f"http://127.0.0.1:{self._server.server_port}"

    def wait(self, requests: int, seconds: float = 10.0) -> bool:
        """Wait until so many requests have come; False when they have not."""
        with self._changed:
            return self._changed.wait_for(lambda: self.requests >= requests, seconds)

    def close(self) -> None:
        """Stop; the file stays."""
        self._server.shutdown()
        self._server.server_close()
        self._thread.join(timeout=5)
        with self._changed:
            self._file.close()

    def _keep(self, document: object) -> None:
        line = json.dumps(document, separators=(",", ":")).encode() + b"\n"
        with self._changed:
            if not self._file.closed:
                self._file.write(line)
                self._file.flush()
                self.requests += 1
                self._changed.notify_all()


class _Connection(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    wbufsize = -1

    def keep(self, document: object) -> None:
        """Take in what was sent."""
        raise NotImplementedError

    def do_POST(self) -> None:
        """One export request."""
        size = int(self.headers.get("Content-Length") or 0)
        if size > _LARGEST_BODY:
            self.close_connection = True
            self._reply(413)
            return
        body = self.rfile.read(size)
        kind = self.headers.get("Content-Type", "").partition(";")[0].strip()
        if self.path != "/v1/traces":
            self._reply(404)
        elif kind != "application/json":
            self._reply(415)
        else:
            try:
                if self.headers.get("Content-Encoding") == "gzip":
                    body = gzip.decompress(body)
                self.keep(json.loads(body))
            except (ValueError, OSError, EOFError, zlib.error):
                self._reply(400)
            else:
                self._reply(200)

    def _reply(self, status: int) -> None:
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", "2")
        self.end_headers()
        self.wfile.write(b"{}")

    def log_message(self, format: str, *args: object) -> None:
        """Say nothing."""
