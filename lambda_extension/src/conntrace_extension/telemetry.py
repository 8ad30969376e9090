"""The platform's Telemetry API: its own times of INIT, and how an invocation ended.

Nice to have: a platform without it (the emulator answers 202, others 403 or 404) costs nothing.
The request leaves before the first `/next`; its reply is read when it comes.
AWS Lambda developer guide, "Telemetry API" and "Telemetry API event schema reference".
"""

from __future__ import annotations

import _socket

from conntrace_extension.wire import Connection, NotHttp, parse, request

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

_PATH = "/2022-07-01/telemetry"
_VERSIONS = ("2022-12-13", "2025-01-29")
# The longest time that events may wait for others costs the most; 25 ms is the least there is.
_BUFFERING = '{"maxItems":1000,"maxBytes":262144,"timeoutMs":25}'
_MAX_CONNECTIONS = 8
# A batch may be twice as large as asked for (guide, "Buffering").
_MAX_BODY = 1024 * 1024
_READ = 65536
_ANSWER = b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"
_NEAR = ("127.", "169.254.")


class Telemetry:
    """A listener for the platform's events, and the request that subscribes it."""

    def __init__(self, address: str, identifier: str, *, managed: bool) -> None:
        """Raises OSError when there is no port or no platform."""
        self._identifier = identifier
        self._address = address
        self._versions = list(reversed(_VERSIONS) if managed else _VERSIONS)
        self._connections: dict[int, tuple[_socket.socket, bytes]] = {}
        self._subscribing: Connection | None = Connection(address)
        self._listener: _socket.socket | None = _socket.socket(_socket.AF_INET, _socket.SOCK_STREAM)
        try:
            self._listener.bind(("0.0.0.0", 0))
            self._listener.listen(_MAX_CONNECTIONS)
            self._listener.setblocking(False)
            self._subscribe(self._listener.getsockname()[1])
        except OSError:
            self.close()
            raise

    def _subscribe(self, port: int) -> None:
        version = self._versions.pop(0)
        body = (
            f'{{"schemaVersion":"{version}","types":["platform"],"buffering":{_BUFFERING},'
            f'"destination":{{"protocol":"HTTP","URI":"http://sandbox.localdomain:{port}"}}}}'
        )
        headers = {
            "Lambda-Extension-Identifier": self._identifier,
            "Content-Type": "application/json",
        }
        assert self._subscribing is not None
        self._subscribing.send(request("PUT", _PATH, self._address, headers, body.encode()))

    def descriptors(self) -> Iterator[int]:
        """What to poll for reading."""
        if self._subscribing is not None:
            yield self._subscribing.fileno()
        if self._listener is not None:
            yield self._listener.fileno()
        yield from self._connections

    def receive(self, ready: set[int]) -> list[bytes]:
        """Bodies of the posts that are complete, each answered; `ready` are readable ones."""
        if self._subscribing is not None and self._subscribing.fileno() in ready:
            self._read_reply(self._subscribing)
        if self._listener is not None and self._listener.fileno() in ready:
            self._accept(self._listener)
        bodies: list[bytes] = []
        for descriptor in ready & self._connections.keys():
            bodies.extend(self._read(descriptor))
        return bodies

    def close(self) -> None:
        """Let go of all sockets."""
        for connection, _ in self._connections.values():
            connection.close()
        self._connections.clear()
        if self._listener is not None:
            self._listener.close()
            self._listener = None
        if self._subscribing is not None:
            self._subscribing.close()
            self._subscribing = None

    def _read_reply(self, subscribing: Connection) -> None:
        try:
            reply = subscribing.receive()
            if reply is None:
                return
            if reply.status >= 400 and self._versions and self._listener is not None:
                self._subscribe(self._listener.getsockname()[1])
                return
            subscribed = reply.status == 200
        except (OSError, NotHttp):
            subscribed = False
        subscribing.close()
        self._subscribing = None
        if not subscribed:
            self.close()

    def _accept(self, listener: _socket.socket) -> None:
        try:
            descriptor, peer = listener._accept()  # type: ignore[attr-defined]
        except OSError:
            return
        connection = _socket.socket(fileno=descriptor)
        near = peer[0].startswith(_NEAR) or peer[0] == connection.getsockname()[0]
        if near and len(self._connections) < _MAX_CONNECTIONS:
            connection.setblocking(False)
            self._connections[descriptor] = (connection, b"")
        else:
            connection.close()

    def _read(self, descriptor: int) -> Iterator[bytes]:
        connection, buffer = self._connections[descriptor]
        try:
            data = connection.recv(_READ)
            buffer += data
            while data and (parsed := parse(buffer)) is not None:
                message, buffer = parsed
                connection.send(_ANSWER)
                yield message.body
        except BlockingIOError:
            return
        except (OSError, NotHttp):
            data = b""
        if not data or len(buffer) > _MAX_BODY:
            connection.close()
            del self._connections[descriptor]
        else:
            self._connections[descriptor] = (connection, buffer)
