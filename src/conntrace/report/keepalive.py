"""Whether the SO_KEEPALIVE setting had any effect, from what the spans show.

The kernel sends the first probe after a connection has been silent for `keepalive_idle_s` (7200 s
unless the program sets it). A connection never silent that long has never been probed, so the
setting cannot have kept it alive.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from conntrace import semantic_names as names
from conntrace.report.model import Connection, Model, cause_of
from conntrace.report.record import SpanRecord
from conntrace.report.units import seconds

IDLE_LOSSES = frozenset(
    {
        "server_closed_idle",
        "peer_reset_idle",
        "silent_drop_timeout",
        "stale_reset_on_reuse",
        "thaw_after_freeze",
    }
)
"""Causes that say: the connection before was lost in a pause."""


class Pause(NamedTuple):
    """An idle time, and whether the connection was lost in it. `limit_s`: what it would have stood.

    `with_it` is the setting of the connection; a replacement has the setting of the lost one,
    because both belong to the same pool.
    """

    with_it: bool
    idle_s: float
    lost: bool
    limit_s: float


def keepalive_hint(model: Model) -> str:
    """What follows `don't`, empty when no connection had the setting or it may have mattered."""
    known = [each for each in model.connections if _setting(each) is not None]
    with_it = [each for each in known if _setting(each)]
    pauses = [pause for each in known for pause in _pauses(each)]
    first_probe = min(map(_first_probe_s, with_it), default=0.0)
    idle = max((pause.idle_s for pause in pauses if pause.with_it), default=0.0)
    longest = max(idle, max(map(_longest_wait_s, with_it), default=0.0))
    if not first_probe or longest >= first_probe:
        return ""
    return (
        "rely on SO_KEEPALIVE (tcp_keepalive): it had no effect here. Its first probe comes after "
        f"{seconds(first_probe)} of silence, the longest was {seconds(longest)}. {_losses(pauses)}"
    )


def _losses(pauses: list[Pause]) -> str:
    """Compare only pauses that put a connection to the test: as long as those that cost one."""
    limit = min((pause.limit_s for pause in pauses if pause.lost), default=0.0)
    if not limit:
        return "No connection was lost in a pause."
    told = []
    for setting, words in ((True, "with it"), (False, "without it")):
        group = [p for p in pauses if p.with_it is setting and (p.lost or p.idle_s >= limit)]
        if group:
            told.append(f"{sum(p.lost for p in group)} of {len(group)} {words}")
    return f"Lost in a pause of {seconds(limit)} or more: {', '.join(told)}."


def _pauses(connection: Connection) -> Iterator[Pause]:
    setting = bool(_setting(connection))
    setup = connection.setup
    if setup is not None and cause_of(setup) in IDLE_LOSSES and (idle := _idle_s(setup)):
        limit = setup.number(names.CLOSE_SERVER_IDLE_LIMIT_S) or idle
        yield Pause(setting, idle, True, limit)
    for request in connection.requests:
        # The first request of a connection may tell of the one that was lost before it.
        if request.flag(names.CONNECTION_REUSED) and (idle := _idle_s(request)):
            yield Pause(setting, idle, False, idle)


def _idle_s(span: SpanRecord) -> float:
    return max(0.0, span.number(names.CONNECTION_IDLE_S) or 0.0)


def _setting(connection: Connection) -> bool | None:
    value = connection.setup.attributes.get(names.SOCKET_KEEPALIVE) if connection.setup else None
    return value if isinstance(value, bool) else None


def _first_probe_s(connection: Connection) -> float:
    setup = connection.setup
    return (setup.number(names.SOCKET_KEEPALIVE_IDLE_S) or 0.0) if setup else 0.0


def _longest_wait_s(connection: Connection) -> float:
    """The longest response: to the kernel that is silence too."""
    return max((span.duration_ms / 1000 for span in connection.requests), default=0.0)
