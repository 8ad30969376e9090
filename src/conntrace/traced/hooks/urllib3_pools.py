"""urllib3's managers and pools: made, evicted, cleared, closed. All of it is rare."""

from __future__ import annotations

import sys
from types import FrameType
from typing import Any

from conntrace.traced import call_sites, context, notes, recording
from conntrace.traced.connections import (
    ManagerRecord,
    PoolRecord,
    containers,
    managers,
    pools,
)
from conntrace.traced.hooks.base import Arguments, Hook, Keywords
from conntrace.traced.hooks.http_client import begin_connect, begin_tunnel, end_connect, end_tunnel
from conntrace.traced.libraries import one_shot_in

_MAX_FRAMES = 8
_DEFAULT_PORTS = {"http": 80, "https": 443}
_PARTIES = (
    "key_source_address",
    "key_key_file",
    "key_cert_file",
    "key__socks_options",
    "key_assert_hostname",
    "key_assert_fingerprint",
    "key_server_hostname",
)
"""Fields of a pool key that say who talks to whom: where one differs, nothing can be shared."""


def begin_manager(instance: Any, args: Arguments, kwargs: Keywords) -> object:
    """Look at the manager once it is made."""
    return instance if recording.active is not None else None


def end_manager(token: Any, result: object, error: BaseException | None) -> None:
    """A manager is made: who uses it, and where."""
    if error is None:
        register_manager(token)


def register_manager(manager: Any) -> ManagerRecord:
    """Give a manager its id and say so."""
    known = managers.get(manager)
    if known is not None:
        return known
    container = manager.pools
    num_pools = int(getattr(container, "_maxsize", 0) or 0)
    record = ManagerRecord(context.ids.next(), num_pools)
    managers.add(manager, record)
    containers.add(container, record)
    owner = call_sites.owner(f"urllib3.{type(manager).__name__}")
    if owner.one_shot:
        owner = owner._replace(one_shot=one_shot_in(owner.one_shot, sys._getframe(1)))
    recording.note(notes.manager_new(record.identity, owner, num_pools))
    return record


def begin_clear(instance: Any, args: Arguments, kwargs: Keywords) -> object:
    """The program clears or closes a manager."""
    record = managers.get(instance)
    if recording.active is not None and record is not None:
        recording.note(notes.manager_closed(record.identity, call_sites.call_site()))
    return None


def begin_pool_close(instance: Any, args: Arguments, kwargs: Keywords) -> object:
    """The program closes a pool. Old urllib3 closes evicted and cleared pools this way too."""
    record = pools.get(instance)
    if recording.active is None or record is None or getattr(instance, "pool", None) is None:
        return None
    if not _is_disposal():
        recording.note(notes.pool_closed(record.identity, call_sites.call_site()))
    return None


def _is_disposal() -> bool:
    frame: FrameType | None = sys._getframe(1)
    for _ in range(_MAX_FRAMES):
        if frame is None:
            return False
        if str(frame.f_globals.get("__name__", "")).endswith("_collections"):
            return True
        frame = frame.f_back
    return False


def begin_insert(instance: Any, args: Arguments, kwargs: Keywords) -> object:
    """A manager keeps a new pool: every pool miss ends here.

    All is noted before it happens: a pool that has to make room for it may be collected inside the
    call, and its connections then are closed because of the eviction.
    """
    if recording.active is None or len(args) < 2:
        return None
    key, pool = args[0], args[1]
    if not hasattr(pool, "pool") or not hasattr(pool, "host"):
        return None
    manager = containers.get(instance) or _late_manager(instance)
    if manager is None:
        return None
    entries = instance._container
    victim = None
    if key not in entries and len(entries) >= instance._maxsize:
        victim = entries.get(next(iter(entries), None))
    kept = len(entries) + (key not in entries) - (victim is not None)
    record = _note_managed_pool(manager, key, pool, list(entries), kept)
    evicted = pools.get(victim) if victim is not None else None
    if evicted is not None:
        _note_eviction(manager, evicted, idle_connections(victim), record)
    return None


def _note_eviction(
    manager: ManagerRecord, victim: PoolRecord, victim_idle: int, evictor: PoolRecord
) -> None:
    recording.note(
        notes.pool_evicted(
            victim.identity,
            manager.identity,
            evictor.identity,
            (evictor.host, evictor.port),
            manager.num_pools,
            victim_idle,
            context.place(),
        )
    )


