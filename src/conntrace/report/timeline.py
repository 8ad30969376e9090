"""Connections as lives on one shared time axis, drawn in terminal cells."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from conntrace import catalogue
from conntrace import semantic_names as names
from conntrace.report.layout import Glyphs
from conntrace.report.model import Connection, Stretch
from conntrace.report.record import SpanRecord
from conntrace.report.relations import is_leaked
from conntrace.report.units import seconds

NS_PER_S = 1_000_000_000

_EVICTED = "pool_evicted_lru"
_SERVER_CLOSED = "server_closed_idle"
_UNKNOWN = ("unknown", "unexplained")


@dataclass(frozen=True, slots=True)
class Axis:
    """Maps times (nanoseconds) to cells. The last cells stay free for short lives at the end."""

    start_ns: int
    end_ns: int
    width: int

    def cell(self, time_ns: int) -> int:
        """The cell of a moment, within the axis."""
        length = max(1, self.end_ns - self.start_ns)
        share = (time_ns - self.start_ns) / length
        return max(0, min(self.width - 3, int(share * (self.width - 3))))

    def ruler(self) -> str:
        """Labels in seconds since the start, as many as have room."""
        cells = [" "] * self.width
        total_s = (self.end_ns - self.start_ns) / NS_PER_S
        step = _step(total_s, max(2, self.width // 14))
        position, free = 0.0, 0
        while position <= total_s:
            label = moment_words(position)
            at = self.cell(self.start_ns + int(position * NS_PER_S))
            if at >= free and at + len(label) <= self.width:
                cells[at : at + len(label)] = label
                free = at + len(label) + 2
            position += step
        return "".join(cells).rstrip()


def life(connection: Connection, axis: Axis, glyphs: Glyphs) -> str:
    """The lane of one connection: set-up, requests, idle and frozen stretches, end."""
    cells = [" "] * axis.width
    start, end = axis.cell(connection.start_ns), axis.cell(closed_ns(connection))
    first = start + 1
    last = max(first, end)
    for at in range(start, min(axis.width, last + 1)):
        cells[at] = glyphs.idle
    if connection.setup:
        for at in range(first, min(last, axis.cell(connection.setup.end_ns)) + 1):
            cells[at] = glyphs.setup
    for begin_ns, end_ns in connection.frozen:
        for at in range(axis.cell(begin_ns), axis.cell(end_ns)):
            if start < at <= last:
                cells[at] = glyphs.frozen
    for request in connection.requests:
        at = max(first, axis.cell(_served_from(connection, request)))
        for busy in range(at, max(at, axis.cell(request.end_ns)) + 1):
            cells[busy] = glyphs.request
            last = max(last, busy + 1)
    cells[start] = glyphs.start if connection.setup else glyphs.before
    cells[min(last, axis.width - 1)] = end_mark(connection, glyphs)
    return "".join(cells).rstrip()


def end_mark(connection: Connection, glyphs: Glyphs) -> str:
    """How the life ended, as one character."""
    close = connection.close
    if _failed(connection):
        return glyphs.lost
    if is_evicted(connection):
        return glyphs.evicted
    if close is None:
        return glyphs.open
    if is_leaked(connection):
        return glyphs.leaked
    return glyphs.closed if close.text(names.CLOSE_INITIATOR) == "local" else glyphs.lost


def end_words(connection: Connection) -> str:
    """How the life ended, in words."""
    setup, close = connection.setup, connection.close
    if setup is not None and setup.error:
        return f"failed: {setup.text(names.ERROR_TYPE) or 'error'}"
    if is_evicted(connection):
        by = f" by #{connection.evicted_by}" if connection.evicted_by else ""
        return f"evicted{by}"
    if close is None:
        return "still open"
    frozen = (close.number(names.CONNECTION_FROZEN_S) or 0) > 0
    limit, idle = close.number(names.CLOSE_SERVER_IDLE_LIMIT_S), _idle_s(close)
    told = close.text(names.CLOSE_REASON)
    reason = catalogue.END_WORDS.get(told) or told.replace("_", " ")
    if reason in _UNKNOWN:
        return "lost while frozen" if frozen else "lost, nobody knows when" if idle else "ended"
    if close.text(names.CLOSE_INITIATOR) != "remote":
        return reason or "closed"
    if frozen and not limit:
        return "server closed while frozen"
    if told == _SERVER_CLOSED and (limit or idle):
        return f"server closed, {seconds(limit or idle)}"
    return reason or "closed by the server"


def is_evicted(connection: Connection) -> bool:
    """Whether it was pushed out of its pool, which its close may not know yet."""
    reason = connection.close.text(names.CLOSE_REASON) if connection.close else ""
    return connection.evicted_by is not None or reason == _EVICTED


def busy_lane(stretches: Iterable[Stretch], axis: Axis, glyphs: Glyphs) -> str:
    """Where invocations ran, as a lane."""
    cells = [" "] * axis.width
    for begin_ns, end_ns in stretches:
        first, last = axis.cell(begin_ns), axis.cell(end_ns)
        cells[first : last + 1] = glyphs.busy * (last + 1 - first)
    return "".join(cells).rstrip()


def _failed(connection: Connection) -> bool:
    return connection.setup is not None and connection.setup.error


def _idle_s(span: SpanRecord) -> float:
    return max(0.0, span.number(names.CONNECTION_IDLE_S) or 0.0)


def closed_ns(connection: Connection) -> int:
    """The moment of the close itself: the server's was earlier than when it was noticed."""
    close = connection.close
    if close is None:
        return connection.end_ns
    limit = close.number(names.CLOSE_SERVER_IDLE_LIMIT_S) or 0.0
    unnoticed_s = _idle_s(close) - limit if limit > 0 else 0.0
    return close.start_ns - int(max(0.0, unnoticed_s) * NS_PER_S)


def _served_from(connection: Connection, request: SpanRecord) -> int:
    """A request that had to wait for the set-up is on the connection only after it."""
    setup_end = connection.setup.end_ns if connection.setup else 0
    return min(max(request.start_ns, setup_end), request.end_ns)


def _step(total_s: float, labels: int) -> float:
    """A round distance (1, 2 or 5 times a power of ten, or minutes) for about that many labels."""
    rough = max(total_s / labels, 0.001)
    steps = (
        *(mantissa * 10.0**power for power in range(-3, 1) for mantissa in (1, 2, 5)),
        *(10.0, 15.0, 30.0, 60.0, 120.0, 300.0, 600.0, 900.0, 1800.0, 3600.0, 7200.0, 21600.0),
    )
    return next((step for step in steps if step >= rough), max(43200.0, rough))


def moment_words(seconds_since_start: float) -> str:
    """A moment on an axis: seconds since its start, in words."""
    if seconds_since_start >= 120:
        minutes, rest = divmod(round(seconds_since_start), 60)
        return f"{minutes} min" if not rest else f"{minutes}:{rest:02d} min"
    return f"{round(seconds_since_start, 3):g} s"
