"""A server whose script decides, request by request, how a connection goes wrong.

Silence is made with a socket filter of one instruction that drops every segment before the kernel
looks at it: nothing is acknowledged, nothing is reset. Not every machine allows it to everyone:
`can_silence` tells.
"""

from __future__ import annotations

import ctypes
import socket
import struct
import threading
from collections.abc import Callable
from types import TracebackType

from tests.servers.wire import Answer, Request, read_request

ATTACH_FILTER, DETACH_FILTER = 26, 27
LINGER_RESET = struct.pack("ii", 1, 0)
_RETURN = 0x06

# (connection, request, socket, what was asked) -> bytes to send, or None to close
Script = Callable[[int, int, socket.socket, Request], "bytes | None"]
OK = Answer().encode()
HALF = b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\nhalf"


def silence(one: socket.socket) -> None:
    """From here on the kernel drops whatever comes for this socket."""
    program = ctypes.create_string_buffer(struct.pack("HBBI", _RETURN, 0, 0, 0))
    address = ctypes.addressof(program)
    one.setsockopt(socket.SOL_SOCKET, ATTACH_FILTER, struct.pack("HL", 1, address))


def can_silence() -> bool:
    """Whether this machine lets us."""
    with socket.socket() as one:
        try:
            silence(one)
        except OSError:
            return False
    return True


def reset(one: socket.socket) -> None:
    """The next close sends RST instead of FIN."""
    one.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, LINGER_RESET)


class FaultServer:
    """Use as a context manager; `accepts` counts the connections."""

    def __init__(self, script: Script) -> None:
        self.accepts = 0
        self._script = script
        self._sockets: list[socket.socket] = []
        self._threads: list[threading.Thread] = []
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]

    def url(self, host: str = "127.0.0.1", path: str = "/") -> str:
        """A URL of this server."""
        return f"http://{host}:{self.port}{path}"

    def __enter__(self) -> FaultServer:
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
            client.settimeout(30)
            self.accepts += 1
            self._sockets.append(client)
            self._start(self._serve, client, self.accepts)

    def _serve(self, client: socket.socket, number: int) -> None:
        try:
            with client.makefile("rb") as reader:
                served = 0
                while (request := read_request(reader)) is not None:
                    served += 1
                    answer = self._script(number, served, client, request)
                    if answer is None:
                        break
                    client.sendall(answer)
        except (OSError, ValueError):
            pass
        client.close()
