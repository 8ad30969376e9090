"""HTTP/1.1 as far as the platform's APIs need it, over `_socket` alone.

`http.client` takes 20 ms to import, which is more than the extension has until it must be ready.
The peer is the platform itself, on the same machine: no proxies, no TLS, no redirects.
"""

from __future__ import annotations

import _socket

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

MAX_MESSAGE = 4 * 1024 * 1024
_READ = 65536


class NotHttp(Exception):
    """The peer sends something that is not HTTP, or too much of it."""


class Message:
    """The parts of a request or a reply. Names of headers are in lower case."""

    __slots__ = ("body", "first_line", "headers")

    def __init__(self, first_line: str, headers: Mapping[str, str], body: bytes) -> None:
        self.first_line = first_line
        self.headers = headers
        self.body = body

    @property
    def status(self) -> int:
        """Of a reply; 0 when its first line has none."""
        number = self.first_line.split(" ", 2)[1:2]
        return int(number[0]) if number and number[0].isdigit() else 0

    @property
    def ends_connection(self) -> bool:
        """The peer closes the connection after this message."""
        return self.headers.get("connection", "").lower() == "close"


def request(
    method: str, path: str, host: str, headers: Mapping[str, str], body: bytes = b""
) -> bytes:
    """The bytes of a request."""
    lines = [f"{method} {path} HTTP/1.1", f"Host: {host}"]
    lines += [f"{name}: {value}" for name, value in headers.items()]
    if body or method != "GET":
        lines.append(f"Content-Length: {len(body)}")
    return "\r\n".join([*lines, "", ""]).encode("latin-1") + body


def parse(data: bytes, *, ended: bool = False) -> tuple[Message, bytes] | None:
    """The first message of `data` and the rest; None while it is not complete.

    `ended`: nothing follows, so a reply without a length is complete. Raises `NotHttp`.
    """
    head, separator, rest = data.partition(b"\r\n\r\n")
    if not separator:
        if len(data) > MAX_MESSAGE:
            raise NotHttp("its header is too long")
        return None
    lines = head.decode("latin-1").split("\r\n")
    headers = {}
    for line in lines[1:]:
        name, _, value = line.partition(":")
        headers[name.strip().lower()] = value.strip()
    if headers.get("transfer-encoding", "").lower() == "chunked":
        body = _chunks(rest)
        return None if body is None else (Message(lines[0], headers, body[0]), body[1])
    if "content-length" in headers:
        length = _number(headers["content-length"], 10)
        if len(rest) < length:
            return None
        return Message(lines[0], headers, rest[:length]), rest[length:]
    if lines[0].startswith("HTTP/") and not ended:
        return None
    return Message(lines[0], headers, rest if ended else b""), b"" if ended else rest


def _chunks(rest: bytes) -> tuple[bytes, bytes] | None:
    body = b""
    while True:
        size_line, separator, rest = rest.partition(b"\r\n")
        if not separator:
            return None
        size = _number(size_line.partition(b";")[0].decode("latin-1"), 16)
        if len(rest) < size + 2:
            return None
        if size == 0:
            return body, rest[2:]
        body += rest[:size]
        rest = rest[size + 2 :]


def _number(text: str, base: int) -> int:
    try:
        number = int(text, base)
    except ValueError:
        number = -1
    if not 0 <= number <= MAX_MESSAGE:
        raise NotHttp(f"a length of {text[:20]!r}")
    return number


class Connection:
    """One kept connection to the platform, made when it is first needed."""

    __slots__ = ("_buffer", "_host", "_port", "_socket")

    def __init__(self, address: str) -> None:
        """`address` is `host:port`."""
        host, _, port = address.rpartition(":")
        self._host = host
        self._port = int(port)
        self._socket: _socket.socket | None = None
        self._buffer = b""

    def send(self, data: bytes) -> None:
        """Send a request. Raises OSError when the peer is not there."""
        if self._socket is None:
            opened = _socket.socket(_socket.AF_INET, _socket.SOCK_STREAM)
            try:
                opened.connect((self._host, self._port))
            except OSError:
                opened.close()
                raise
            self._socket = opened
            self._buffer = b""
        self._socket.sendall(data)

    def fileno(self) -> int:
        """For `poll`; -1 when there is no connection."""
        return -1 if self._socket is None else self._socket.fileno()

    def receive(self) -> Message | None:
        """Read once, waiting for bytes if there are none; the reply when it is complete.

        Raises OSError or `NotHttp` when there will be none; the connection is closed then.
        """
        if self._socket is None:
            raise OSError("not connected")
        try:
            data = self._socket.recv(_READ)
            self._buffer += data
            parsed = parse(self._buffer, ended=not data)
            if parsed is None and not data:
                raise NotHttp("the connection ended before a reply")
        except (OSError, NotHttp):
            self.close()
            raise
        if parsed is None:
            return None
        message, self._buffer = parsed
        if message.ends_connection or not data:
            self.close()
        return message

    def exchange(self, data: bytes) -> Message:
        """Send and wait for the reply, however long it takes."""
        self.send(data)
        while (message := self.receive()) is None:
            pass
        return message

    def close(self) -> None:
        """Let go of the connection."""
        opened, self._socket = self._socket, None
        self._buffer = b""
        if opened is not None:
            opened.close()
