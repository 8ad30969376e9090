"""A forward proxy on the loopback that knows CONNECT and nothing else."""

from __future__ import annotations

import socket
import ssl

from tests.servers.listening import ListeningServer
from tests.servers.wire import Answer, read_request

BUFFER = 65536


class TunnelProxy(ListeningServer):
    """Use as a context manager; `tunnels` are the targets asked for. All lead to the loopback.

    With a `refusal` that status is the answer to each CONNECT; with `tls` the proxy itself is
    spoken to over TLS.
    """

    def __init__(self, refusal: int = 0, tls: ssl.SSLContext | None = None) -> None:
        super().__init__()
        self._refusal = refusal
        self._tls = tls
        self.tunnels: list[str] = []
        self.url = f"{'https' if tls else 'http'}://127.0.0.1:{self.port}"

    def _accepted(self, client: socket.socket) -> None:
        self._start(self._serve, client)

    def _serve(self, client: socket.socket) -> None:
        if self._tls is not None:
            client = self._tls.wrap_socket(client, server_side=True)
            self._sockets.append(client)
        with client.makefile("rb", buffering=0) as reader:
            request = read_request(reader)  # type: ignore[arg-type]
        if request is None or request.method != "CONNECT":
            client.sendall(Answer(405, ends_connection=True).encode())
            return
        self.tunnels.append(request.target)
        if self._refusal:
            client.sendall(Answer(self._refusal, ends_connection=True).encode())
            return
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
