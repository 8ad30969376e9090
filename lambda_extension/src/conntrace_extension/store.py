"""What arrives while the function runs: kept as it is, in order, in bounded memory.

When the memory is used up, requests on reused connections that went well are taken out again: the
least of what there is to know. They are counted, and so is everything that has no room after that.
"""

from __future__ import annotations

import time
from collections import deque

from conntrace_extension.entries import Fact, Lines, Lost
from conntrace_extension.thinning import thinned

TYPE_CHECKING = False
if TYPE_CHECKING:
    from conntrace_extension.entries import Entry

LIMIT_BYTES = 4 * 1024 * 1024
"""Of memory, as far as it can be told from the lengths."""

_MAX_ENDED = 64
_ESSENTIAL = (
    b"hello\t",
    b"function\t",
    b"invocation_",
    b"init_error\t",
    b"restored\t",
    b"clock\t",
    b"drops\t",
    b"goodbye\t",
)


class Store:
    """The sink of `conntrace.analyzer.server.Server`: keeps, and notes which invocation ended."""

    def __init__(self, limit: int = LIMIT_BYTES) -> None:
        self._limit = limit
        self._entries: deque[Entry] = deque()
        self._size = 0
        self._thin_at = limit
        self._running: dict[str, bytes] = {}
        self._started: deque[bytes] = deque(maxlen=_MAX_ENDED)
        self._over: dict[bytes, int] = {}
        self.left_out = 0
        """Requests and other lines for which there was no room, so far."""
        self.packets = 0
        """Packets that came, so far."""
        self.endings = 0
        """Invocations that ended, so far; one may be counted twice."""

    def __bool__(self) -> bool:
        return bool(self._entries)

    @property
    def size(self) -> int:
        """Bytes of memory in use."""
        return self._size

    def feed(self, process: str, lines: list[bytes]) -> None:
        """Keep event lines."""
        self.packets += 1
        for line in lines:
            if line.startswith(b"invocation_"):
                self._note_invocation(process, line)
        if self._size >= self._limit:
            lines = self._essential(lines)
            if not lines:
                return
        entry = Lines(process, lines)
        self._entries.append(entry)
        self._size += entry.size
        if self._size >= self._thin_at:
            self.thin()

    def lost(self, process: str) -> None:
        """Keep that a process is gone; what it was at is over."""
        request_id = self._running.pop(process, None)
        if request_id is not None:
            self._end(request_id)
        self._entries.append(Lost(process, time.monotonic_ns()))

    def tick(self, now_monotonic_ns: int) -> None:
        """Time passes for the analyzer, not here."""

    def add(self, fact: Fact) -> None:
        """Keep what the platform said."""
        self._entries.append(fact)

    def is_started(self, request_id: str) -> bool:
        """Whether a process said that it has this invocation."""
        return request_id.encode() in self._started

    def is_over(self, request_id: str) -> bool:
        """Whether the response of this invocation is out, or its process is gone."""
        return request_id.encode() in self._over

    def ended_ns(self, request_id: str) -> int:
        """When its process said that the response was out (CLOCK_MONOTONIC); 0 when it did not."""
        return self._over.get(request_id.encode(), 0)

    def note_over(self, request_id: str) -> None:
        """The platform says that this invocation is done."""
        self._end(request_id.encode())

    def take(self) -> Entry | None:
        """The oldest entry, which leaves."""
        if not self._entries:
            return None
        entry = self._entries.popleft()
        if isinstance(entry, Lines):
            self._size -= entry.size
            self._thin_at = max(self._limit, self._size)
        return entry

    def thin(self) -> None:
        """Take out what matters least, and try that again only when much more has come."""
        kept, removed = thinned(self._entries)
        self._entries = kept
        self.left_out += removed
        self._size = sum(entry.size for entry in kept if isinstance(entry, Lines))
        self._thin_at = max(self._limit, self._size + self._limit // 4)

    def drop_rest(self) -> None:
        """No time is left for the rest."""
        self.left_out += sum(
            len(entry.lines) for entry in self._entries if isinstance(entry, Lines)
        )
        self._entries.clear()
        self._size = 0

    def _essential(self, lines: list[bytes]) -> list[bytes]:
        kept: list[bytes] = []
        if self._size < 2 * self._limit:
            kept = [line for line in lines if line.startswith(_ESSENTIAL)]
        self.left_out += len(lines) - len(kept)
        return kept

    def _note_invocation(self, process: str, line: bytes) -> None:
        """`invocation_start TAB time TAB thread TAB id TAB request_id ...`: `events_lambda`."""
        fields = line.split(b"\t", 5)
        if fields[0] == b"invocation_start" and len(fields) > 4:
            self._running[process] = fields[4]
            self._started.append(fields[4])
        elif fields[0] == b"invocation_end":
            request_id = self._running.pop(process, None)
            if request_id is not None:
                self._end(request_id, int(fields[1]) if fields[1].isdigit() else 0)

    def _end(self, request_id: bytes, ended_ns: int = 0) -> None:
        self._over.setdefault(request_id, ended_ns)
        if len(self._over) > _MAX_ENDED:
            del self._over[next(iter(self._over))]
        self.endings += 1
