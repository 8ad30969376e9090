"""A server that has no room for a connection until its first SYN was lost."""

from __future__ import annotations

import socket
import threading
import time
from pathlib import Path
from types import TracebackType

from tests.servers.wire import Answer, read_request

SYN_SENT = "02"
LONGEST_WAIT_S = 30.0


class CrowdedServer:
    """Use as a context manager. The kernel drops a SYN for a full backlog, without a word, and the
    client sends it again a second later; then there is room, and one request is answered."""

    def __init__(self) -> None:
        self._listener = socket.create_server(("127.0.0.1", 0), backlog=0)
        self._listener.settimeout(LONGEST_WAIT_S)
        self.port: int = self._listener.getsockname()[1]
        self.url = f"http://127.0.0.1:{self.port}/"
        self._guest = socket.create_connection(("127.0.0.1", self.port), timeout=LONGEST_WAIT_S)
        self._thread = threading.Thread(target=self._serve, daemon=True)

    def __enter__(self) -> CrowdedServer:
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        value: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._thread.join(2 * LONGEST_WAIT_S)
        self._guest.close()
        self._listener.close()
        assert not self._thread.is_alive(), "the server thread hangs"

    def _serve(self) -> None:
        deadline = time.monotonic() + LONGEST_WAIT_S
        while not self._somebody_waits() and time.monotonic() < deadline:
            time.sleep(0.01)
        self._listener.accept()[0].close()
        client, _ = self._listener.accept()
        with client, client.makefile("rb") as reader:
            client.settimeout(LONGEST_WAIT_S)
            if read_request(reader) is not None:
                client.sendall(Answer().encode())
            reader.read(1)

    def _somebody_waits(self) -> bool:
        """Whether a socket of this machine has sent a SYN here and got no answer."""
        for line in Path("/proc/net/tcp").read_text().splitlines()[1:]:
            _, _, remote, state, *_ = line.split()
            if state == SYN_SENT and int(remote.partition(":")[2], 16) == self.port:
                return True
        return False
