"""Connects of INET sockets, and the kernel's answer."""

from __future__ import annotations

import _socket
import errno
from contextvars import ContextVar
from typing import Any

from conntrace.traced import call_sites, context, notes_connections, recording
from conntrace.traced.error_types import SYSTEM_ERRORS, error_type
from conntrace.traced.hooks.base import Arguments, Hook, Keywords
from conntrace.traced.hooks.dns import host_text, is_literal, port_number
from conntrace.traced.kernel import family_and_type, is_socket

_FAMILIES = (_socket.AF_INET, getattr(_socket, "AF_INET6", -1))
_IN_PROGRESS = (errno.EINPROGRESS, errno.EWOULDBLOCK, errno.EAGAIN, errno.EALREADY)

# Set while one of our wrappers is around a connect: its audit event is then no news.
inside: ContextVar[bool] = ContextVar("conntrace_inside_connect", default=False)


class Connect:
    """A connect that is going on."""

    __slots__ = ("identity", "token")

    def __init__(self, identity: int) -> None:
        self.identity = identity
        self.token = inside.set(True)


def is_internet(connecting: object) -> bool:
    """True for an INET or INET6 socket, gevent's and eventlet's included."""
    return is_socket(connecting) and family_and_type(connecting)[0] in _FAMILIES


def begin(instance: Any, args: Arguments, kwargs: Keywords) -> object:
    """Note a connect; one that was given a name resolves it inside C, unseen but for this."""
    if recording.active is None or inside.get() or not args or not is_internet(instance):
        return None
    address = args[0]
    if not isinstance(address, tuple) or len(address) < 2:
        return None
    where = context.place()
    site = call_sites.NOWHERE if where.setup else call_sites.call_site()
    host, port = host_text(address[0]), port_number(address[1])
    if not is_literal(address[0]):
        lookup = context.ids.next()
        recording.note(
            notes_connections.lookup_start(
                lookup, "connect", host, port, False, False, True, where, site
            )
        )
    identity = context.ids.next()
    datagram = family_and_type(instance)[1] != _socket.SOCK_STREAM
    recording.send(
        notes_connections.connect_start(identity, host, port, datagram, False, where, site)
    )
    # Last of all: a failure of ours before it must not leave the context inside a connect.
    return Connect(identity)


def end(token: object, result: object, error: BaseException | None) -> None:
    """Note the end of `connect`, or with a number as result, of `connect_ex`."""
    assert isinstance(token, Connect)
    inside.reset(token.token)
    if error is None and not result:
        recording.note(notes_connections.connect_end(token.identity, "", False))
        return
    number = error.errno if isinstance(error, OSError) else result
    in_progress = isinstance(number, int) and number in _IN_PROGRESS
    in_progress = in_progress and not isinstance(error, TimeoutError)
    if in_progress:
        word = ""
    elif error is None and isinstance(result, int) and result:
        word = SYSTEM_ERRORS.get(result, errno.errorcode.get(result, "OSError"))
    else:
        word = error_type(error)
    recording.note(notes_connections.connect_end(token.identity, word, in_progress))


HOOKS = (
    Hook("socket", "socket.connect", begin, end),
    Hook("socket", "socket.connect_ex", begin, end),
)
