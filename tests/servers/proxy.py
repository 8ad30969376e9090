"""A forward proxy on the loopback that knows CONNECT and nothing else."""

from __future__ import annotations

import socket
import threading
from types import TracebackType

from tests.servers.wire import Answer, read_request

BUFFER = 65536


class TunnelProxy:
    """Use as a context manager; `tunnels` are the targets asked for. All lead to the loopback."""

    def __init__(self) -> None:
        self.tunnels: list[str] = []
        self._sockets: list[socket.socket] = []
        self._threads: list[threading.Thread] = []
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        self.url = f"http://127.0.0.1:{self.port}"

    def __enter__(self) -> TunnelProxy:
        self._start(self._accept)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        value: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        for one in (self._listener, *self._sockets):
            try:
                one.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass
        for thread in self._threads:
            thread.join(10)
        for one in (self._listener, *self._sockets):
            one.close()

    def _start(self, target: object, *arguments: object) -> None:
        thread = threading.Thread(target=target, args=arguments, daemon=True)  # type: ignore[arg-type]
        self._threads.append(thread)
        thread.start()

    def _accept(self) -> None:
        while True:
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            self._sockets.append(client)
            self._start(self._serve, client)

    def _serve(self, client: socket.socket) -> None:
        client.settimeout(30)
        with client.makefile("rb", buffering=0) as reader:
            request = read_request(reader)  # type: ignore[arg-type]
        if request is None or request.method != "CONNECT":
            client.sendall(Answer(405, ends_connection=True).encode())
            return
        self.tunnels.append(request.target)
        port = int(request.target.rpartition(":")[2])
        target = socket.create_connection(("127.0.0.1", port), timeout=30)
        self._sockets.append(target)
        client.sendall(b"HTTP/1.1 200 Connection established\r\n\r\n")
        self._start(_copy, client, target)
        _copy(target, client)


def _copy(source: socket.socket, target: socket.socket) -> None:
    try:
        while data := source.recv(BUFFER):
            target.sendall(data)
        target.shutdown(socket.SHUT_WR)
    except OSError:
        pass
