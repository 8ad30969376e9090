"""One function for each kind of event: facts in, finished line out.

Here: managers, pools, SDK calls, requests, and the process itself; `notes_connections` has the
rest. A test reads every line back with `conntrace.events.decode` and holds the fields against its
table. The lines of requests are formatted in one go; the rare ones go through `event_lines.line`.
"""

from __future__ import annotations

from collections.abc import Sequence

from conntrace.event_lines import MAX_LINE, bounded, known, line, text
from conntrace.traced.call_sites import CallSite, Owner
from conntrace.traced.context import NO_SPAN, Place
from conntrace.traced.originals import get_ident, monotonic_ns


def manager_new(manager: int, owner: Owner, num_pools: int) -> bytes:
    """A pool manager was made."""
    return line(
        b"manager_new", monotonic_ns(), get_ident(),
        manager, owner.name, owner.purpose, owner.one_shot, num_pools, *owner.site,
    )  # fmt: skip


def manager_closed(manager: int, site: CallSite) -> bytes:
    """A pool manager was closed or cleared by the program."""
    return line(b"manager_closed", monotonic_ns(), get_ident(), manager, *site)


def manager_gone(manager: int) -> bytes:
    """A pool manager was collected."""
    return b"manager_gone\t%d\t%d\t%d" % (monotonic_ns(), get_ident(), manager)


def pool_new(
    pool: int,
    manager: int,
    origin: tuple[str, str, int],
    proxy: str,
    maxsize: int,
    block: bool,
    pools: int,
    num_pools: int,
    key: str,
    key_difference: Sequence[str],
    owner: Owner | None,
    late: bool,
) -> bytes:
    """A pool was made or first seen; `origin` is scheme, host and port."""
    name, one_shot = (owner.name, owner.one_shot) if owner else ("", "")
    site = owner.site if owner else CallSite()
    return line(
        b"pool_new", monotonic_ns(), get_ident(),
        pool, manager, *origin, proxy, maxsize, block, pools, num_pools, key, tuple(key_difference),
        name, one_shot, late, *site,
    )  # fmt: skip


def pool_evicted(
    pool: int,
    manager: int,
    evictor: int,
    evictor_address: tuple[str, int],
    num_pools: int,
    connections_lost: int,
    place: Place,
) -> bytes:
    """A manager dropped its least recently used pool."""
    return line(
        b"pool_evicted", monotonic_ns(), get_ident(),
        pool, manager, evictor, *evictor_address, num_pools, connections_lost,
        place.call, place.trace_id, place.span_id,
    )  # fmt: skip


def pool_closed(pool: int, site: CallSite) -> bytes:
    """A pool was closed by the program."""
    return line(b"pool_closed", monotonic_ns(), get_ident(), pool, *site)


def pool_gone(pool: int) -> bytes:
    """A pool was collected."""
    return b"pool_gone\t%d\t%d\t%d" % (monotonic_ns(), get_ident(), pool)


def call_start(
    call: int, service: str, operation: str, region: str, span: tuple[str, str]
) -> bytes:
    """An SDK call begins."""
    return line(b"call_start", monotonic_ns(), get_ident(), call, service, operation, region, *span)


def call_end(call: int, error: str) -> bytes:
    """An SDK call is over."""
    return line(b"call_end", monotonic_ns(), get_ident(), call, error)


def request_start(
    started_ns: int,
    request: int,
    pool: int,
    method: str,
    path: str,
    sends_close: bool,
    previous: int,
    call: int,
    span: tuple[str, str],
    large_body: bool,
) -> bytes:
    """An attempt began at `started_ns`."""
    written = b"request_start\t%d\t%d\t%d\t%d\t%b\t%b\t%b\t%d\t%d\t%b\t%b" % (
        started_ns, get_ident(), request, pool, known(method), text(path),
        b"1" if sends_close else b"", previous, call,
        b"\t" if span is NO_SPAN else "\t".join(span).encode(), b"1" if large_body else b"",
    )  # fmt: skip
    return written if len(written) <= MAX_LINE else bounded(written)


def request_sent(request: int) -> bytes:
    """A large body has been handed to the system."""
    return b"request_sent\t%d\t%d\t%d" % (monotonic_ns(), get_ident(), request)


def request_end(request: int, status: int, error: str, connection: int) -> bytes:
    """An attempt is over."""
    return b"request_end\t%d\t%d\t%d\t%d\t%b\t%d" % (
        monotonic_ns(), get_ident(), request, status, error.encode(), connection,
    )  # fmt: skip


def drops(requests: int, events: int, failures: int, switched_off: Sequence[str]) -> bytes:
    """Totals of what was left out."""
    return line(
        b"drops", monotonic_ns(), get_ident(), requests, events, failures, tuple(switched_off)
    )


def goodbye(agent_ns: int) -> bytes:
    """The interpreter ends in order."""
    return line(b"goodbye", monotonic_ns(), get_ident(), agent_ns)
