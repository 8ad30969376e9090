"""Where events go: a unix socket to the analyzer's process, or a function in this one.

A packet is the sender's process id (16 hexadecimal digits) on a line of its own, then event lines,
all separated by a line feed, `MAX_PACKET` bytes at most. The address, as CONNTRACE_CHANNEL holds
it, is `seqpacket:@name` (Linux abstract name), `seqpacket:/path` or `dgram:/path`.

SOCK_STREAM is never used: it can tear a line in two and raises SIGPIPE.
"""

from __future__ import annotations

import _socket
import errno

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from typing import Protocol
else:
    # The layer's extension must be registered within milliseconds, and `typing` alone costs seven.
    Protocol = object

MAX_PACKET = 32 * 1024
SEND_BUFFER = 4 * 1024 * 1024
# AWS Lambda: function and extension are started apart and share no secret. An environment belongs
# to one tenant; the peer's user id is checked, and what arrives is checked like any input.
LAMBDA_TOKEN = "layer"

# Where a program's own descriptors hardly ever stand, below the usual limits of 1024 and of 256.
_OUT_OF_THE_WAY = (*range(1000, 992, -1), *range(250, 242, -1))

# Linux numbers; elsewhere the plain option is all there is.
_SO_SNDBUFFORCE = 32

_FULL = frozenset({errno.EAGAIN, errno.EWOULDBLOCK, errno.ENOBUFS, errno.EINTR, errno.ENOMEM})


def lambda_address(runtime_api: str) -> str:
    """Where the layer's extension listens, for both sides, from AWS_LAMBDA_RUNTIME_API.

    `host:port` of the Runtime API is in the environment of both processes and belongs to one
    execution environment, also where several share a machine.
    """
    return f"seqpacket:@conntrace-{runtime_api}"


class Channel(Protocol):
    """Takes packets; never waits and never raises."""

    def open(self, process: str) -> bool:
        """Get ready to send for this process; False when nobody listens."""

    def send(self, lines: Sequence[bytes]) -> bool:
        """Hand over lines; False when they cannot be taken now and must be offered again."""

    @property
    def alive(self) -> bool:
        """False once nobody will ever take another packet."""

    def close(self) -> None:
        """Let go of the socket."""


class SocketChannel:
    """A unix socket to another process. Uses `_socket` itself, so no patch ever sees it."""

    def __init__(self, address: str) -> None:
        self._address = address
        self._socket: _socket.socket | None = None
        self._header = b""

    def open(self, process: str) -> bool:
        self._header = process.encode() + b"\n"
        kind, _, name = self._address.partition(":")
        target: str | bytes = b"\0" + name[1:].encode() if name.startswith("@") else name
        socket_type = _socket.SOCK_SEQPACKET if kind == "seqpacket" else _socket.SOCK_DGRAM
        try:
            opened = _socket.socket(_socket.AF_UNIX, socket_type)
        except OSError:
            return False
        try:
            opened.setblocking(False)
            _enlarge_send_buffer(opened)
            opened.connect(target)
        except OSError:
            opened.close()
            return False
        self._socket = _moved_away(opened)
        return True

    @property
    def alive(self) -> bool:
        return self._socket is not None

    def send(self, lines: Sequence[bytes]) -> bool:
        if self._socket is None:
            return True
        try:
            self._socket.send(self._header + b"\n".join(lines))
        except OSError as error:
            if error.errno in _FULL:
                return False
            # The analyzer is gone: the program runs on, and there is nobody left to tell.
            self.close()
        return True

    def close(self) -> None:
        opened, self._socket = self._socket, None
        if opened is not None:
            opened.close()


def _moved_away(opened: _socket.socket) -> _socket.socket:
    """The same socket under a number that no other descriptor gets.

    A daemon closes all descriptors that it did not open, and its own next ones get their numbers:
    a low one of ours would be a connection of the program's then, and get our packets.
    """
    import os  # the extension, which imports this module too, is ready before it needs it

    for number in _OUT_OF_THE_WAY:
        try:
            os.fstat(number)
        except OSError:
            try:
                os.dup2(opened.fileno(), number, inheritable=False)
            except OSError:
                continue  # beyond this process's limit
            moved = _socket.socket(opened.family, opened.type, 0, number)
            moved.setblocking(False)
            opened.close()
            return moved
    return opened


def _enlarge_send_buffer(opened: _socket.socket) -> None:
    """The default holds 170 to 280 messages only; beyond the system's limit needs a privilege."""
    for option in (_SO_SNDBUFFORCE, _socket.SO_SNDBUF):
        try:
            opened.setsockopt(_socket.SOL_SOCKET, option, SEND_BUFFER)
            return
        except OSError:
            continue


class FunctionChannel:
    """The analyzer lives in this process: lines are handed to a function.

    `feed` answers like `Channel.send`: False when it cannot take them now.
    """

    def __init__(self, feed: Callable[[str, Sequence[bytes]], bool]) -> None:
        self._feed = feed
        self._process = ""

    def open(self, process: str) -> bool:
        self._process = process
        return True

    @property
    def alive(self) -> bool:
        return bool(self._process)

    def send(self, lines: Sequence[bytes]) -> bool:
        return self._feed(self._process, lines)

    def close(self) -> None:
        self._process = ""
