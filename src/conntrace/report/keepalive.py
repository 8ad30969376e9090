"""Whether the SO_KEEPALIVE setting had any effect, from what the spans show.

The kernel sends the first probe after a connection has been silent for `keepalive_idle_s` (7200 s
unless the program sets it). A connection never silent that long has never been probed, so the
setting cannot have kept it alive.
"""

from __future__ import annotations

from conntrace import semantic_names as names
from conntrace.report.facts import numbers
from conntrace.report.model import Connection, Model
from conntrace.report.units import seconds

REMOTE = "remote"


def keepalive_hint(model: Model) -> str:
    """One or two sentences, empty when no connection had the setting or it may have mattered."""
    known = [each for each in model.connections if _setting(each) is not None]
    with_it = [each for each in known if _setting(each)]
    first_probe = min((_first_probe_s(each) for each in with_it), default=0.0)
    if not with_it or not first_probe:
        return ""
    longest = max((_longest_idle_s(each) for each in with_it), default=0.0)
    if longest >= first_probe:
        return ""
    return (
        f"SO_KEEPALIVE (tcp_keepalive) had no effect: the first probe comes after "
        f"{seconds(first_probe)} of silence, the longest here was {seconds(longest)}; "
        f"{_losses(known, with_it)}"
    )


def _losses(known: list[Connection], with_it: list[Connection]) -> str:
    without = [each for each in known if not _setting(each)]
    lost_with, lost_without = _count_lost(with_it), _count_lost(without)
    if not lost_with and not lost_without:
        return "no connection was lost while idle"
    told = f"lost while idle: {lost_with} of {len(with_it)} with it"
    return f"{told}, {lost_without} of {len(without)} without" if without else told


def _count_lost(connections: list[Connection]) -> int:
    return sum(map(_lost_idle, connections))


def _lost_idle(connection: Connection) -> bool:
    """Ended by the other side after a pause; a close right after a response is not a loss."""
    close = connection.close
    if close is None or close.text(names.CLOSE_INITIATOR) != REMOTE:
        return False
    return (close.number(names.CONNECTION_IDLE_S) or 0.0) > 0


def _setting(connection: Connection) -> bool | None:
    value = connection.setup.attributes.get(names.SOCKET_KEEPALIVE) if connection.setup else None
    return value if isinstance(value, bool) else None


def _first_probe_s(connection: Connection) -> float:
    setup = connection.setup
    return (setup.number(names.SOCKET_KEEPALIVE_IDLE_S) or 0.0) if setup else 0.0


def _longest_idle_s(connection: Connection) -> float:
    """The longest silence: between requests, before the end, or while a response was awaited."""
    spans = [*connection.requests, *([connection.close] if connection.close else [])]
    waits = [span.duration_ms / 1000 for span in connection.requests]
    return max([*numbers(spans, names.CONNECTION_IDLE_S), *waits], default=0.0)
