"""Connects of INET sockets, and the kernel's answer.

On a socket that does not wait, `connect` returns at once and goes on (asyncio, trio, Tornado,
Twisted). How it ended is known when the program asks for it, by SO_ERROR or by calling `connect`
once more, or from the socket's state when the program closes it.
"""

from __future__ import annotations

import _socket
import errno
from collections.abc import Callable
from contextvars import ContextVar
from typing import Any

from conntrace.traced import call_sites, context, guard, notes_connections, recording
from conntrace.traced.error_types import SYSTEM_ERRORS, error_type
from conntrace.traced.hooks.base import Arguments, Hook, Keywords
from conntrace.traced.hooks.dns import host_text, is_literal, port_number
from conntrace.traced.kernel import (
    CLOSED,
    SYN_SENT,
    family_and_type,
    is_socket,
    peer_host,
    tcp_facts,
)
from conntrace.traced.registry import Registry

_FAMILIES = (_socket.AF_INET, getattr(_socket, "AF_INET6", -1))
_IN_PROGRESS = (errno.EINPROGRESS, errno.EWOULDBLOCK, errno.EAGAIN, errno.EALREADY)

# OpenTelemetry's words for an operation that was cancelled, and for an error that nobody named.
_GIVEN_UP, _UNNAMED = "operation_aborted", "_OTHER"

# Descriptor of the socket that one of our wrappers is around: its audit event, and the calls of
# gevent and eventlet underneath, are then no news. What a signal handler connects is.
inside: ContextVar[int | None] = ContextVar("conntrace_inside_connect", default=None)


class Connect:
    """A connect that is going on."""

    __slots__ = (
        "address",
        "alone",
        "by_name",
        "identity",
        "known",
        "remembered",
        "subject",
        "token",
    )

    def __init__(self, identity: int, alone: bool, by_name: bool) -> None:
        self.identity = identity
        self.alone = alone
        self.by_name = by_name
        self.address = ""
        self.remembered = False
        self.known = False
        self.subject: Any = None
        self.token: Any = None

    def enter(self, subject: Any, descriptor: int) -> Connect:
        """A call begins."""
        self.subject = subject
        # Last of all: a failure of ours before it must not leave the context inside a connect.
        self.token = inside.set(descriptor)
        return self

    def leave(self) -> Any:
        """The call is over: the socket, kept no longer."""
        inside.reset(self.token)
        subject, self.subject, self.token = self.subject, None, None
        return subject

    def end(self, error: str, unseen: bool = False) -> None:
        """Note how it ended, or that nobody asked."""
        self.known = True
        self.tell(error, unseen)

    def tell(self, error: str, in_progress: bool) -> None:
        """Note what is known now."""
        written = notes_connections.connect_end(self.identity, error, in_progress, self.address)
        recording.finish(written, alone=self.alone)


def _collected(connect: Connect) -> None:
    if not connect.known:
        recording.note(notes_connections.connect_end(connect.identity, "", True))


# Connects that went on after the call, by their socket: no longer than that lives.
_remembered: Registry[Connect] = Registry(_collected)


def is_internet(connecting: object) -> bool:
    """True for an INET or INET6 socket, gevent's and eventlet's included."""
    return is_socket(connecting) and family_and_type(connecting)[0] in _FAMILIES


def begin(instance: Any, args: Arguments, kwargs: Keywords) -> object:
    """Note a connect; one that was given a name resolves it inside C, unseen but for this."""
    if recording.active is None or not args or not is_socket(instance):
        return None
    family, kind = family_and_type(instance)
    if family not in _FAMILIES:
        return None
    descriptor = instance.fileno()
    address = args[0]
    if inside.get() == descriptor or not isinstance(address, tuple) or len(address) < 2:
        return None
    earlier = _remembered.get(instance) if _remembered.by_identity else None
    if earlier is not None:
        # It asks how far it is.
        return earlier.enter(instance, descriptor)
    where = context.place()
    site = call_sites.NOWHERE if where.setup else call_sites.call_site()
    host, port = host_text(address[0]), port_number(address[1])
    by_name = not is_literal(address[0])
    if by_name:
        lookup = context.ids.next()
        recording.note(
            notes_connections.lookup_start(
                lookup, "connect", host, port, False, False, True, where, site
            )
        )
    identity = context.ids.next()
    datagram = kind != _socket.SOCK_STREAM
    recording.send(
        notes_connections.connect_start(identity, host, port, datagram, False, where, site)
    )
    return Connect(identity, not where.setup, by_name).enter(instance, descriptor)


def end(token: object, result: object, error: BaseException | None) -> None:
    """Note the end of `connect`, or with a number as result, of `connect_ex`."""
    assert isinstance(token, Connect)
    subject = token.leave()
    if token.known:
        return
    if error is None and not result:
        if token.by_name:
            # What C looked the name up to.
            token.address = host_text(peer_host(subject))
        token.end("")
        return
    number = error.errno if isinstance(error, OSError) else result if error is None else None
    if token.remembered and number == errno.EISCONN:
        token.end("")
    elif number in _IN_PROGRESS and not isinstance(error, TimeoutError):
        _goes_on(token, subject)
    elif error is None and isinstance(result, int) and result:
        _ended(token, subject, _word(result))
    else:
        _ended(token, subject, error_type(error))


def _goes_on(connect: Connect, subject: Any) -> None:
    if not connect.remembered:
        connect.remembered = True
        connect.tell("", True)
        _remembered.add(subject, connect)


def _ended(connect: Connect, subject: Any, error: str) -> None:
    connect.end(error)
    if error and connect.remembered:
        # The same socket may try again.
        _remembered.forget(subject)


def _word(number: int) -> str:
    return SYSTEM_ERRORS.get(number, errno.errorcode.get(number, "OSError"))


def begin_option(instance: Any, args: Arguments, kwargs: Keywords) -> object:
    """The program may be asking how its connect ended."""
    if args[:2] != (_socket.SOL_SOCKET, _socket.SO_ERROR) or recording.active is None:
        return None
    connect = _remembered.get(instance)
    return None if connect is None or connect.known else (connect, instance)


def end_option(token: object, result: object, error: BaseException | None) -> None:
    """Note the answer. There is none while the connect goes on."""
    assert isinstance(token, tuple)
    connect, subject = token
    if isinstance(result, int) and (result or tcp_facts(subject).state != SYN_SENT):
        _ended(connect, subject, _word(result) if result else "")


def build_close(original: Callable[..., Any]) -> Callable[..., Any]:
    """Before a socket is closed, see how its connect fared, if nobody asked yet."""
    # Finalizers close sockets also when the interpreter, at its end, has emptied this module.
    remembered, contained, note_closing = _remembered.by_identity, guard.contained, _note_closing

    def close(*args: Any, **kwargs: Any) -> Any:
        if remembered and args:
            contained("socket.close", note_closing, args[0])
        return original(*args, **kwargs)

    return close


def _note_closing(subject: Any) -> None:
    connect = _remembered.get(subject)
    if connect is None or connect.known or recording.active is None:
        return
    state = tcp_facts(subject).state
    if state in (SYN_SENT, CLOSED):
        connect.end(_GIVEN_UP if state == SYN_SENT else _UNNAMED)
    else:
        connect.end("", unseen=True)


HOOKS = (
    Hook("socket", "socket.connect", begin, end),
    Hook("socket", "socket.connect_ex", begin, end),
    Hook("socket", "socket.getsockopt", begin_option, end_option),
    Hook("socket", "socket.close", build=build_close),
)
