"""The socket that traced processes send their events to, and who may connect.

Only `_socket` is imported: `conntrace run` binds before it starts the program, and `socket` would
cost several milliseconds there.
"""

from __future__ import annotations

import _socket
import os
import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

BACKLOG = 1024
RECEIVE_BUFFER = 4 * 1024 * 1024

_UCRED_BYTES = 12  # struct ucred: pid, uid, gid


class Address:
    """A bound socket and its name, in the form that CONNTRACE_CHANNEL takes."""

    __slots__ = ("folder", "socket", "value")

    def __init__(self, value: str, bound: _socket.socket, folder: str = "") -> None:
        self.value = value
        self.socket = bound
        self.folder = folder

    def close(self) -> None:
        """Let go of the socket, and of the folder if there is one."""
        self.socket.close()
        if self.folder:
            _remove(os.unlink, os.path.join(self.folder, "channel"))
            _remove(os.rmdir, self.folder)

    @property
    def keeps_connections(self) -> bool:
        """SEQPACKET: each process has a connection, whose end shows the end of the process."""
        return self.value.startswith("seqpacket:")


def bind() -> Address:
    """The best socket this system has. Raises OSError when there is none at all.

    A Linux abstract name first: it needs no folder, and a worker can reach it after `setuid`.
    """
    name = f"conntrace-{os.urandom(16).hex()}"
    try:
        return Address(f"seqpacket:@{name}", _listening(b"\0" + name.encode()))
    except (OSError, AttributeError):
        return _bind_in_folder()


def _bind_in_folder() -> Address:
    from tempfile import mkdtemp  # only systems without abstract names pay for it

    folder = mkdtemp(prefix="conntrace-")
    path = os.path.join(folder, "channel")
    try:
        return Address(f"seqpacket:{path}", _listening(path), folder)
    except (OSError, AttributeError):
        _remove(os.unlink, path)  # it may have been bound before it failed
    try:
        return Address(f"dgram:{path}", _receiving(path), folder)
    except OSError:
        _remove(os.rmdir, folder)
        raise


def _receiving(path: str) -> _socket.socket:
    bound = _socket.socket(_socket.AF_UNIX, _socket.SOCK_DGRAM)
    try:
        bound.bind(path)
        bound.setblocking(False)
        bound.setsockopt(_socket.SOL_SOCKET, _socket.SO_RCVBUF, RECEIVE_BUFFER)
    except OSError:
        bound.close()
        raise
    return bound


def _listening(name: str | bytes) -> _socket.socket:
    bound = _socket.socket(_socket.AF_UNIX, _socket.SOCK_SEQPACKET)
    try:
        bound.bind(name)
        bound.listen(BACKLOG)
        bound.setblocking(False)
    except OSError:
        bound.close()
        raise
    return bound


def _remove(remove: Callable[[str], None], path: str) -> None:
    try:
        remove(path)
    except OSError:
        pass  # a temp cleaner was faster


def is_allowed(connection: _socket.socket) -> bool:
    """Whether the peer is the same user, or we are root and it may have changed to any user."""
    option = getattr(_socket, "SO_PEERCRED", None)
    if option is None:
        return True  # no abstract names either: the 0700 folder has kept others out
    try:
        credentials = connection.getsockopt(_socket.SOL_SOCKET, option, _UCRED_BYTES)
    except OSError:
        return False
    peer_uid = int.from_bytes(credentials[4:8], sys.byteorder)
    return os.geteuid() in (0, peer_uid)
