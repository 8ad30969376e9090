"""Lines about one connection: handed out, set up, resolved, connected, secured, put back, closed.

As in `conntrace.traced.notes`. The lines of a new connection are formatted in one go, 0.4 us each,
where the general `event_lines.line` takes 1.5 to 2.
"""

from __future__ import annotations

from collections.abc import Sequence

from conntrace.event_lines import bounded, known, line, text, texts
from conntrace.traced.call_sites import NOWHERE, CallSite
from conntrace.traced.context import Place
from conntrace.traced.kernel import NOTHING, KeepaliveFacts, TcpFacts
from conntrace.traced.originals import get_ident, monotonic_ns
from conntrace.traced.own_name import is_own_name
from conntrace.traced.redirects import NO_REDIRECT, Redirect

_NO_SITE = b"\t\t"
_NO_TCP = b"\t\t\t\t"


def _site(site: CallSite) -> bytes:
    """The three fields of a call site."""
    if site is NOWHERE:
        return _NO_SITE
    return b"%b\t%d\t%b" % (known(site.file), site.line, known(site.function))


def _around(place: Place) -> bytes:
    """The four fields of what is around an event."""
    return b"%d\t%d\t%b\t%b" % (
        place.request, place.call, place.trace_id.encode(), place.span_id.encode(),
    )  # fmt: skip


def _tcp(tcp: TcpFacts, *, pending: bool = False) -> bytes:
    """The five fields of a socket's state, with the bytes waiting six."""
    if tcp is NOTHING:
        return _NO_TCP + b"\t" if pending else _NO_TCP
    facts = b"%d\t%d\t%d\t%d\t%d" % tcp[:5]
    return facts + b"\t%d" % tcp.pending_bytes if pending else facts


def checkout_reused(
    request: int,
    pool: int,
    connection: int,
    their_span: tuple[str, str] | None,
    wait_ns: int,
    idle_ns: int,
    in_use: int,
    queue_size: int,
    maxsize: int,
) -> bytes:
    """The pool handed out a live connection."""
    theirs = b"\t\t" if their_span is None else b"1\t" + "\t".join(their_span).encode()
    return b"checkout\t%d\t%d\t%d\t%d\treused\t%d\t%b\t%d\t%d\t%d\t\t%d\t%d" % (
        monotonic_ns(), get_ident(), request, pool, connection,
        theirs, wait_ns, idle_ns, in_use, queue_size, maxsize,
    )  # fmt: skip


def checkout(
    request: int,
    pool: int,
    outcome: str,
    connection: int,
    their_span: tuple[str, str] | None,
    wait_ns: int,
    idle_ns: int,
    in_use: int,
    idle_others: int,
    queue_size: int,
    maxsize: int,
    tls: bool,
    tcp: TcpFacts,
) -> bytes:
    """The pool handed out something that needs a set-up, or nothing."""
    flag, trace_id, span_id = (b"1", *their_span) if their_span else (b"", "", "")
    return b"checkout\t%d\t%d\t%d\t%d\t%b\t%d\t%b\t%b\t%b\t%d\t%d\t%d\t%d\t%d\t%d\t%b\t%b\t%d" % (
        monotonic_ns(), get_ident(), request, pool, outcome.encode(), connection,
        flag, trace_id.encode(), span_id.encode(), wait_ns, idle_ns, in_use, idle_others,
        queue_size, maxsize, _tcp(tcp, pending=True), b"1" if tls else b"", tcp.tls_record,
    )  # fmt: skip


def setup_start(
    setup: int,
    request: int,
    pool: int,
    previous: int,
    client: str,
    one_shot: str,
    origin: tuple[str, str, int],
    proxy: str,
    call: int,
    span: tuple[str, str],
    site: CallSite,
    redirect: Redirect = NO_REDIRECT,
) -> bytes:
    """A connection is about to be made."""
    scheme, host, port = origin
    return bounded(
        b"setup_start\t%d\t%d\t%d\t%d\t%d\t%d\t%b\t%b\t%b\t%b\t%d\t%b\t%d\t%b\t%b\t%b%b" % (
        monotonic_ns(), get_ident(), setup, request, pool, previous,
        client.encode(), one_shot.encode(), text(scheme), known(host), port, known(proxy), call,
        span[0].encode(), span[1].encode(), _site(site),
        b"\t%b\t%d" % (known(redirect.origin), redirect.status) if redirect.origin else b"",
    ))  # fmt: skip


def setup_end(setup: int, error: str, keepalive: KeepaliveFacts) -> bytes:
    """The connection stands or failed."""
    return b"setup_end\t%d\t%d\t%d\t%b\t%b\t%d\t%d\t%d" % (
        monotonic_ns(), get_ident(), setup, known(error),
        b"1" if keepalive.enabled else b"",
        keepalive.idle_s, keepalive.interval_s, keepalive.probes,
    )  # fmt: skip


