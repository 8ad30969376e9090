"""The HTTP server that runtime and extensions talk to: the Runtime, Extensions and Telemetry APIs.

Paths, status codes and error types are those of the AWS Lambda developer guide.
"""

from __future__ import annotations

import http.server
import io
import json
import re
import socketserver
import threading
from collections.abc import Callable
from typing import Any, NamedTuple

from conntrace.simulator.board import Board
from conntrace.simulator.telemetry import Telemetry


class Request(NamedTuple):
    """What a handler of a path gets. Header names are in lower case."""

    headers: dict[str, str]
    body: bytes
    words: tuple[str, ...]
    """The variable parts of the path."""


class Answer(NamedTuple):
    """What it gives back."""

    status: int
    body: bytes = b""
    headers: dict[str, str] = {}  # noqa: RUF012 - never changed


class Hangup(Exception):
    """The connection is to be closed without an answer: the environment is at its end."""


class Platform(NamedTuple):
    """What the handlers of one environment work on."""

    board: Board
    telemetry: Telemetry
    facts: dict[str, Any]
    """functionName, functionVersion, handler, accountId; `managed` is true in managed instances."""


Handler = Callable[[Platform, Request], Answer]


def json_answer(status: int, document: object, **headers: str) -> Answer:
    """A JSON answer."""
    return Answer(status, json.dumps(document).encode(), headers)


def refusal(status: int, error_type: str, message: str = "") -> Answer:
    """An error as all three APIs write it."""
    return json_answer(status, {"errorMessage": message or error_type, "errorType": error_type})


class ApiServer:
    """Listens on a free loopback port for as long as the environment lives."""

    def __init__(self, routes: list[tuple[str, str, Handler]]) -> None:
        self.platform: Platform | None = None
        self._routes = [(method, re.compile(path), handler) for method, path, handler in routes]
        api = self

        class Bound(_Connection):
            answer = staticmethod(api._answer)

        self._server = _Server(("127.0.0.1", 0), Bound)
        self._thread = threading.Thread(
            target=self._server.serve_forever, args=(0.05,), name="lambda-api", daemon=True
        )
        self._thread.start()

    @property
    def address(self) -> str:
        """For AWS_LAMBDA_RUNTIME_API."""
        return f"127.0.0.1:{self._server.server_port}"

    def close(self) -> None:
        """Stop listening."""
        self._server.shutdown()
        self._server.server_close()
        self._thread.join(timeout=5)

    def _answer(self, method: str, path: str, headers: dict[str, str], body: bytes) -> Answer:
        platform = self.platform
        if platform is None:
            raise Hangup
        for wanted, pattern, handler in self._routes:
            match = pattern.fullmatch(path)
            if match and wanted == method:
                return handler(platform, Request(headers, body, match.groups()))
        return refusal(404, "InvalidPath", f"nothing at {method} {path}")


class _Server(socketserver.ThreadingMixIn, http.server.HTTPServer):
    daemon_threads = True
    block_on_close = False
    request_queue_size = 64

    def handle_error(self, request: object, client_address: object) -> None:
        """Processes are killed while they talk to us: nothing to report."""

    def server_bind(self) -> None:
        """Without the reverse lookup that HTTPServer does."""
        socketserver.TCPServer.server_bind(self)
        self.server_name, self.server_port = self.server_address[:2]  # type: ignore[assignment]


class _Lines(io.BufferedReader):
    """Cuts a line that is longer than asked for, where `http.server` would refuse the request.

    The runtime client sends the whole error in a header, up to 1 MiB, and the platform takes it.
    """

    def readline(self, size: int | None = -1, /) -> bytes:
        line = super().readline(size)
        if size is None or size < 0 or len(line) < size or line.endswith(b"\n"):
            return line
        rest = line
        while rest and not rest.endswith(b"\n"):
            rest = super().readline(size)
        return line[: size - 3] + b"\r\n"


class _Connection(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    wbufsize = -1  # Headers and body leave in one piece.
    answer: Callable[[str, str, dict[str, str], bytes], Answer]

    def setup(self) -> None:
        super().setup()
        self.rfile.close()
        self.rfile = _Lines(self.connection.makefile("rb", 0))

    def _serve(self) -> None:
        headers = {name.lower(): value for name, value in self.headers.items()}
        try:
            body = self._body(headers)
            answer = self.answer(self.command, self.path.partition("?")[0], headers, body)
        except Hangup:
            self.close_connection = True
            return
        self.send_response(answer.status)
        if "Content-Type" not in answer.headers:
            self.send_header("Content-Type", "application/json")
        for name, value in answer.headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(answer.body)))
        self.end_headers()
        self.wfile.write(answer.body)

    do_GET = do_POST = do_PUT = _serve

    def _body(self, headers: dict[str, str]) -> bytes:
        if headers.get("transfer-encoding", "").lower() != "chunked":
            return self.rfile.read(int(headers.get("content-length") or 0))
        whole = b""
        while size := int(self.rfile.readline().split(b";")[0], 16):
            whole += self.rfile.read(size)
            self.rfile.readline()
        while self.rfile.readline().strip():
            pass
        return whole

    def log_message(self, format: str, *args: object) -> None:
        """The environment has a log of its own."""
