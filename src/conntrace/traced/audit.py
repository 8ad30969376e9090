"""The completeness check: lookups and connects that no patched function saw.

CPython raises an audit event inside the C functions themselves, so this also sees names bound
before the patches (`from socket import getaddrinfo`), `sendto(name)` and `connect(name)`. An audit
event has no end, and an audit hook cannot be taken out again: `active` turns it into a no-op.
"""

from __future__ import annotations

import _socket
import sys
from collections.abc import Callable

from conntrace.traced import call_sites, context, guard, notes_connections, recording
from conntrace.traced.hooks import dns, tcp
from conntrace.traced.originals import monotonic_ns

active = False
_installed = False


def install() -> None:
    """Add the hook, once for the life of the process."""
    global _installed, active
    active = True
    if not _installed:
        _installed = True
        sys.addaudithook(_hear)


def remove() -> None:
    """Make the hook do nothing."""
    global active
    active = False


def _hear_lookup(event: str, arguments: tuple[object, ...]) -> None:
    if context.is_suppressed():
        return
    host = arguments[0] if arguments else None
    port = arguments[1] if event == "socket.getaddrinfo" and len(arguments) > 1 else None
    reverse = event in ("socket.gethostbyaddr", "socket.getnameinfo")
    if event == "socket.getnameinfo" and isinstance(host, tuple):
        host = host[0]
    if not reverse and dns.is_literal(host):
        return
    name = dns.host_text(host)
    if dns.inside.get() == name or name in dns.in_threads:
        return
    _note_lookup(event.partition(".")[2], host, port, reverse)


def _hear_connect(event: str, arguments: tuple[object, ...]) -> None:
    connecting, address = arguments[0], arguments[1]
    if not tcp.is_internet(connecting) or context.is_suppressed():
        return
    assert isinstance(connecting, _socket.socket)
    if tcp.inside.get() == connecting.fileno():
        return
    if not isinstance(address, tuple) or len(address) < 2:
        return
    if not dns.is_literal(address[0]):
        _note_lookup("connect", address[0], address[1], False)
    where = context.place()
    site = call_sites.NOWHERE if where.setup else call_sites.call_site()
    recording.send(
        notes_connections.connect_start(
            context.ids.next(),
            dns.host_text(address[0]),
            dns.port_number(address[1]),
            connecting.type != _socket.SOCK_STREAM,
            True,
            where,
            site,
        )
    )


def _hear_datagram(event: str, arguments: tuple[object, ...]) -> None:
    sending, address = arguments[0], arguments[1]
    if not tcp.is_internet(sending) or not isinstance(address, tuple) or len(address) < 2:
        return
    if not dns.is_literal(address[0]) and not context.is_suppressed():
        _note_lookup(event.partition(".")[2], address[0], address[1], False)


def _note_lookup(function: str, host: object, port: object, reverse: bool) -> None:
    where = context.place()
    site = call_sites.NOWHERE if where.setup else call_sites.call_site()
    recording.send(
        notes_connections.lookup_start(
            context.ids.next(), function, dns.host_text(host), dns.port_number(port),
            reverse, False, True, where, site,
        )
    )  # fmt: skip


def _hear_exec(event: str, arguments: tuple[object, ...]) -> None:
    # Another program takes the place of this one: what waits would be lost.
    recording.drain()


_LISTENERS: dict[str, Callable[[str, tuple[object, ...]], None]] = {
    "socket.getaddrinfo": _hear_lookup,
    "socket.gethostbyname": _hear_lookup,
    "socket.gethostbyaddr": _hear_lookup,
    "socket.getnameinfo": _hear_lookup,
    "socket.connect": _hear_connect,
    "socket.sendto": _hear_datagram,
    "socket.sendmsg": _hear_datagram,
    "socket.bind": _hear_datagram,
    "os.exec": _hear_exec,
}


def _hear(
    event: str,
    arguments: tuple[object, ...],
    listener_of: Callable[[str], Callable[[str, tuple[object, ...]], None] | None] = _LISTENERS.get,
) -> None:
    # A default is still there when the interpreter, at its end, has emptied this module.
    # Called for every audit event of the process, of which there are many: leave at once.
    listener = listener_of(event)
    if listener is None or not active or recording.active is None:
        return
    began_ns = monotonic_ns()
    try:
        listener(event, arguments)
    except Exception as error:
        # Raising here would make the audited operation fail.
        guard.contained("audit", guard.failed, "audit", error)
    recording.spent_ns += monotonic_ns() - began_ns