def lookup_start(
    operation: int,
    function: str,
    host: str,
    port: int,
    reverse: bool,
    literal: bool,
    audit: bool,
    place: Place,
    site: CallSite,
) -> bytes:
    """A lookup begins, or was seen by an audit event only."""
    return bounded(b"lookup_start\t%d\t%d\t%d\t%d\t%b\t%b\t%d\t%b\t%b\t%b\t%b\t%b\t%b" % (
        monotonic_ns(), get_ident(), operation, place.setup, function.encode(), known(host), port,
        b"1" if reverse else b"", b"1" if literal else b"", b"1" if audit else b"",
        _around(place), _site(site), b"1" if is_own_name(host) else b"",
    ))  # fmt: skip


def lookup_end(operation: int, answers: Sequence[str], error: str) -> bytes:
    """A lookup answered or failed."""
    return b"lookup_end\t%d\t%d\t%d\t%b\t%b" % (
        monotonic_ns(), get_ident(), operation, texts(answers), known(error),
    )  # fmt: skip


def connect_start(
    operation: int,
    address: str,
    port: int,
    datagram: bool,
    audit: bool,
    place: Place,
    site: CallSite,
) -> bytes:
    """`connect` is called, or was seen by an audit event only."""
    return bounded(b"connect_start\t%d\t%d\t%d\t%d\t%b\t%d\t%b\t%b\t%b\t%b" % (
        monotonic_ns(), get_ident(), operation, place.setup, known(address), port,
        b"1" if datagram else b"", b"1" if audit else b"", _around(place), _site(site),
    ))  # fmt: skip


def connect_end(operation: int, error: str, in_progress: bool, address: str = "") -> bytes:
    """`connect` returned."""
    return b"connect_end\t%d\t%d\t%d\t%b\t%b%b" % (
        monotonic_ns(), get_ident(), operation, known(error), b"1" if in_progress else b"",
        b"\t" + known(address) if address else b"",
    )  # fmt: skip


def tunnel_start(operation: int, setup: int, host: str, port: int) -> bytes:
    """A proxy is asked to CONNECT."""
    return line(b"tunnel_start", monotonic_ns(), get_ident(), operation, setup, host, port)


def tunnel_end(operation: int, error: str) -> bytes:
    """The proxy answered."""
    return line(b"tunnel_end", monotonic_ns(), get_ident(), operation, error)


def tls_start(operation: int, host: str, place: Place, site: CallSite = NOWHERE) -> bytes:
    """A client handshake begins."""
    return bounded(b"tls_start\t%d\t%d\t%d\t%d\t%b\t%b\t%b" % (
        monotonic_ns(), get_ident(), operation, place.setup, known(host), _around(place),
        _site(site),
    ))  # fmt: skip


def tls_end(
    operation: int,
    error: str,
    in_progress: bool = False,
    protocol: str = "",
    cipher: str = "",
    resumed: bool = False,
    next_protocol: str = "",
    not_after: str = "",
    cpu_ns: int = -1,
    delay_ns: int = -1,
) -> bytes:
    """A handshake is done or failed."""
    return bounded(b"tls_end\t%d\t%d\t%d\t%b\t%b\t%b\t%b\t%b\t%b\t%b\t%d\t%d" % (
        monotonic_ns(), get_ident(), operation, known(error), b"1" if in_progress else b"",
        known(protocol), known(cipher), b"1" if resumed else b"", known(next_protocol),
        known(not_after), cpu_ns, delay_ns,
    ))  # fmt: skip


def ca_load(
    operation: int,
    duration_ns: int,
    source: str,
    error: str,
    place: Place,
    site: CallSite = NOWHERE,
) -> bytes:
    """CA certificates were parsed, just now."""
    return line(
        b"ca_load", monotonic_ns(), get_ident(),
        operation, place.setup, duration_ns, source, error,
        place.request, place.call, place.trace_id, place.span_id, *site,
    )  # fmt: skip


def close(
    connection: int,
    by: str,
    error: str,
    request: int,
    response: tuple[int, bool, bool, bool],
    request_close: bool,
    tcp: TcpFacts,
    site: CallSite,
    place: Place,
    response_begun: bool = False,
    rest_bytes: int = -1,
) -> bytes:
    """A socket is closed; `response`: version, says close, says keep-alive, has a length."""
    version, says_close, says_keepalive, has_length = response
    return bounded(
        b"close\t%d\t%d\t%d\t%b\t%b\t%d\t%d\t%b\t%b\t%b\t%b\t%b\t%b\t%d\t%b\t%b\t%b\t%d" % (
        monotonic_ns(), get_ident(), connection, by.encode(), known(error), request, version,
        b"1" if says_close else b"", b"1" if says_keepalive else b"", b"1" if has_length else b"",
        b"1" if request_close else b"", _tcp(tcp), _site(site), place.call,
        place.trace_id.encode(), place.span_id.encode(), b"1" if response_begun else b"",
        rest_bytes,
    ))  # fmt: skip


def lease_end(
    connection: int, pool: int, request: int, how: str, unread: bool, missing_bytes: int = 0
) -> bytes:
    """A connection came back, or was lost."""
    left = b"1" if unread else b""
    return b"lease_end\t%d\t%d\t%d\t%d\t%d\t%b\t%b\t%d" % (
        monotonic_ns(), get_ident(), connection, pool, request, how.encode(), left, missing_bytes,
    )  # fmt: skip
