"""TLS: the client's handshakes, and the parsing of CA bundles that nobody else shows."""

from __future__ import annotations

import sys
import time
from typing import Any

from conntrace.traced import context, notes_connections, recording
from conntrace.traced.error_types import error_type
from conntrace.traced.hooks.base import Arguments, Hook, Keywords
from conntrace.traced.kernel import run_delay_ns
from conntrace.traced.originals import monotonic_ns, thread_time_ns

_WANTS_MORE = ("SSLWantReadError", "SSLWantWriteError")

WORTH_ASKING_NS = 5_000_000
"""The scheduler is asked again only when the thread was off the processor for so long."""


class Handshake:
    """A handshake that is going on."""

    __slots__ = ("cpu_ns", "delay_ns", "identity", "started_ns", "subject")

    def __init__(self, identity: int, subject: Any) -> None:
        self.identity = identity
        self.subject = subject
        self.delay_ns = run_delay_ns()
        self.cpu_ns = thread_time_ns() if thread_time_ns is not None else -1
        self.started_ns = monotonic_ns()

    def spent_ns(self) -> tuple[int, int]:
        """CPU time of the thread since the start, and how long it waited for a processor."""
        cpu_ns = thread_time_ns() - self.cpu_ns if thread_time_ns is not None else -1
        away_ns = monotonic_ns() - self.started_ns - max(cpu_ns, 0)
        if self.delay_ns < 0 or away_ns < WORTH_ASKING_NS:
            return cpu_ns, -1
        now_ns = run_delay_ns()
        return cpu_ns, now_ns - self.delay_ns if now_ns >= 0 else -1


def begin_handshake(instance: Any, args: Arguments, kwargs: Keywords) -> object:
    """Note a handshake; servers in the same process do them too, and are not our business."""
    if recording.active is None or getattr(instance, "server_side", False):
        return None
    name = getattr(instance, "server_hostname", None)
    return _begin(instance, name)


def begin_tls_in_tls(instance: Any, args: Arguments, kwargs: Keywords) -> object:
    """urllib3 speaks TLS inside a proxy's TLS through this class, whose start is the handshake."""
    if recording.active is None:
        return None
    name = args[2] if len(args) > 2 else kwargs.get("server_hostname")
    return _begin(instance, name)


def _begin(instance: Any, name: object) -> Handshake:
    identity = context.ids.next()
    recording.send(notes_connections.tls_start(identity, str(name or ""), context.place()))
    # From here on: what the sending took is not the handshake's.
    return Handshake(identity, instance)


def end_handshake(token: object, result: object, error: BaseException | None) -> None:
    """Note what was agreed, or why not."""
    assert isinstance(token, Handshake)
    cpu_ns, delay_ns = token.spent_ns()
    if error is not None:
        in_progress = type(error).__name__ in _WANTS_MORE
        word = "" if in_progress else error_type(error)
        recording.note(
            notes_connections.tls_end(
                token.identity, word, in_progress, cpu_ns=cpu_ns, delay_ns=delay_ns
            )
        )
        return
    subject, token.subject = token.subject, None
    cipher = subject.cipher()
    recording.note(
        notes_connections.tls_end(
            token.identity,
            "",
            False,
            subject.version() or "",
            cipher[0] if cipher else "",
            bool(getattr(subject, "session_reused", False)),
            subject.selected_alpn_protocol() or "",
            _not_after(subject),
            cpu_ns,
            delay_ns,
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
        notes_connections.ca_load(
            context.ids.next(), duration_ns, token.source, error_type(error), context.place()
        )
    )


HOOKS = (
    Hook("ssl", "SSLSocket.do_handshake", begin_handshake, end_handshake),
    Hook("urllib3.util.ssltransport", "SSLTransport.__init__", begin_tls_in_tls, end_handshake),
    Hook("ssl", "SSLContext.load_verify_locations", begin_ca_load, end_ca_load),
)
