"""TLS: the client's handshakes, and the parsing of CA bundles that nobody else shows."""

from __future__ import annotations

import sys
import time
from typing import Any

from conntrace.traced import context, notes, recording
from conntrace.traced.error_types import error_type
from conntrace.traced.hooks.base import Arguments, Hook, Keywords
from conntrace.traced.originals import monotonic_ns, thread_time_ns

_WANTS_MORE = ("SSLWantReadError", "SSLWantWriteError")


class Handshake:
    """A handshake that is going on."""

    __slots__ = ("cpu_ns", "identity", "subject")

    def __init__(self, identity: int, subject: Any) -> None:
        self.identity = identity
        self.subject = subject
        self.cpu_ns = thread_time_ns() if thread_time_ns is not None else -1


def begin_handshake(instance: Any, args: Arguments, kwargs: Keywords) -> object:
    """Note a handshake; servers in the same process do them too, and are not our business."""
    if recording.active is None or getattr(instance, "server_side", False):
        return None
    handshake = Handshake(context.ids.next(), instance)
    name = getattr(instance, "server_hostname", None) or ""
    recording.send(notes.tls_start(handshake.identity, str(name), context.place()))
    return handshake


def begin_tls_in_tls(instance: Any, args: Arguments, kwargs: Keywords) -> object:
    """urllib3 speaks TLS inside a proxy's TLS through this class, whose start is the handshake."""
    if recording.active is None:
        return None
    handshake = Handshake(context.ids.next(), instance)
    name = args[2] if len(args) > 2 else kwargs.get("server_hostname")
    recording.send(notes.tls_start(handshake.identity, str(name or ""), context.place()))
    return handshake


def end_handshake(token: object, result: object, error: BaseException | None) -> None:
    """Note what was agreed, or why not."""
    assert isinstance(token, Handshake)
    if error is not None:
        in_progress = type(error).__name__ in _WANTS_MORE
        word = "" if in_progress else error_type(error)
        recording.note(notes.tls_end(token.identity, word, in_progress))
        return
    subject, token.subject = token.subject, None
    cpu_ns = thread_time_ns() - token.cpu_ns if thread_time_ns is not None else -1
    cipher = subject.cipher()
    recording.note(
        notes.tls_end(
            token.identity,
            "",
            False,
            subject.version() or "",
            cipher[0] if cipher else "",
            bool(getattr(subject, "session_reused", False)),
            subject.selected_alpn_protocol() or "",
            _not_after(subject),
            cpu_ns,
        )
    )


def _not_after(subject: Any) -> str:
    """End of the verified certificate's validity in ISO 8601; empty when it was not verified."""
    certificate = subject.getpeercert() or {}
    not_after = certificate.get("notAfter", "")
    ssl = sys.modules.get("ssl")
    if not not_after or ssl is None:
        return ""
    seconds = ssl.cert_time_to_seconds(not_after)
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(seconds))


class CaLoading:
    """A bundle that is being parsed."""

    __slots__ = ("source", "started_ns")

    def __init__(self, source: str) -> None:
        self.source = source
        self.started_ns = monotonic_ns()


def begin_ca_load(instance: object, args: Arguments, kwargs: Keywords) -> object:
    """Remember the start."""
    if recording.active is None:
        return None
    names = ("file", "path", "data")
    for index, name in enumerate(names):
        if (args[index] if len(args) > index else kwargs.get(f"ca{name}")) is not None:
            return CaLoading(name)
    return CaLoading("")


def end_ca_load(token: object, result: object, error: BaseException | None) -> None:
    """Note how long the parsing took."""
    assert isinstance(token, CaLoading)
    duration_ns = monotonic_ns() - token.started_ns
    recording.note(
        notes.ca_load(
            context.ids.next(), duration_ns, token.source, error_type(error), context.place()
        )
    )


HOOKS = (
    Hook("ssl", "SSLSocket.do_handshake", begin_handshake, end_handshake),
    Hook("urllib3.util.ssltransport", "SSLTransport.__init__", begin_tls_in_tls, end_handshake),
    Hook("ssl", "SSLContext.load_verify_locations", begin_ca_load, end_ca_load),
)
