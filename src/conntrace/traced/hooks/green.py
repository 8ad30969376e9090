"""gevent and eventlet: their own sockets and lookups, put in place of Python's.

They call the plain functions underneath several times for one connect, and look names up in threads
of their own: seen from there, one connect would be two and a lookup would belong to nobody.
"""

from __future__ import annotations

from conntrace.traced.hooks import dns, tcp, tls
from conntrace.traced.hooks.base import Hook

_GEVENT = "gevent._socketcommon"
_EVENTLET = "eventlet.greenio.base"
_EVENTLET_TLS = "eventlet.green.ssl"
_EVENTLET_DNS = "eventlet.support.greendns"


def _lookups(module: str) -> tuple[Hook, ...]:
    return (
        Hook(module, "getaddrinfo", dns.begin_forward("getaddrinfo", threads=True), dns.end),
        Hook(module, "gethostbyname", dns.begin_forward("gethostbyname", threads=True), dns.end),
        Hook(
            module, "gethostbyname_ex", dns.begin_forward("gethostbyname_ex", threads=True), dns.end
        ),
        Hook(module, "gethostbyaddr", dns.begin_reverse("gethostbyaddr", threads=True), dns.end),
        Hook(module, "getnameinfo", dns.begin_reverse("getnameinfo", threads=True), dns.end),
    )


HOOKS = (
    *_lookups(_GEVENT),
    Hook(_GEVENT, "SocketMixin.connect", tcp.begin, tcp.end),
    Hook(_GEVENT, "SocketMixin.connect_ex", tcp.begin, tcp.end),
    Hook("gevent.ssl", "SSLSocket.do_handshake", tls.begin_handshake, tls.end_handshake),
    *_lookups(_EVENTLET_DNS),
    Hook(_EVENTLET, "GreenSocket.connect", tcp.begin, tcp.end),
    Hook(_EVENTLET, "GreenSocket.connect_ex", tcp.begin, tcp.end),
    Hook(
        "eventlet.green.ssl", "GreenSSLSocket.do_handshake", tls.begin_handshake, tls.end_handshake
    ),
)
