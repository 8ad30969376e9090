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
    """What follows `don't`, empty when no connection had the setting or it may have mattered."""
    known = [each for each in model.connections if _setting(each) is not None]
    with_it = [each for each in known if _setting(each)]
    first_probe = min((_first_probe_s(each) for each in with_it), default=0.0)
    longest = max((_longest_silence_s(each) for each in with_it), default=0.0)
    if not first_probe or longest >= first_probe:
        return ""
    return (
        "rely on SO_KEEPALIVE (tcp_keepalive): it had no effect here. Its first probe comes after "
        f"{seconds(first_probe)} of silence, the longest was {seconds(longest)}. {_losses(known)}"
    )


def _losses(known: list[Connection]) -> str:
    """Compare only what was put to the test: connections idle as long as those that were lost."""
    lost = [each for each in known if _lost_idle(each)]
    if not lost:
        return "No connection was lost while idle."
    shortest = min(map(_survived_at_most_s, lost))
    tested = [each for each in known if _lost_idle(each) or _longest_idle_s(each) >= shortest]
    groups = {
        "with it": [each for each in tested if _setting(each)],
        "without it": [each for each in tested if not _setting(each)],
    }
    told = [
        f"{sum(map(_lost_idle, group))} of {len(group)} {words}"
        for words, group in groups.items()
        if group
    ]
    return f"Lost after {seconds(shortest)} or more idle: {', '.join(told)}."


def _survived_at_most_s(lost: Connection) -> float:
    """The server's limit where it is known, else the pause after which the loss was noticed."""
    close = lost.close
    if close is None:
        return 0.0
    limit = close.number(names.CLOSE_SERVER_IDLE_LIMIT_S)
    return limit or close.number(names.CONNECTION_IDLE_S) or 0.0


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
    # The first request of a connection may tell of the one that was lost before it.
    spans = [each for each in connection.requests if each.flag(names.CONNECTION_REUSED)]
    if connection.close:
        spans.append(connection.close)
    return max(numbers(spans, names.CONNECTION_IDLE_S), default=0.0)


def _longest_silence_s(connection: Connection) -> float:
    """Idle, or waiting for a response: the kernel counts both."""
    waits = (span.duration_ms / 1000 for span in connection.requests)
    return max(_longest_idle_s(connection), max(waits, default=0.0))
