"""What this process is recording into, if it is: the one piece of state that the hooks share."""

from __future__ import annotations

from conntrace.traced.outbox import Outbox


class Recording:
    """State of one running recorder."""

    __slots__ = ("late", "outbox", "parent_of_fork", "process")

    def __init__(self, outbox: Outbox, process: str, late: bool) -> None:
        self.outbox = outbox
        self.process = process
        self.late = late
        self.parent_of_fork = ""


active: Recording | None = None


def note(line: bytes) -> None:
    """Keep a line until the next `send`."""
    if active is not None:
        active.outbox.note(line)


def send(line: bytes) -> None:
    """Keep a line and send all that waits."""
    if active is not None:
        active.outbox.send(line)
