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

_MAX_FRAMES = 8
_DEFAULT_PORTS = {"http": 80, "https": 443}


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


class Insertion:
    """A pool that goes into a manager's container, and what may fall out."""

    __slots__ = ("container", "key", "keys", "manager", "pool", "victim", "victim_idle")

    def __init__(self, container: Any, key: Any, pool: Any, manager: ManagerRecord) -> None:
        self.container = container
        self.key = key
        self.pool = pool
        self.manager = manager
        entries = container._container
        self.keys = list(entries)
        self.victim: Any = None
        self.victim_idle = 0
        if key not in entries and len(entries) >= container._maxsize:
            oldest = next(iter(entries), None)
            if oldest is not None:
                self._remember(entries[oldest], oldest)

    def _remember(self, victim: Any, key: Any) -> None:
        """Keep the record of the victim, never the victim: it must be collected as without us."""
        self.victim = (pools.get(victim), key)
        self.victim_idle = idle_connections(victim)


def begin_insert(instance: Any, args: Arguments, kwargs: Keywords) -> object:
    """A manager keeps a new pool: every pool miss ends here."""
    if recording.active is None or len(args) < 2:
        return None
    key, pool = args[0], args[1]
    if not hasattr(pool, "pool") or not hasattr(pool, "host"):
        return None
    manager = containers.get(instance) or _late_manager(instance)
    if manager is None:
        return None
    return Insertion(instance, key, pool, manager)


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


def end_insert(token: object, result: object, error: BaseException | None) -> None:
    """Note the new pool, and the one that had to make room."""
    assert isinstance(token, Insertion)
    if error is not None:
        return
    insertion = token
    record = _note_managed_pool(insertion)
    if insertion.victim is None:
        return
    victim, key = insertion.victim
    if victim is None or key in insertion.container._container:
        return
    recording.note(
        notes.pool_evicted(
            victim.identity,
            insertion.manager.identity,
            record.identity,
            (record.host, record.port),
            insertion.manager.num_pools,
            insertion.victim_idle,
            context.place(),
        )
    )


def _note_managed_pool(insertion: Insertion) -> PoolRecord:
    pool, manager = insertion.pool, insertion.manager
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
            len(insertion.container._container),
            manager.num_pools,
            fingerprint(insertion.key),
            key_difference(insertion.key, insertion.keys),
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
    """Equal keys of one process have equal fingerprints; the key's values stay where they are."""
    try:
        return f"{hash(key) & 0xFFFFFFFFFFFF:012x}"
    except TypeError:
        return ""


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
    Hook("urllib3._collections", "RecentlyUsedContainer.__setitem__", begin_insert, end_insert),
    Hook("urllib3.connection", "HTTPConnection.connect", begin_connect, end_connect),
    Hook("urllib3.connection", "HTTPSConnection.connect", begin_connect, end_connect),
    Hook("urllib3.connection", "HTTPConnection._tunnel", begin_tunnel, end_tunnel),
)
