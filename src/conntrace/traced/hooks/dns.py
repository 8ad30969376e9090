"""Lookups: what the `socket` module offers to turn names into addresses and back."""

from __future__ import annotations

import _socket
from contextvars import ContextVar

from conntrace.traced import call_sites, context, notes_connections, recording
from conntrace.traced.error_types import error_type
from conntrace.traced.hooks.base import Arguments, Begin, Hook, Keywords

_NUMERIC_HOST = getattr(_socket, "AI_NUMERICHOST", 4)
_NAME_NUMERIC_HOST = getattr(_socket, "NI_NUMERICHOST", 1)

# The host that one of our wrappers asks for: its audit event, and the lookups that gevent's and
# eventlet's are made of, are then no news. What a signal handler or finalizer asks for is.
inside: ContextVar[str | None] = ContextVar("conntrace_inside_lookup", default=None)

# Names that are asked for in threads of gevent's and eventlet's own, where `inside` does not reach.
in_threads: list[str] = []

# Where the program asked, when a thread of an event loop asks in its place.
asked_at: ContextVar[call_sites.CallSite] = ContextVar(
    "conntrace_asked_at", default=call_sites.NOWHERE
)


def is_literal(host: object) -> bool:
    """True when no name has to be resolved: an IP literal, nothing, or the wildcard."""
    name = host.decode("ascii", "replace") if isinstance(host, (bytes, bytearray)) else host
    if not isinstance(name, str) or name in ("", "<broadcast>", "<any>"):
        return True
    if ":" in name:
        return _parses(_socket.AF_INET6, name.partition("%")[0])
    # What inet_aton takes ("127.1", "2130706433") is no name for getaddrinfo either.
    return name[-1:].isalnum() and name[:1].isdigit() and _is_number_address(name)


def _parses(family: int, name: str) -> bool:
    try:
        _socket.inet_pton(family, name)
    except (OSError, ValueError):
        return False
    return True


def _is_number_address(name: str) -> bool:
    try:
        _socket.inet_aton(name)
    except (OSError, ValueError):
        return False
    return " " not in name


def host_text(host: object) -> str:
    """A host argument as text; what is no text becomes empty."""
    if isinstance(host, str):
        return host
    if isinstance(host, (bytes, bytearray)):
        return bytes(host).decode("ascii", "backslashreplace")
    return ""


def port_number(port: object) -> int:
    """A port argument as a number; a service name becomes 0."""
    if isinstance(port, int):
        return port
    if isinstance(port, (str, bytes)) and port.isdigit():
        return int(port)
    return 0


class Lookup:
    """A lookup that is going on: its id (0: nobody is asked), and how to leave it again."""

    __slots__ = ("alone", "function", "host", "identity", "in_threads", "token")

    def __init__(
        self, identity: int, function: str, host: str, threads: bool, alone: bool = False
    ) -> None:
        self.identity = identity
        self.alone = alone
        self.function = function
        self.host = host
        self.in_threads = threads
        self.token = inside.set(host)
        if threads:
            in_threads.append(host)

    def leave(self) -> None:
        """The lookup is over."""
        inside.reset(self.token)
        if self.in_threads:
            in_threads.remove(self.host)


def begin_forward(function: str, *, threads: bool = False) -> Begin:
    """Note a name lookup by `function`, which may ask in threads of its own."""

    def begin(_: object, args: Arguments, kwargs: Keywords) -> object:
        host = args[0] if args else kwargs.get("host", kwargs.get("hostname"))
        port = args[1] if len(args) > 1 else kwargs.get("port")
        flags = args[5] if len(args) > 5 else kwargs.get("flags", 0)
        numeric = isinstance(flags, int) and bool(flags & _NUMERIC_HOST)
        literal = numeric or is_literal(host)
        port = port if function == "getaddrinfo" else None
        return _begin(function, host, port, False, literal, threads)

    return begin


def begin_reverse(function: str, *, threads: bool = False) -> Begin:
    """Note an address lookup by `function`; a name given to it is looked up first."""

    def begin(_: object, args: Arguments, kwargs: Keywords) -> object:
        if function != "getnameinfo":
            return _begin(function, args[0] if args else None, None, True, False, threads)
        address = args[0] if args else None
        flags = args[1] if len(args) > 1 else 0
        if not isinstance(address, tuple) or not address:
            return None
        if isinstance(flags, int) and flags & _NAME_NUMERIC_HOST:
            # Only written as text. Its audit event does not say so.
            return Lookup(0, function, host_text(address[0]), threads)
        port = address[1] if len(address) > 1 else 0
        return _begin(function, address[0], port, True, False, threads)

    return begin


def _begin(
    function: str, host: object, port: object, reverse: bool, literal: bool, threads: bool
) -> object:
    name, outer = host_text(host), inside.get()
    if recording.active is None or outer == name or (literal and outer is not None):
        return None
    where = context.place()
    identity = context.ids.next()
    site = call_sites.NOWHERE if where.setup else asked_at.get()
    if site is call_sites.NOWHERE and not where.setup:
        site = call_sites.call_site()
    started = notes_connections.lookup_start(
        identity, function, name, port_number(port),
        reverse, literal, False, where, site,
    )  # fmt: skip
    if literal:
        # Nothing is asked, so nothing can hang: it goes along with what follows.
        recording.note(started)
    else:
        recording.send(started)
    # Last of all: a failure of ours before it must not leave the context inside a lookup.
    return Lookup(identity, function, name, threads, not (where.setup or literal))


def end(token: object, result: object, error: BaseException | None) -> None:
    """Note the answers, or the failure."""
    lookup = token
    assert isinstance(lookup, Lookup)
    lookup.leave()
    if not lookup.identity:
        return
    answers = [] if error is not None else _answers(lookup.function, result)
    recording.finish(
        notes_connections.lookup_end(lookup.identity, answers, error_type(error)),
        alone=lookup.alone,
    )


def _answers(function: str, result: object) -> list[str]:
    if function == "getaddrinfo" and isinstance(result, list):
        return list(dict.fromkeys([str(entry[4][0]) for entry in result]))
    if function == "gethostbyname":
        return [str(result)]
    if isinstance(result, tuple) and result:
        if function == "gethostbyname_ex":
            return [str(address) for address in result[2]]
        return [str(result[0])]
    return []


HOOKS = (
    Hook("socket", "getaddrinfo", begin_forward("getaddrinfo"), end),
    Hook("socket", "gethostbyname", begin_forward("gethostbyname"), end),
    Hook("socket", "gethostbyname_ex", begin_forward("gethostbyname_ex"), end),
    Hook("socket", "gethostbyaddr", begin_reverse("gethostbyaddr"), end),
    Hook("socket", "getnameinfo", begin_reverse("getnameinfo"), end),
)
