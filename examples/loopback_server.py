"""The server of demo and experiments: answers anything, closes or forgets idle connections.

python loopback_server.py --idle-limit 2 [--silent] [--tls FOLDER] [--delay 0.005]

Prints its URL on one line and ends when its standard input does. With `--silent` an idle connection
is not closed: its packets are dropped from then on, as by a router that has forgotten it (Linux: a
socket filter). With `--tls` it writes the certificate authority to FOLDER/ca.pem.
"""

from __future__ import annotations

import argparse
import contextlib
import ctypes
import http.server
import select
import socket
import ssl
import struct
import subprocess
import sys
import threading
import time
import zlib
from collections.abc import Iterator
from pathlib import Path

# asm-generic/socket.h; a program of one instruction, `ret #0`, takes nothing in (linux/filter.h).
SO_ATTACH_FILTER = 26
DROP_EVERYTHING = struct.pack("HBBI", 0x06, 0, 0, 0)


class Handler(http.server.BaseHTTPRequestHandler):
    """HTTP/1.1 with keep-alive. DynamoDB's answers carry a checksum."""

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    server: LoopbackServer

    def handle(self) -> None:
        """One request after another, until the connection was idle for too long."""
        self.close_connection = False
        while not self.close_connection:
            if not self._wait_for_request():
                return
            self.handle_one_request()

    def _wait_for_request(self) -> bool:
        pending = getattr(self.connection, "pending", int)
        if pending() or select.select([self.connection], [], [], self.server.idle_limit_s)[0]:
            return True
        if self.server.silent:
            forget(self.connection)
            time.sleep(3600)
        return False

    def _answer(self) -> None:
        self.rfile.read(int(self.headers.get("Content-Length", 0)))
        time.sleep(self.server.delay_s)
        body = b"{}"
        self.send_response(200)
        self.send_header("Content-Type", "application/x-amz-json-1.0")
        self.send_header("Content-Length", str(len(body)))
        self.send_header("x-amz-crc32", str(zlib.crc32(body)))
        if self.headers.get("Connection", "").lower() == "close":
            self.send_header("Connection", "close")
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    do_GET = do_POST = do_PUT = do_HEAD = _answer

    def log_message(self, format: str, *args: object) -> None:
        """Stay silent: the report is what the reader came for."""


def forget(connection: socket.socket) -> None:
    """From now on nothing that arrives is taken in, and so nothing is acknowledged."""
    code = ctypes.create_string_buffer(DROP_EVERYTHING)
    program = struct.pack("HL", 1, ctypes.addressof(code))
    connection.setsockopt(socket.SOL_SOCKET, SO_ATTACH_FILTER, program)


class LoopbackServer(http.server.ThreadingHTTPServer):
    """Does the handshake in the connection's own thread and keeps quiet about lost clients."""

    daemon_threads = True
    request_queue_size = 128

    def __init__(self, options: argparse.Namespace, context: ssl.SSLContext | None) -> None:
        super().__init__(("127.0.0.1" if context else "", 0), Handler)
        self.idle_limit_s: float = options.idle_limit
        self.silent: bool = options.silent
        self.delay_s: float = options.delay
        self._context = context

    def finish_request(self, request: object, client_address: object) -> None:
        """Secure the connection if it is to be, then serve it."""
        if self._context is None:
            super().finish_request(request, client_address)  # type: ignore[arg-type]
            return
        with self._context.wrap_socket(request, server_side=True) as secured:  # type: ignore[arg-type]
            super().finish_request(secured, client_address)  # type: ignore[arg-type]

    def handle_error(self, request: object, client_address: object) -> None:
        """A client that went away is nothing to report."""


def context_of(folder: Path) -> ssl.SSLContext:
    """A certificate for the loopback, its authority in ca.pem."""
    import trustme

    authority = trustme.CA()
    authority.cert_pem.write_to_path(str(folder / "ca.pem"))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("localhost", "*.buckets.test", "127.0.0.1").configure_cert(context)
    return context


@contextlib.contextmanager
def started(*words: str) -> Iterator[str]:
    """This server in a process of its own, with these words on its command line; gives its URL."""
    command, pipe = [sys.executable, __file__, *words], subprocess.PIPE
    with subprocess.Popen(command, stdin=pipe, stdout=pipe, text=True) as server:
        assert server.stdin is not None
        assert server.stdout is not None
        try:
            url = server.stdout.readline().strip()
            if not url:
                sys.exit("conntrace: the loopback server did not start (see above)")
            yield url
        finally:
            server.stdin.close()


def main() -> None:
    """Serve until standard input ends."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--idle-limit", type=float, default=60.0)
    parser.add_argument("--silent", action="store_true")
    parser.add_argument("--tls", type=Path)
    parser.add_argument("--delay", type=float, default=0.0)
    options = parser.parse_args()
    server = LoopbackServer(options, context_of(options.tls) if options.tls else None)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    scheme = "https" if options.tls else "http"
    print(f"{scheme}://localhost:{server.server_port}", flush=True)
    sys.stdin.read()


if __name__ == "__main__":
    main()
