"""Family G: lookups and connects that no HTTP client known to us asked for."""

from __future__ import annotations

from conntrace.analyzer.causes.cause import INFERRED, PROVED, Cause
from conntrace.events import ConnectStart, LookupStart

_UNSEEN = "connect() did not wait, and the program did not ask how and when it ended"


def by_audit_function(start: LookupStart) -> Cause | None:
    """Lookups in C that only an audit event shows are told by the event's name."""
    if not start.audit:
        return None
    if "sendto" in start.function or "sendmsg" in start.function:
        return Cause(
            "datagram_hostname",
            PROVED,
            f"a datagram was sent to the name {start.host}, which is looked up each time",
            (f"audit event {start.function}",),
        )
    if "connect" in start.function:
        return Cause(
            "implicit_connect_resolution",
            PROVED,
            f"connect() was given the name {start.host} and looked it up itself",
            (f"audit event {start.function}",),
        )
    return None


def followed_by_connect(start: LookupStart, sure: bool) -> Cause:
    """A raw socket looked the name up and connected to one of its addresses. `sure`: the same
    thread did, next."""
    return Cause(
        "unpooled_socket",
        PROVED if sure else INFERRED,
        f"a plain socket looked {start.host} up to connect; no HTTP client known to conntrace",
        ("a connect to one of the answers followed", *_site(start)),
    )


def raw_connect(start: ConnectStart, unseen: bool = False) -> Cause:
    """A connect outside any set-up. `unseen`: it did not wait, and nobody asked how it ended."""
    return Cause(
        "unpooled_socket",
        PROVED,
        f"a plain socket connects to {start.address} port {start.port}; no HTTP client known to"
        " conntrace",
        (*_site(start), *([_UNSEEN] if unseen else [])),
    )


def without_connect(start: LookupStart, sure: bool, error: str) -> Cause:
    """No connect followed. `sure`: the thread went on, or a second passed."""
    if start.own_name:
        return Cause(
            "self_hostname_lookup",
            PROVED,
            f"{start.function or 'a lookup'} asked for {start.host}, which is this machine itself",
            ("the machine's own name or loopback address", *_site(start)),
        )
    if error and not start.reverse:
        # Whoever would have connected could not: nothing tells the two apart.
        return Cause(
            "unexplained",
            INFERRED,
            f"the lookup of {start.host} failed ({error}), so no connect could follow",
            _site(start),
        )
    return Cause(
        "explicit_lookup",
        PROVED if sure else INFERRED,
        f"{start.function or 'a lookup'} was called for {start.host}, not for a connect of its own",
        _site(start),
    )


def _site(start: LookupStart | ConnectStart) -> tuple[str, ...]:
    return (f"called at {start.site_file}:{start.site_line}",) if start.site_file else ()
