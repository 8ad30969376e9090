"""Imported by the traced programs: `*.test` names lead to the loopback, the machine is left alone.

`socket.getaddrinfo` is a Python function that calls the C function `_socket.getaddrinfo` by its
module's attribute on every call. The C function is replaced here, so a hook on `socket.getaddrinfo`
stays the outermost wrapper, put there before or after this import, and DNS spans appear as for any
other name. No root rights, no name space, no file of the machine is needed.
"""

from __future__ import annotations

import _socket

ADDRESSES = {
    "two-addresses.test": ("127.0.0.2", "127.0.0.1"),
    "nobody.test": (),
}
_original = _socket.getaddrinfo


def _lookup(host, port, *arguments, **named):  # type: ignore[no-untyped-def]
    text = host.decode("ascii") if isinstance(host, bytes) else host
    if not isinstance(text, str) or not text.endswith(".test"):
        return _original(host, port, *arguments, **named)
    addresses = ADDRESSES.get(text, ("127.0.0.1",))
    if not addresses:
        raise _socket.gaierror(_socket.EAI_NONAME, "Name or service not known")
    return [found for ip in addresses for found in _original(ip, port, *arguments, **named)]


_socket.getaddrinfo = _lookup
