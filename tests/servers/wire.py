"""HTTP/1.1 on the server's side of a socket: read one request, write one answer."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import BinaryIO

MAX_BODY = 8 << 20
# AWS's runtime client puts up to 1 MiB of traceback into one header.
MAX_LINE = 2 << 20


@dataclass(frozen=True)
class Request:
    """One request as it came in; header names in lower case."""

    method: str
    target: str
    headers: dict[str, str] = field(default_factory=dict)
    body: bytes = b""

    @property
    def path(self) -> str:
        return self.target.partition("?")[0]

    @property
    def wants_close(self) -> bool:
        return self.headers.get("connection", "").lower() == "close"


@dataclass(frozen=True)
class Answer:
    """One response and how the connection goes on after it.

    `framing`: `length`, `chunked`, or `eof` (neither is sent: the connection's end is the body's).
    """

    status: int = 200
    body: bytes = b"ok"
    headers: tuple[tuple[str, str], ...] = ()
    version: str = "HTTP/1.1"
    framing: str = "length"
    ends_connection: bool = False
    reset: bool = False

    def encode(self, method: str = "GET") -> bytes:
        """The bytes on the wire."""
        head = [f"{self.version} {self.status} Scripted", *(f"{n}: {v}" for n, v in self.headers)]
        body = self.body
        if self.framing == "length":
            head.append(f"Content-Length: {len(body)}")
        elif self.framing == "chunked":
            head.append("Transfer-Encoding: chunked")
            body = b"%x\r\n%s\r\n0\r\n\r\n" % (len(body), body)
        raw = "\r\n".join([*head, "", ""]).encode("ascii")
        return raw if method == "HEAD" else raw + body


def read_request(stream: BinaryIO) -> Request | None:
    """Read one request; None when the client closed instead."""
    first = stream.readline(65536)
    if not first.strip():
        return None
    method, target, _ = first.decode("latin-1").split(" ", 2)
    headers: dict[str, str] = {}
    while (line := stream.readline(MAX_LINE)) not in (b"\r\n", b"\n", b""):
        name, _, value = line.decode("latin-1").partition(":")
        headers[name.strip().lower()] = value.strip()
    return Request(method, target, headers, _read_body(stream, headers))


def _read_body(stream: BinaryIO, headers: dict[str, str]) -> bytes:
    if headers.get("transfer-encoding", "").lower() == "chunked":
        return _read_chunks(stream)
    length = int(headers.get("content-length", "0"))
    if length > MAX_BODY:
        raise ValueError(f"a body of {length} bytes is more than this server takes")
    return stream.read(length)


def _read_chunks(stream: BinaryIO) -> bytes:
    body = b""
    while (size := int(stream.readline(64).split(b";")[0], 16)) > 0:
        if len(body) + size > MAX_BODY:
            raise ValueError("a chunked body is more than this server takes")
        body += stream.read(size)
        stream.readline(64)
    while stream.readline(65536) not in (b"\r\n", b"\n", b""):
        pass
    return body
