"""Lines wait here until the channel takes them. Nothing in here waits, and nothing is lost
silently.

Hooks run in the middle of anything: in finalizers, in signal handlers, in any thread. So a hook
appends to a deque (atomic), and whoever gets the drain lock without waiting sends what is there;
who does not get it leaves the work to the holder, who looks again after letting go.
"""

from __future__ import annotations

from collections import deque

from conntrace.channel import MAX_PACKET, Channel
from conntrace.traced import originals

MAX_WAITING = 20_000
# At least what the channel puts before the lines of a packet.
_HEADER = 64
# A drain that an asynchronous exception (Ctrl-C) cut off right after it took the lock.
_STALE_DRAIN_NS = 2_000_000_000


class Outbox:
    """Where hooks put event lines. `congested` is true while the channel takes no more."""

    def __init__(self, channel: Channel) -> None:
        self._channel = channel
        self._waiting: deque[bytes] = deque()
        self._packet: list[bytes] = []
        self._lock = originals.allocate_rlock()
        self._drain_began = 0
        self.congested = False
        self.dropped_requests = 0
        self.dropped_events = 0

    def note(self, line: bytes) -> None:
        """Keep a line until the next `send`, or until too many wait."""
        waiting = self._waiting
        if len(waiting) >= MAX_WAITING:
            self.drain()
            if len(waiting) >= MAX_WAITING:
                self.dropped_events += 1
                return
        waiting.append(line)

    def send(self, line: bytes) -> None:
        """Keep a line and send all that waits."""
        if len(self._waiting) >= MAX_WAITING:
            self.dropped_events += 1
        else:
            self._waiting.append(line)
        self.drain()

    def drain(self) -> None:
        """Send what waits, unless another thread is at it or the channel is full."""
        while self._waiting or self._packet:
            lock = self._lock
            if lock._is_owned():  # type: ignore[attr-defined]
                # A finalizer or signal handler in the middle of a drain of this thread.
                self._renew_stale_lock()
                return
            # Ctrl-C comes when a call into C returns, so also when `acquire` does: the attempt
            # itself is inside `try`, and `release` the first call after it.
            try:
                if not lock.acquire(False):
                    self._renew_stale_lock()
                    return
                self._drain_began = originals.monotonic_ns()
                emptied = self._send_packets()
            finally:
                try:
                    lock.release()
                except RuntimeError:
                    pass  # another thread has it
            if not emptied:
                return

    def still_congested(self) -> bool:
        """True when the channel was full and one more try did not change that."""
        if self.congested:
            self.drain()
        return self.congested

    def forked(self, channel: Channel) -> None:
        """In a child: what waits is the parent's to send, and its lock may be held for ever."""
        self.__init__(channel)  # type: ignore[misc]

    def _send_packets(self) -> bool:
        waiting = self._waiting
        while self._packet or waiting:
            # One that did not leave is the first of the next drain, as it is.
            packet = self._packet
            room = 0 if packet else MAX_PACKET - _HEADER
            while waiting and room > 0:
                line = waiting[0]
                if type(line) is not bytes:
                    # A fault of ours elsewhere: it would hold up all others for ever.
                    waiting.popleft()
                    self.dropped_events += 1
                    continue
                room -= len(line) + 1
                if room >= 0 or not packet:
                    packet.append(waiting.popleft())
            if packet and not self._channel.send(packet):
                self.congested = True
                return False
            self._packet = []
        self.congested = False
        return True

    def _renew_stale_lock(self) -> None:
        now = originals.monotonic_ns()
        if now - self._drain_began > _STALE_DRAIN_NS:
            self._drain_began = now
            self._lock = originals.allocate_rlock()
