"""A loopback HTTPS server that answers PutItem as DynamoDB does and closes idle connections.

python dynamodb_stand_in.py FOLDER [IDLE_LIMIT_S]

Writes the certificate authority to FOLDER/ca.pem, then prints its URL on one line. It ends when its
standard input does, so it never outlives the program that started it.
"""

from __future__ import annotations

import contextlib
import http.server
import json
import secrets
import ssl
import sys
import threading
import zlib
from pathlib import Path

import trustme

IDLE_LIMIT_S = 2.0


class PutItemHandler(http.server.BaseHTTPRequestHandler):
    """HTTP/1.1 with keep-alive; `timeout` is how long an idle connection is kept."""

    protocol_version = "HTTP/1.1"
    timeout = IDLE_LIMIT_S
    disable_nagle_algorithm = True

    def do_POST(self) -> None:
        """Answer any operation with an empty result, as PutItem has it."""
        self.rfile.read(int(self.headers.get("Content-Length", 0)))
        body = json.dumps({}).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/x-amz-json-1.0")
        self.send_header("Content-Length", str(len(body)))
        self.send_header("x-amzn-RequestId", secrets.token_hex(26).upper())
        self.send_header("x-amz-crc32", str(zlib.crc32(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:
        """Stay silent: the report is what the reader came for."""


class StandIn(http.server.ThreadingHTTPServer):
    """Does the handshake in the connection's own thread and keeps quiet about lost clients."""

    def __init__(self, context: ssl.SSLContext) -> None:
        super().__init__(("127.0.0.1", 0), PutItemHandler)
        self._context = context

    def finish_request(self, request: object, client_address: object) -> None:
        """Secure the connection, then serve it."""
        with self._context.wrap_socket(request, server_side=True) as secured:  # type: ignore[arg-type]
            super().finish_request(secured, client_address)  # type: ignore[arg-type]

    def handle_error(self, request: object, client_address: object) -> None:
        """A client that went away is nothing to report."""


def main() -> None:
    """Serve until standard input ends."""
    folder = Path(sys.argv[1])
    if len(sys.argv) > 2:
        PutItemHandler.timeout = float(sys.argv[2])
    authority = trustme.CA()
    authority.cert_pem.write_to_path(str(folder / "ca.pem"))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("localhost", "127.0.0.1").configure_cert(context)
    server = StandIn(context)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    print(f"https://localhost:{server.server_port}", flush=True)
    with contextlib.suppress(KeyboardInterrupt):
        sys.stdin.read()


if __name__ == "__main__":
    main()
