"""TLS: the client's handshakes, and the parsing of CA bundles that nobody else shows.

On a socket that does not wait, and on an `SSLObject`, which has none (asyncio, anyio, trio, urllib3
inside a proxy's TLS), a handshake takes several calls: it is one, from the first to the last.
"""

from __future__ import annotations

import sys
import time
from contextvars import ContextVar
from typing import Any

from conntrace.traced import call_sites, context, notes_connections, recording
from conntrace.traced.error_types import error_type
from conntrace.traced.hooks.base import Arguments, Hook, Keywords
from conntrace.traced.kernel import run_delay_ns
from conntrace.traced.originals import monotonic_ns, thread_time_ns
from conntrace.traced.registry import Registry, identity_of

_WANTS_MORE = ("SSLWantReadError", "SSLWantWriteError")

WORTH_ASKING_NS = 5_000_000
"""The scheduler is asked again only when the thread was off the processor for so long."""


# What a wrapper of ours is around: eventlet's handshake calls Python's several times.
_inside: ContextVar[int] = ContextVar("conntrace_inside_handshake", default=0)


class Handshake:
    """A handshake that is going on; CPU time and waiting add up over its calls."""

    __slots__ = ("alone", "cpu_ns", "delay_ns", "identity", "started", "subject", "token")

    def __init__(self, identity: int, alone: bool) -> None:
        self.identity = identity
        self.alone = alone
        self.cpu_ns = 0 if thread_time_ns is not None else -1
        self.delay_ns = -1
        self.subject: Any = None
        self.started = (0, 0, 0)
        self.token: Any = None

    def enter(self, subject: Any) -> None:
        """A call begins."""
        self.subject = subject
        delay_ns = run_delay_ns()
        cpu_ns = thread_time_ns() if thread_time_ns is not None else -1
        self.started = (monotonic_ns(), cpu_ns, delay_ns)
        # Last of all: a failure of ours before it must not leave the context inside.
        self.token = _inside.set(identity_of(subject))

    def leave(self) -> Any:
        """The call is over: what it was about, kept no longer."""
        _inside.reset(self.token)
        started_ns, cpu_ns, delay_ns = self.started
        spent_ns = thread_time_ns() - cpu_ns if thread_time_ns is not None else 0
        if thread_time_ns is not None:
            self.cpu_ns += spent_ns
        if delay_ns >= 0 and monotonic_ns() - started_ns - spent_ns >= WORTH_ASKING_NS:
            now_ns = run_delay_ns()
            if now_ns >= 0:
                self.delay_ns = max(self.delay_ns, 0) + now_ns - delay_ns
        subject, self.subject, self.token = self.subject, None, None
        return subject


def _given_up(handshake: Handshake) -> None:
    recording.note(
        notes_connections.tls_end(
            handshake.identity, "", True, cpu_ns=handshake.cpu_ns, delay_ns=handshake.delay_ns
        )
    )


# Handshakes that want more: the program calls again when there is something to read.
_unfinished: Registry[Handshake] = Registry(_given_up)


def begin_handshake(instance: Any, args: Arguments, kwargs: Keywords) -> object:
    """Note a handshake; servers in the same process do them too, and are not our business."""
    if recording.active is None or getattr(instance, "server_side", False):
        return None
    if _inside.get() == identity_of(instance):
        return None
    handshake = _unfinished.get(instance)
    if handshake is None:
        if instance.version() is not None:
            # It is done, and to ask once more does nothing.
            return None
        where = context.place()
        handshake = Handshake(context.ids.next(), not where.setup)
        name = str(getattr(instance, "server_hostname", None) or "")
        site = call_sites.NOWHERE if where.setup else call_sites.call_site()
        recording.send(notes_connections.tls_start(handshake.identity, name, where, site))
    # From here on: what the sending took is not the handshake's.
    handshake.enter(instance)
    return handshake


def end_handshake(token: object, result: object, error: BaseException | None) -> None:
    """Note what was agreed, or why not."""
    assert isinstance(token, Handshake)
    subject = token.leave()
    if type(error).__name__ in _WANTS_MORE:
        _unfinished.add(subject, token)
        return
    _unfinished.forget(subject)
    if error is not None:
        written = notes_connections.tls_end(
            token.identity, error_type(error), cpu_ns=token.cpu_ns, delay_ns=token.delay_ns
        )
    else:
        written = _agreed(token, subject)
    recording.finish(written, alone=token.alone)


def _agreed(handshake: Handshake, subject: Any) -> bytes:
    cipher = subject.cipher()
    return notes_connections.tls_end(
        handshake.identity,
        "",
        False,
        subject.version() or "",
        cipher[0] if cipher else "",
        bool(getattr(subject, "session_reused", False)),
        subject.selected_alpn_protocol() or "",
        _not_after(subject),
        handshake.cpu_ns,
        handshake.delay_ns,
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
    where = context.place()
    site = call_sites.NOWHERE if where.setup else call_sites.call_site()
    written = notes_connections.ca_load(
        context.ids.next(), duration_ns, token.source, error_type(error), where, site
    )
    recording.finish(written, alone=not where.setup)


HOOKS = (
    Hook("ssl", "SSLSocket.do_handshake", begin_handshake, end_handshake),
    Hook("ssl", "SSLObject.do_handshake", begin_handshake, end_handshake),
    Hook("ssl", "SSLContext.load_verify_locations", begin_ca_load, end_ca_load),
)
