"""Exceptions to `error.type`: short, low in number, free of anything private.

Words follow OpenTelemetry's conventions and .NET's connection spans where those have one.
"""

from __future__ import annotations

import _socket
import errno
import sys

_LOOKUP_ERRORS = {
    getattr(_socket, name): word
    for name, word in (
        ("EAI_NONAME", "host_not_found"),
        ("EAI_NODATA", "no_address"),
        ("EAI_ADDRFAMILY", "address_family_not_supported"),
        ("EAI_AGAIN", "try_again"),
        ("EAI_FAIL", "no_recovery"),
        ("EAI_MEMORY", "out_of_memory"),
        ("EAI_SERVICE", "service_not_found"),
    )
    if hasattr(_socket, name)
}
SYSTEM_ERRORS = {
    errno.ECONNREFUSED: "connection_refused",
    errno.ECONNRESET: "connection_reset",
    errno.ECONNABORTED: "connection_aborted",
    errno.EPIPE: "broken_pipe",
    errno.ETIMEDOUT: "timed_out",
    errno.ENETUNREACH: "network_unreachable",
    errno.EHOSTUNREACH: "host_unreachable",
    errno.EADDRNOTAVAIL: "address_not_available",
    errno.EADDRINUSE: "address_in_use",
    errno.EACCES: "permission_denied",
    errno.EPERM: "permission_denied",
    errno.EMFILE: "too_many_open_files",
    errno.ENFILE: "too_many_open_files",
    errno.ENOBUFS: "no_buffer_space",
    errno.EBADF: "bad_descriptor",
}
_CLASSES = {
    "RemoteDisconnected": "remote_disconnected",
    "IncompleteRead": "incomplete_read",
    "EmptyPoolError": "pool_timeout",
    "ClosedPoolError": "pool_closed",
    "ReadTimeoutError": "timed_out",
    "ConnectTimeoutError": "timed_out",
    "SSLEOFError": "tls_eof",
    "SSLZeroReturnError": "tls_closed",
    "CertificateError": "tls_certificate_invalid",
}
# http.client says in words alone what a proxy answered to CONNECT.
_REFUSED_TUNNEL = "Tunnel connection failed: "
MAX_DEPTH = 6


def error_type(error: BaseException | None) -> str:
    """The `error.type` of an exception; wrappers of urllib3 are looked through to the cause."""
    for _ in range(MAX_DEPTH):
        if error is None:
            return ""
        word = _own_word(error)
        if word:
            return word
        inner = _inner(error)
        if inner is None:
            break
        error = inner
    return type(error).__qualname__ if error is not None else ""


def _own_word(error: BaseException) -> str:
    if isinstance(error, _socket.gaierror):
        return _LOOKUP_ERRORS.get(error.errno or 0, "lookup_failed")
    if isinstance(error, TimeoutError):
        return "timed_out"
    name = type(error).__name__
    if name == "SSLCertVerificationError":
        return "tls_certificate_invalid"
    if name in _CLASSES:
        return _CLASSES[name]
    if name == "SSLError" and getattr(error, "reason", None) and isinstance(error, OSError):
        return "tls_" + str(error.reason).lower()[:60]  # type: ignore[attr-defined]
    if isinstance(error, OSError) and error.errno in SYSTEM_ERRORS:
        return SYSTEM_ERRORS[error.errno]
    return _status_of_proxy(error) if type(error) is OSError else ""


def _status_of_proxy(error: OSError) -> str:
    words = str(error)
    status = words.removeprefix(_REFUSED_TUNNEL).partition(" ")[0]
    return status if words.startswith(_REFUSED_TUNNEL) and status.isdecimal() else ""


def _inner(error: BaseException) -> BaseException | None:
    """What a wrapping exception wraps: `reason`, an argument, or the cause it was raised from."""
    reason = getattr(error, "reason", None)
    if isinstance(reason, BaseException):
        return reason
    for argument in reversed(error.args):
        if isinstance(argument, BaseException):
            return argument
    if error.__cause__ is not None:
        return error.__cause__
    # urllib3 1.26 raises NewConnectionError inside an except block, without `from`.
    if type(error).__module__.partition(".")[0] in ("urllib3", "botocore"):
        return error.__context__
    return None


def current_error() -> BaseException | None:
    """The exception being handled right now, if any."""
    return sys.exc_info()[1]
