"""A scripted HTTP(S) server on the loopback: a thread for each connection, everything counted."""

from __future__ import annotations

import dataclasses
import socket
import ssl
import struct
import threading
import time
from dataclasses import dataclass, field
from types import TracebackType
from typing import BinaryIO

from tests.servers.answers import Gates, answer_to
from tests.servers.listening import LONGEST_WAIT_S, ListeningServer
from tests.servers.wire import Answer, Request, read_request

MAX_CONNECTIONS = 200
LINGER_RESET = struct.pack("ii", 1, 0)
TIMEOUT_PAGE = Answer(408, b"idle", (("Connection", "close"),)).encode()


@dataclass(frozen=True)
class Behaviour:
    """What the server does besides answering.

    `idle_end` after `idle_limit_s`: `fin` (with TLS: close_notify, then FIN), `fin_only` (TLS
    without close_notify), `notify_only` (close_notify, the TCP connection stays), `reset`, or
    `timeout_page` (an unasked 408; the connection stays open).
    """

    idle_limit_s: float = LONGEST_WAIT_S
    idle_end: str = "fin"
    max_requests: int = 0
    """The n-th answer of a connection carries `Connection: close`; 0: no limit."""
    refuse_first: int = 0
    """So many connections are closed without reading a request."""
    handshake_delay_s: float = 0.0
    """How long the server takes before it answers a TLS client."""
    max_connections: int = MAX_CONNECTIONS
    """Those beyond it are closed at once: a program that runs wild is to fail, not to go on."""
    ignore_close: bool = False
    """A request's `Connection: close` is ignored."""


@dataclass
class Connection:
    """One accepted connection."""

    number: int
    accepted_at: float
    requests: list[Request] = field(default_factory=list)
    tls_version: str = ""
    idle_s: float = 0.0
    """How long it was idle when the server ended it; 0 when it was not for being idle."""
    answered_ns: int = 0
    """When the last answer was sent (Unix epoch)."""


class LoopbackServer(ListeningServer):
    """Use as a context manager; `accepts` and `requests` tell what came in."""

    def __init__(
        self,
        behaviour: Behaviour | None = None,
        *,
        tls: ssl.SSLContext | None = None,
        host: str = "127.0.0.1",
    ) -> None:
        super().__init__(host)
        self.behaviour = behaviour or Behaviour()
        self.connections: list[Connection] = []
        self.failed_handshakes = 0
        self._tls = tls
        self._gates = Gates()
        self._lock = threading.Lock()

    @property
    def accepts(self) -> int:
        """Connections accepted so far."""
        with self._lock:
            return len(self.connections)

    @property
    def requests(self) -> list[Request]:
        """Requests read so far, connection by connection."""
        with self._lock:
            return [request for one in self.connections for request in one.requests]

    def url(self, host: str = "", path: str = "") -> str:
        """A URL of this server under its address or under another name for it."""
        name = host or self.host
        name = f"[{name}]" if ":" in name else name
        return f"{'https' if self._tls else 'http'}://{name}:{self.port}{path}"

    def __exit__(
        self,
        kind: type[BaseException] | None,
        value: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._gates.abort()
        super().__exit__(kind, value, traceback)

    def _accepted(self, client: socket.socket) -> None:
        with self._lock:
            record = Connection(len(self.connections) + 1, time.monotonic())
            self.connections.append(record)
        if record.number > self.behaviour.max_connections:
            client.close()
        else:
            self._start(self._serve, client, record)

    def _serve(self, client: socket.socket, record: Connection) -> None:
        stream = client
        try:
            client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            if record.number > self.behaviour.refuse_first:
                stream = self._secured(client, record)
                self._talk(stream, record)
        except ssl.SSLError:
            self.failed_handshakes += 1
        except (OSError, ValueError):
            pass
        finally:
            stream.close()

    def _secured(self, client: socket.socket, record: Connection) -> socket.socket:
        if self._tls is None:
            return client
        time.sleep(self.behaviour.handshake_delay_s)
        secured = self._tls.wrap_socket(client, server_side=True)
        record.tls_version = secured.version() or ""
        self._sockets.append(secured)
        return secured

    def _talk(self, stream: socket.socket, record: Connection) -> None:
        with stream.makefile("rb") as reader:
            while (request := self._next_request(stream, reader, record)) is not None:
                with self._lock:
                    record.requests.append(request)
                answer = self._limited(answer_to(request, self._gates), request, record)
                if answer.status:
                    stream.sendall(answer.encode(request.method))
                if answer.reset:
                    _reset(stream)
                if answer.ends_connection:
                    _say_goodbye(stream)
                    return

    def _limited(self, answer: Answer, request: Request, record: Connection) -> Answer:
        """The last answer of a connection says so: by the limit, or because the client asked."""
        last = len(record.requests) == self.behaviour.max_requests
        asked = request.wants_close and not self.behaviour.ignore_close
        if answer.ends_connection or not (last or asked):
            return answer
        headers = (*answer.headers, ("Connection", "close"))
        return dataclasses.replace(answer, headers=headers, ends_connection=True)

    def _next_request(
        self, stream: socket.socket, reader: BinaryIO, record: Connection
    ) -> Request | None:
        began, record.answered_ns = time.monotonic(), time.time_ns()
        stream.settimeout(self.behaviour.idle_limit_s)
        try:
            return read_request(reader)
        except TimeoutError:
            record.idle_s = time.monotonic() - began
            self._end_idle(stream)
            return None

    def _end_idle(self, stream: socket.socket) -> None:
        how = self.behaviour.idle_end
        if how == "reset":
            _reset(stream)
        elif how == "timeout_page":
            stream.sendall(TIMEOUT_PAGE)
            self._wait_for_client(stream)
        elif how == "notify_only":
            _say_goodbye(stream)
            self._wait_for_client(stream)
        elif how == "fin":
            _say_goodbye(stream)

    def _wait_for_client(self, stream: socket.socket) -> None:
        stream.settimeout(LONGEST_WAIT_S)
        while stream.recv(4096):
            pass


def _say_goodbye(stream: socket.socket) -> None:
    """With TLS send close_notify; its answer is not waited for."""
    if isinstance(stream, ssl.SSLSocket):
        stream.settimeout(0)
        try:
            stream.unwrap()
        except (OSError, ValueError):
            pass


def _reset(stream: socket.socket) -> None:
    """The next close sends RST instead of FIN."""
    stream.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, LINGER_RESET)
