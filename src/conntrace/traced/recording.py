"""What this process is recording into, if it is: the one piece of state that the hooks share."""

from __future__ import annotations

from conntrace.traced.outbox import Outbox


class Recording:
    """State of one running recorder."""

    __slots__ = ("in_process", "late", "outbox", "process", "their_spans")

    def __init__(self, outbox: Outbox, process: str, *, late: bool, in_process: bool) -> None:
        self.outbox = outbox
        self.process = process
        self.late = late
        self.in_process = in_process
        # Request -> the span that another instrumentation makes of it, while it is open.
        self.their_spans: dict[int, object] = {}

    def name_connection_on(self, their_span: object, connection: int) -> None:
        """A request span that another instrumentation makes leads to the connection's set-up."""
        name = f"{self.process[:8]}-{connection}"
        their_span.set_attribute("conntrace.connection.id", name)  # type: ignore[attr-defined]


active: Recording | None = None
spent_ns = 0
"""Time that the hooks of this process took, sending included: most of what a reused request costs,
the rest being the calls of the hooks. They add to it themselves, because a function for that would
cost as much as the addition. Two threads that add at the same moment lose one sum: it is read by
people, and a lock would cost more."""


def note(line: bytes) -> None:
    """Keep a line until the next `send`."""
    if active is not None:
        active.outbox.note(line)


def send(line: bytes) -> None:
    """Keep a line and send all that waits."""
    if active is not None:
        active.outbox.send(line)


def finish(line: bytes, *, alone: bool) -> None:
    """Keep the end of a step, and send it when nothing else of ours will follow at once.

    A process that leaves without a word would else seem to have been lost in the middle of it.
    """
    if active is not None:
        active.outbox.note(line)
        if alone:
            active.outbox.drain()


def drain() -> None:
    """Send all that waits."""
    if active is not None:
        active.outbox.drain()


def is_congested() -> bool:
    """True, and a reused request more on the count of those left out, while the channel is full."""
    if active is None or not active.outbox.congested or not active.outbox.still_congested():
        return False
    active.outbox.dropped_requests += 1
    return True
