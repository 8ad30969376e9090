"""Whether a lookup asks for the machine itself."""

from __future__ import annotations

import _socket

_LOOPBACK = ("127.0.0.1", "::1")


_own_name = ""


def learn() -> None:
    """Ask for the name once a process: asking raises an audit event that the program may hear."""
    global _own_name
    try:
        _own_name = _socket.gethostname().lower()
    except (OSError, UnicodeError):
        _own_name = ""


def is_own_name(host: str) -> bool:
    """True for the machine's host name, exactly as it has it, and for its loopback addresses."""
    return host in _LOOPBACK or (host != "" and host.lower() == _own_name)