def _late_manager(container: Any) -> ManagerRecord | None:
    """The manager of a container that was made before the agent came: it is in the stack."""
    frame = sys._getframe(1)
    for _ in range(_MAX_FRAMES):
        if frame.f_back is None:
            return None
        frame = frame.f_back
        candidate = frame.f_locals.get("self")
        if getattr(candidate, "pools", None) is container:
            return register_manager(candidate)
    return None


def _note_managed_pool(
    manager: ManagerRecord, key: Any, pool: Any, others: list[Any], kept: int
) -> PoolRecord:
    record = PoolRecord(context.ids.next(), manager.identity, origin_of(pool))
    pools.add(pool, record)
    recording.note(
        notes.pool_new(
            record.identity,
            manager.identity,
            origin_of(pool),
            proxy_of(pool),
            _queue_size(pool),
            bool(getattr(pool, "block", False)),
            kept,
            manager.num_pools,
            fingerprint(key),
            key_difference(key, others),
            None,
            False,
        )
    )
    return record


def register_pool(pool: Any) -> PoolRecord:
    """Give a pool without a known manager its id, at its first use."""
    record = PoolRecord(context.ids.next(), 0, origin_of(pool))
    pools.add(pool, record)
    owner = call_sites.owner(f"urllib3.{type(pool).__name__}")
    late = recording.active is not None and recording.active.late
    recording.note(
        notes.pool_new(
            record.identity, 0, origin_of(pool), proxy_of(pool), _queue_size(pool),
            bool(getattr(pool, "block", False)), 0, 0, "", (), owner, late,
        )
    )  # fmt: skip
    return record


def origin_of(pool: Any) -> tuple[str, str, int]:
    """Scheme, host and port of a pool."""
    scheme = str(getattr(pool, "scheme", "http"))
    port = pool.port or _DEFAULT_PORTS.get(scheme, 0)
    return scheme, str(pool.host), int(port)


def proxy_of(pool: Any) -> str:
    """The proxy of a pool as `host:port`; its userinfo is left out."""
    proxy = getattr(pool, "proxy", None)
    return f"{proxy.host}:{proxy.port or ''}" if proxy is not None else ""


def _queue_size(pool: Any) -> int:
    return int(getattr(getattr(pool, "pool", None), "maxsize", 0))


def idle_connections(pool: Any) -> int:
    """Connections with an open socket that wait in a pool's queue."""
    queue = getattr(pool, "pool", None)
    entries = list(queue.queue) if queue is not None else []
    return sum(1 for entry in entries if getattr(entry, "sock", None) is not None)


def fingerprint(key: object) -> str:
    """`parties-all`: equal keys of one process have equal fingerprints, and those with the same
    client certificate, names and proxy equal first parts. The key's values stay where they are.
    """
    try:
        return f"{_hash(tuple(getattr(key, name, None) for name in _PARTIES))}-{_hash(key)}"
    except TypeError:
        return ""


def _hash(what: object) -> str:
    return f"{hash(what) & 0xFFFFFFFFFFFF:012x}"


def key_difference(key: Any, others: list[Any]) -> tuple[str, ...]:
    """Fields in which a pool key differs from the most similar one of the same origin."""
    fields = getattr(key, "_fields", None)
    if fields is None:
        return ()
    origin = _origin_of_key(key)
    best: tuple[str, ...] | None = None
    for other in others:
        if getattr(other, "_fields", None) != fields or _origin_of_key(other) != origin:
            continue
        names = tuple(
            name.removeprefix("key_")
            for name, mine, theirs in zip(fields, key, other, strict=True)
            if mine != theirs
        )
        if names and (best is None or len(names) < len(best)):
            best = names
    return best or ()


def _origin_of_key(key: Any) -> tuple[object, ...]:
    return tuple(getattr(key, name, None) for name in ("key_scheme", "key_host", "key_port"))


HOOKS = (
    Hook("urllib3.poolmanager", "PoolManager.__init__", begin_manager, end_manager),
    Hook("urllib3.poolmanager", "PoolManager.clear", begin_clear),
    Hook("urllib3.connectionpool", "HTTPConnectionPool.close", begin_pool_close),
    Hook("urllib3._collections", "RecentlyUsedContainer.__setitem__", begin_insert),
    Hook("urllib3.connection", "HTTPConnection.connect", begin_connect, end_connect),
    Hook("urllib3.connection", "HTTPSConnection.connect", begin_connect, end_connect),
    Hook("urllib3.connection", "HTTPConnection._tunnel", begin_tunnel, end_tunnel),
)
