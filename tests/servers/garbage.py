"""Back ends that take a request and answer with anything but what they should."""

from __future__ import annotations

import socket
import time

from tests.servers.listening import ListeningServer

_HEAD = b"HTTP/1.1 200 OK\r\n"
_ESCAPES = b"\x1b[2J\x07"

# Name -> the bytes that each request gets; the connection is closed after them.
ANSWERS = {
    "no HTTP at all": b"220 mail.example ESMTP\r\n",
    "a TLS alert": b"\x15\x03\x01\x00\x02\x02\x50",
    "nothing": b"",
    "bytes by chance": bytes(range(256)) * 4,
    "escapes of a terminal": _ESCAPES + b"\r\n\r\n",
    "half a head": _HEAD + b"Content-Len",
    "a status that is no number": b"HTTP/1.1 OK OK\r\n\r\n",
    "a header line without end": _HEAD + b"X-Long: " + b"x" * 200_000,
    "too many headers": _HEAD + b"".join(b"X-%d: 1\r\n" % n for n in range(500)) + b"\r\n",
    "a length that is no number": _HEAD + b"Content-Length: many\r\n\r\n{}",
    "a length below zero": _HEAD + b"Content-Length: -5\r\n\r\n{}",
    "a body that is cut": _HEAD + b"Content-Length: 500\r\n\r\n{",
    "chunks that are none": _HEAD + b"Transfer-Encoding: chunked\r\n\r\nzz\r\n{}\r\n",
    "gzip that is none": _HEAD
    + b"Content-Encoding: gzip\r\nContent-Length: 9\r\n\r\n\x1f\x8b1234567",
    "a page": _HEAD + b"Content-Type: text/html\r\nContent-Length: 13\r\n\r\n<html></html>",
    "a huge body": _HEAD + b"Content-Length: 9000000\r\n\r\n" + b"x" * 9_000_000,
}
# What is an answer all the same: its status says that the spans have arrived.
ACCEPTED = frozenset(
    {
        "half a head",
        "a length that is no number",
        "a length below zero",
        "a body that is cut",
        "gzip that is none",
        "a page",
        "a huge body",
    }
)


class GarbageServer(ListeningServer):
    """Answers everything with `answer`; with `drip_s` a byte at a time, so many seconds apart."""

    def __init__(self, answer: bytes, drip_s: float = 0.0) -> None:
        super().__init__()
        self.url = f"http://127.0.0.1:{self.port}"
        self.requests = 0
        self._answer = answer
        self._drip_s = drip_s

    def _accepted(self, client: socket.socket) -> None:
        self._start(self._serve, client)

    def _serve(self, client: socket.socket) -> None:
        try:
            if client.recv(65536):
                self.requests += 1
                self._say(client)
                client.shutdown(socket.SHUT_WR)
                while client.recv(65536):
                    pass  # closing earlier would reset what it has not read yet
        except OSError:
            pass  # it hung up in the middle
        finally:
            client.close()

    def _say(self, client: socket.socket) -> None:
        if not self._drip_s:
            client.sendall(self._answer)
            return
        for byte in self._answer:
            client.sendall(bytes((byte,)))
            time.sleep(self._drip_s)
