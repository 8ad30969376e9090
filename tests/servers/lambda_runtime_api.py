"""AWS Lambda's Runtime API on the loopback, and the extension's end of the channel."""

from __future__ import annotations

import contextlib
import json
import socket
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from queue import Empty, Queue
from socketserver import StreamRequestHandler, ThreadingTCPServer
from types import TracebackType
from typing import Any

from conntrace import events
from conntrace.channel import MAX_PACKET, lambda_address
from tests.servers.wire import Answer, Request, read_request

PREFIX = "/2018-06-01/runtime/"
PATIENCE_S = 30


@dataclass
class Post:
    """What the runtime client posted; header names in lower case."""

    path: str
    headers: dict[str, str]
    body: bytes


@dataclass
class Invocation:
    """What `/next` answers."""

    body: bytes
    headers: dict[str, str] = field(default_factory=dict)


class ExtensionEnd:
    """The listener of the layer's extension: keeps packets, in the order in which they came.

    Nothing reads in the background: what `events` returns had been sent when it was called.
    """

    def __init__(self, runtime_api: str) -> None:
        self._listener = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self._listener.bind("\0" + lambda_address(runtime_api).partition("@")[2])
        self._listener.listen(64)
        self._listener.setblocking(False)
        self._connections: list[socket.socket] = []
        self._lock = threading.Lock()
        self._closed = False
        self.packets: list[tuple[str, list[bytes]]] = []

    def events(self, process: str = "") -> list[events.Event]:
        """All events so far, of one process or of all."""
        with self._lock:
            self._read()
            return [
                events.decode(line)
                for sender, lines in self.packets
                if not process or sender == process
                for line in lines
            ]

    def kinds(self) -> list[str]:
        """The kinds of all events so far."""
        return [event.kind for event in self.events()]

    def processes(self) -> list[str]:
        """Who has sent something, in order of their first packets."""
        self.events()
        return list(dict.fromkeys(sender for sender, _ in self.packets))

    def close(self) -> None:
        """Take what is there, and let go of all sockets."""
        self.events()
        self._closed = True
        self._listener.close()
        for connection in self._connections:
            connection.close()

    def _read(self) -> None:
        while not self._closed:
            try:
                accepted, _ = self._listener.accept()
            except BlockingIOError:
                break
            accepted.setblocking(False)
            self._connections.append(accepted)
        for connection in self._connections:
            if not self._closed:
                self._read_connection(connection)

    def _read_connection(self, connection: socket.socket) -> None:
        while True:
            try:
                packet = connection.recv(2 * MAX_PACKET)
            except (BlockingIOError, ConnectionResetError):
                return
            if not packet:
                return
            sender, *lines = packet.split(b"\n")
            self.packets.append((sender.decode(), lines))


class RuntimeApi:
    """The platform's side: hands out invocations, keeps what is posted."""

    def __init__(self) -> None:
        self.posts: Queue[Post] = Queue()
        self.seen: list[str] = []
        self.at_post: Callable[[], Any] = lambda: None
        self._invocations: Queue[Invocation] = Queue()
        self._stopped = threading.Event()
        self.restore = threading.Event()
        self._server = ThreadingTCPServer(("127.0.0.1", 0), self._handler())
        self._server.daemon_threads = True
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,))

    @property
    def address(self) -> str:
        """Value of AWS_LAMBDA_RUNTIME_API."""
        return f"127.0.0.1:{self._server.server_address[1]}"

    def __enter__(self) -> RuntimeApi:
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.restore.set()
        self._stopped.set()
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def invoke(self, event: object, **headers: str) -> Post:
        """Hand out an invocation and wait for what the function posts. Raises `queue.Empty`."""
        self.offer(event, **headers)
        return self.posts.get(timeout=PATIENCE_S)

    def offer(self, event: object, **headers: str) -> None:
        """Hand out an invocation; bytes go out as they are, all else as JSON."""
        body = event if isinstance(event, bytes) else json.dumps(event).encode()
        given = {name.replace("_", "-"): value for name, value in headers.items()}
        self._invocations.put(Invocation(body, given))

    def _next(self) -> Invocation | None:
        while not self._stopped.is_set():
            with contextlib.suppress(Empty):
                return self._invocations.get(timeout=0.2)
        return None

    def _handler(self) -> type[StreamRequestHandler]:
        api = self

        class Handler(StreamRequestHandler):
            def handle(self) -> None:
                # The client may be killed at any moment.
                with contextlib.suppress(OSError):
                    while (request := read_request(self.rfile)) is not None:
                        answer, post = api._answer(request)
                        if answer is None:
                            break
                        self.wfile.write(answer.encode())
                        if post is not None:
                            api.posts.put(post)

        return Handler

    def _answer(self, request: Request) -> tuple[Answer | None, Post | None]:
        self.seen.append(request.path)
        if request.method == "POST":
            self.at_post()
            post = Post(request.path.removeprefix(PREFIX), request.headers, request.body)
            return Answer(202, b'{"status":"OK"}'), post
        if request.path.endswith("/restore/next"):
            self.restore.wait(PATIENCE_S)
            return Answer(200, b""), None
        invocation = self._next()
        if invocation is None:
            return None, None
        headers = {**_defaults(), **invocation.headers}
        return Answer(200, invocation.body, tuple(headers.items())), None


def _defaults() -> dict[str, str]:
    """What the platform sends with every invocation."""
    return {
        "Content-Type": "application/json",
        "Lambda-Runtime-Aws-Request-Id": "8476a536-e9f4-11e8-9739-2dfe598c3fcd",
        "Lambda-Runtime-Deadline-Ms": "1900000000000",
        "Lambda-Runtime-Invoked-Function-Arn": "arn:aws:lambda:eu-west-1:123456789012:function:f",
        "Lambda-Runtime-Trace-Id": (
            "Root=1-5759e988-bd862e3fe1be46a994272793;Parent=53995c3f42cd8ad8;Sampled=1;Lineage=a:0"
        ),
    }
