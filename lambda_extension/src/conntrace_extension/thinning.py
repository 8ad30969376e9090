"""Which of the stored lines matter least, when there is no room or no time for all."""

from __future__ import annotations

from collections import deque

from conntrace_extension.entries import Lines

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable

    from conntrace_extension.entries import Entry

_MAX_DIGITS = 10
_TURNS = (b"invocation_", b"goodbye\t")
"""After these, what is missing belongs to another invocation, or comes too late."""


class _Known:
    """What the stored lines say of requests and calls; each named by process and id."""

    __slots__ = ("calls", "calls_done", "calls_needed", "done", "reused", "started")

    def __init__(self, entries: Iterable[Lines]) -> None:
        self.started: dict[tuple[str, bytes], bytes] = {}
        self.reused: set[tuple[str, bytes]] = set()
        self.done: set[tuple[str, bytes]] = set()
        self.calls: set[tuple[str, bytes]] = set()
        self.calls_done: set[tuple[str, bytes]] = set()
        for entry in entries:
            for line in entry.lines:
                self._note(entry.process, line.split(b"\t", 10))
        self.calls_needed = {
            (process, call)
            for (process, request), call in self.started.items()
            if not self.is_smooth(process, request)
        }

    def _note(self, process: str, fields: list[bytes]) -> None:
        kind, key = fields[0], (process, fields[3] if len(fields) > 3 else b"")
        if kind == b"request_start" and len(fields) > 9:
            self.started[key] = fields[9]
        elif kind == b"checkout" and len(fields) > 5 and fields[5] == b"reused":
            self.reused.add(key)
        elif kind == b"request_end" and len(fields) > 5 and not fields[5]:
            self.done.add(key)
        elif kind == b"call_start":
            self.calls.add(key)
        elif kind == b"call_end" and len(fields) > 4 and not fields[4]:
            self.calls_done.add(key)

    def is_smooth(self, process: str, request: bytes) -> bool:
        """A request on a reused connection, from start to end, without an error."""
        key = (process, request)
        return key in self.reused and key in self.done and key in self.started

    def is_dispensable(self, process: str, line: bytes) -> bool:
        """Whether the line tells of nothing but such a request, or of a call of such requests."""
        fields = line.split(b"\t", 7)
        kind = fields[0]
        if kind in (b"request_start", b"checkout", b"request_sent", b"request_end"):
            return self.is_smooth(process, fields[3])
        if kind == b"lease_end" and len(fields) > 5:
            return self.is_smooth(process, fields[5])
        if kind in (b"call_start", b"call_end"):
            key = (process, fields[3])
            return key in self.calls and key in self.calls_done and key not in self.calls_needed
        return False


class _LeftOut:
    """How many requests of each process are missing since it was last told."""

    __slots__ = ("_missing",)

    def __init__(self) -> None:
        self._missing: dict[str, tuple[int, bytes]] = {}

    def add(self, process: str, time: bytes, requests: int) -> None:
        """So many more are missing; one of them began at this time."""
        self._missing[process] = (self._missing.get(process, (0, b""))[0] + requests, time)

    def line(self, process: str) -> list[bytes]:
        """What the analyzer is told (`events_lambda.LeftOut`); nothing when there is nothing."""
        if process not in self._missing:
            return []
        count, time = self._missing.pop(process)
        return [b"left_out\t%b\t0\t%d" % (time, count)]

    def entries(self) -> list[Lines]:
        """The same for all processes."""
        return [Lines(process, self.line(process)) for process in list(self._missing)]


def thinned(entries: Iterable[Entry]) -> tuple[deque[Entry], int]:
    """The entries without smooth requests on reused connections, and how many of these there were.

    In their place stands how many there were: an invocation's totals count them. What has begun and
    not ended stays: it may be the request that hangs.
    """
    entries = list(entries)
    known = _Known(entry for entry in entries if isinstance(entry, Lines))
    left_out = _LeftOut()
    kept: deque[Entry] = deque()
    removed = 0
    for entry in entries:
        if not isinstance(entry, Lines):
            kept.extend(left_out.entries())
            kept.append(entry)
            continue
        rest: list[bytes] = []
        for line in entry.lines:
            fields = line.split(b"\t", 4)
            if told := _told(fields):
                left_out.add(entry.process, fields[1], told)
            elif not known.is_dispensable(entry.process, line):
                rest += left_out.line(entry.process) if line.startswith(_TURNS) else ()
                rest.append(line)
            elif fields[0] == b"request_start":
                left_out.add(entry.process, fields[1], 1)
                removed += 1
        if rest:
            kept.append(Lines(entry.process, rest))
    kept.extend(left_out.entries())
    return kept, removed


def _told(fields: list[bytes]) -> int:
    """How many requests a line of before says are missing; 0 for any other line."""
    if fields[0] != b"left_out" or len(fields) != 4:
        return 0
    return int(fields[3]) if fields[3].isdigit() and len(fields[3]) < _MAX_DIGITS else 0
