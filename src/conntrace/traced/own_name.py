"""Whether a lookup asks for the machine itself."""

from __future__ import annotations

import _socket

_LOOPBACK = ("127.0.0.1", "::1")


def is_own_name(host: str) -> bool:
    """True for the machine's host name, exactly as it has it, and for its loopback addresses."""
    if not host:
        return False
    try:
        return host in _LOOPBACK or host.lower() == _socket.gethostname().lower()
    except (OSError, UnicodeError):
        return False
