"""What the scripted servers share: a port, a thread for whatever goes on, and an orderly end."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable
from types import TracebackType
from typing import TypeVar

LONGEST_WAIT_S = 30.0

Server = TypeVar("Server", bound="ListeningServer")


class ListeningServer:
    """Use as a context manager. Sockets in `_sockets` are shut at its end, threads waited for."""

    def __init__(self, host: str = "127.0.0.1") -> None:
        self._sockets: list[socket.socket] = []
        self._threads: list[threading.Thread] = []
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        self._listener = socket.create_server((host, 0), family=family, backlog=64)
        self.host = host
        self.port: int = self._listener.getsockname()[1]

    def __enter__(self: Server) -> Server:
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
        assert not any(thread.is_alive() for thread in self._threads), "a server thread hangs"

    def _start(self, target: Callable[..., None], *arguments: object) -> None:
        thread = threading.Thread(target=target, args=arguments, daemon=True)
        self._threads.append(thread)
        thread.start()

    def _accept(self) -> None:
        while True:
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            client.settimeout(LONGEST_WAIT_S)
            self._sockets.append(client)
            self._accepted(client)

    def _accepted(self, client: socket.socket) -> None:
        """Take a connection: start its thread."""
        raise NotImplementedError
