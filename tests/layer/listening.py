"""The extension's end of the channel: enough of it for the agent to start."""

from __future__ import annotations

import socket
from collections.abc import Mapping
from types import TracebackType

from conntrace.channel import MAX_PACKET, lambda_address

_WAIT_S = 10.0


class Listening:
    """Takes what functions send; they connect and send without waiting for anybody."""

    def __init__(self) -> None:
        # Its port makes the name unique on this machine; nothing answers there.
        self._runtime_api = socket.create_server(("127.0.0.1", 0))
        address = f"127.0.0.1:{self._runtime_api.getsockname()[1]}"
        name = lambda_address(address).partition("@")[2]
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self._socket.bind(b"\0" + name.encode())
        self._socket.listen()
        self.environment: Mapping[str, str] = {
            "AWS_LAMBDA_RUNTIME_API": address,
            "CONNTRACE_TESTING": "1",
        }

    def __enter__(self) -> Listening:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._socket.close()
        self._runtime_api.close()

    def hellos(self) -> list[str]:
        """The first event of each process that has connected; call it when they have ended."""
        found: list[str] = []
        self._socket.setblocking(False)
        while True:
            try:
                connected, _ = self._socket.accept()
            except BlockingIOError:
                return found
            with connected:
                connected.settimeout(_WAIT_S)
                packet = connected.recv(MAX_PACKET).decode()
            found.append(packet.split("\n")[1])
