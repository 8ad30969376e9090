"""What the scripted server answers: the path of a request names the behaviour.

| path | answer |
|---|---|
| `/close` | `Connection: close`, and the server closes |
| `/http10` | HTTP/1.0 without keep-alive |
| `/http10-keep-alive` | HTTP/1.0 with `Connection: keep-alive` |
| `/eof` | HTTP/1.1 without Content-Length and not chunked |
| `/chunked` | chunked |
| `/bytes/N` | N bytes |
| `/status/N` | status N |
| `/redirect/STATUS?URL` | STATUS (302 without) to URL |
| `/gate/N` | answered when N requests stand at this gate |
| `/pause/N` | answered after N milliseconds |
| `/die` | no answer, FIN |
| `/reset` | no answer, RST |
| `X-Amz-Target` header | `{}` as DynamoDB sends it |
| anything else | `ok` |
"""

from __future__ import annotations

import threading
import time
import zlib
from collections.abc import Callable

from tests.servers.wire import Answer, Request

GATE_TIMEOUT_S = 20.0
DIE = Answer(status=0, ends_connection=True)


class Gates:
    """Holds requests until so many are there: concurrency without a clock."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._barriers: dict[int, threading.Barrier] = {}

    def wait(self, parties: int) -> None:
        """Wait for the others; after the limit everyone goes on, and the test's counts tell."""
        with self._lock:
            barrier = self._barriers.setdefault(parties, threading.Barrier(parties))
        try:
            barrier.wait(GATE_TIMEOUT_S)
        except threading.BrokenBarrierError:
            pass

    def abort(self) -> None:
        """Let everyone go: the server stops."""
        with self._lock:
            for barrier in self._barriers.values():
                barrier.abort()


def answer_to(request: Request, gates: Gates) -> Answer:
    """The answer the table above gives."""
    if "x-amz-target" in request.headers:
        return _dynamodb()
    name, _, argument = request.path.strip("/").partition("/")
    if name == "gate":
        gates.wait(int(argument))
        return Answer()
    if name == "pause":
        time.sleep(min(int(argument) / 1000, GATE_TIMEOUT_S))
        return Answer()
    if name == "redirect":
        location = request.target.partition("?")[2]
        status = int(argument.partition("?")[0] or 302)
        return Answer(status, b"", (("Location", location),))
    make = _BY_NAME.get(name)
    return make(argument) if make else Answer()


def _dynamodb() -> Answer:
    body = b"{}"
    headers = (
        ("Content-Type", "application/x-amz-json-1.0"),
        ("x-amzn-RequestId", "A" * 52),
        ("x-amz-crc32", str(zlib.crc32(body))),
    )
    return Answer(200, body, headers)


_BY_NAME: dict[str, Callable[[str], Answer]] = {
    "close": lambda _: Answer(headers=(("Connection", "close"),), ends_connection=True),
    "http10": lambda _: Answer(version="HTTP/1.0", ends_connection=True),
    "http10-keep-alive": lambda _: Answer(
        version="HTTP/1.0", headers=(("Connection", "keep-alive"),)
    ),
    "eof": lambda _: Answer(framing="eof", ends_connection=True),
    "chunked": lambda _: Answer(framing="chunked"),
    "bytes": lambda size: Answer(body=b"x" * int(size)),
    "status": lambda status: Answer(status=int(status)),
    "die": lambda _: DIE,
    "reset": lambda _: Answer(status=0, ends_connection=True, reset=True),
}
