"""A server whose script decides, request by request, how a connection goes wrong.

Silence is made with a socket filter of one instruction that drops every segment before the kernel
looks at it: nothing is acknowledged, nothing is reset. Not every machine allows it to everyone:
`can_silence` tells.
"""

from __future__ import annotations

import ctypes
import socket
import struct
from collections.abc import Callable

from tests.servers.listening import ListeningServer
from tests.servers.wire import Answer, Request, read_request

ATTACH_FILTER, DETACH_FILTER = 26, 27
LINGER_RESET = struct.pack("ii", 1, 0)
_RETURN = 0x06

# (connection, request, socket, what was asked) -> bytes to send, or None to close
Script = Callable[[int, int, socket.socket, Request], "bytes | None"]
OK = Answer().encode()
HALF = b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\nhalf"
HALF_OF_CHUNKS = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nhalf\r\n"
NO_CHUNK = HALF_OF_CHUNKS + b"none\r\n"


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


class FaultServer(ListeningServer):
    """Use as a context manager; `accepts` counts the connections."""

    def __init__(self, script: Script) -> None:
        super().__init__()
        self.accepts = 0
        self._script = script

    def url(self, host: str = "127.0.0.1", path: str = "/") -> str:
        """A URL of this server."""
        return f"http://{host}:{self.port}{path}"

    def _accepted(self, client: socket.socket) -> None:
        self.accepts += 1
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
