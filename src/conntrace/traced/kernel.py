"""What the kernel knows of a socket or thread: read-only, nothing where it cannot be had.

TCP_INFO offsets are those of `struct tcp_info` in Linux's include/uapi/linux/tcp.h. Neither
TCP_INFO nor FIONREAD changes the socket; `SO_ERROR` and a peek would take a pending error away from
the program, so they are not used while one may be pending.
"""

from __future__ import annotations

import _socket
import os
import sys
from typing import TYPE_CHECKING, Any, NamedTuple

from conntrace.traced.originals import close_file, open_file, read_file

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import TypeGuard

LINUX = sys.platform.startswith("linux")
ESTABLISHED = 1
SYN_SENT = 2
CLOSED = 7

# Of the thread that reads it: time on a processor, time waiting for one (ns), turns taken.
_SCHEDULER_FILE = "/proc/thread-self/schedstat"
_GREEN = ("gevent", "eventlet")
_TCP_INFO = 11
_TCP_INFO_SIZE = 104
_FIONREAD = 0x541B
_OFFSET_UNACKED = 24
_OFFSET_LAST_DATA_RECEIVED = 52
_OFFSET_LAST_ACK_RECEIVED = 56
_KEEPALIVE_OPTIONS: tuple[int, int, int] | None = None
if hasattr(_socket, "TCP_KEEPIDLE"):
    _KEEPALIVE_OPTIONS = (_socket.TCP_KEEPIDLE, _socket.TCP_KEEPINTVL, _socket.TCP_KEEPCNT)
_family: Callable[[_socket.socket], int] = vars(_socket.socket)["family"].__get__
_type: Callable[[_socket.socket], int] = vars(_socket.socket)["type"].__get__
# The method of the C class: the one of `socket.socket` is hooked.
_option: Any = _socket.socket.getsockopt
_peer_name: Callable[[_socket.socket], object] = _socket.socket.getpeername


class TcpFacts(NamedTuple):
    """A socket's state at one moment. -1 (state: 0) means not known."""

    state: int = 0
    unacked: int = 0
    retransmits: int = 0
    last_data_received_ms: int = -1
    last_ack_received_ms: int = -1
    pending_bytes: int = -1
    tls_record: int = 0


NOTHING = TcpFacts()


class KeepaliveFacts(NamedTuple):
    """Keep-alive probing in force: SO_KEEPALIVE, TCP_KEEPIDLE, TCP_KEEPINTVL, TCP_KEEPCNT."""

    enabled: bool = False
    idle_s: int = -1
    interval_s: int = -1
    probes: int = -1


def is_socket(subject: object) -> TypeGuard[_socket.socket]:
    """True for Python's sockets, and for gevent's and eventlet's, which only act like them."""
    if isinstance(subject, _socket.socket):
        return True
    return type(subject).__module__.partition(".")[0] in _GREEN


def tcp_facts(connected: object, *, tls: bool = False, pending: bool = False) -> TcpFacts:
    """Read a connected socket's state; `pending` adds the bytes waiting and their TLS type."""
    if not LINUX:
        return NOTHING
    if not is_socket(connected):
        # urllib3's TLS within TLS holds the socket.
        connected, tls = getattr(connected, "socket", None), True
        if not is_socket(connected):
            return NOTHING
    try:
        info = _reader(connected)(_socket.IPPROTO_TCP, _TCP_INFO, _TCP_INFO_SIZE)
    except OSError:
        return NOTHING
    if len(info) < _OFFSET_LAST_ACK_RECEIVED + 4:
        return NOTHING
    state = info[0]
    waiting, record = _pending(connected, state, tls) if pending else (-1, 0)
    return TcpFacts(
        state=state,
        unacked=_word(info, _OFFSET_UNACKED),
        retransmits=info[2],
        last_data_received_ms=_word(info, _OFFSET_LAST_DATA_RECEIVED),
        last_ack_received_ms=_word(info, _OFFSET_LAST_ACK_RECEIVED),
        pending_bytes=waiting,
        tls_record=record,
    )


def keepalive_facts(connected: object) -> KeepaliveFacts:
    """Read the keep-alive options in force on a socket."""
    if not is_socket(connected):
        return KeepaliveFacts()
    try:
        option = _reader(connected)
        enabled = bool(option(_socket.SOL_SOCKET, _socket.SO_KEEPALIVE))
        if _KEEPALIVE_OPTIONS is None:
            return KeepaliveFacts(enabled)
        idle, interval, probes = _KEEPALIVE_OPTIONS
        return KeepaliveFacts(
            enabled,
            option(_socket.IPPROTO_TCP, idle),
            option(_socket.IPPROTO_TCP, interval),
            option(_socket.IPPROTO_TCP, probes),
        )
    except OSError:
        return KeepaliveFacts()


def _reader(connected: Any) -> Callable[..., Any]:
    if isinstance(connected, _socket.socket):
        return _option.__get__(connected)  # type: ignore[no-any-return]
    # gevent's and eventlet's.
    return connected.getsockopt  # type: ignore[no-any-return]


def family_and_type(connecting: _socket.socket) -> tuple[int, int]:
    """AF_* and SOCK_* of a socket; `socket.socket` makes enums of them, which takes 2 us."""
    try:
        return _family(connecting), _type(connecting)
    except TypeError:
        # gevent's and eventlet's.
        return connecting.family, connecting.type


def peer_host(connected: Any) -> object:
    """The host part of what a socket is connected to; None when it is no more.

    A subclass may answer something else, as PySocks does: its own method is not asked.
    """
    try:
        if isinstance(connected, _socket.socket):
            peer = _peer_name(connected)
        else:
            # gevent's and eventlet's.
            peer = connected.getpeername()
    except OSError:
        return None
    return peer[0] if isinstance(peer, tuple) and peer else None


def run_delay_ns() -> int:
    """How long this thread, ready to run, has waited for a processor since it began; -1 unknown."""
    if not LINUX:
        return -1
    try:
        file = open_file(_SCHEDULER_FILE, os.O_RDONLY | os.O_CLOEXEC)
        try:
            return int(read_file(file, 100).split()[1])
        finally:
            close_file(file)
    except Exception:
        # Also what an audit hook of the program says against opening a file.
        return -1


def _word(info: bytes, offset: int) -> int:
    return int.from_bytes(info[offset : offset + 4], sys.byteorder)


def _pending(connected: _socket.socket, state: int, tls: bool) -> tuple[int, int]:
    """Bytes waiting (FIONREAD), and the type of the first TLS record among them.

    A peek is safe in ESTABLISHED and CLOSE_WAIT, where no error can be pending.
    """
    try:
        import fcntl

        waiting = int.from_bytes(
            fcntl.ioctl(connected.fileno(), _FIONREAD, b"\0" * 4), sys.byteorder
        )
    except (OSError, ImportError, ValueError):
        return -1, 0
    if not tls or waiting <= 0 or state not in (ESTABLISHED, 8):
        return waiting, 0
    try:
        # The method of the C class: SSLSocket.recv refuses flags. gevent keeps one inside.
        raw = getattr(connected, "_sock", connected)
        first = _socket.socket.recv(raw, 1, _socket.MSG_PEEK | _socket.MSG_DONTWAIT)
    except (OSError, TypeError):
        return waiting, 0
    return waiting, first[0] if first else 0
