"""An environment's processes by /proc, and stopping them all as a paused machine does."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Iterable

_STOP_LIMIT_S = 2.0


def below(root: int) -> list[int]:
    """All living processes whose parent, or parent's parent …, is `root`; without `root`."""
    parents: dict[int, int] = {}
    for name in os.listdir("/proc"):
        if name.isdigit():
            state, parent = _stat(int(name))
            if state not in ("", "Z", "X"):
                parents[int(name)] = parent
    found: list[int] = []
    level = {root}
    while level:
        level = {pid for pid, parent in parents.items() if parent in level}
        found += sorted(level)
    return found


def stop(root: int) -> None:
    """SIGSTOP for all below `root`, those just being forked too; returns when they stand."""
    stopped: set[int] = set()
    deadline = time.monotonic() + _STOP_LIMIT_S
    while time.monotonic() < deadline:
        running = [pid for pid in below(root) if pid not in stopped]
        if not running:
            break
        send(running, signal.SIGSTOP)
        stopped.update(running)
    while any(_stat(pid)[0] in ("R", "S") for pid in stopped) and time.monotonic() < deadline:
        time.sleep(0.001)


def resume(root: int) -> None:
    """SIGCONT for all below `root`."""
    send(below(root), signal.SIGCONT)


def send(pids: Iterable[int], number: signal.Signals) -> None:
    """Send a signal to each that is still there."""
    for pid in pids:
        try:
            os.kill(pid, number)
        except ProcessLookupError:
            pass


def resident_bytes(pids: Iterable[int]) -> int:
    """Physical memory of all these now."""
    return sum(_status_kib(pid, "VmRSS:") for pid in pids) * 1024


def peak_bytes(pids: Iterable[int]) -> int:
    """The most physical memory that each of these ever had, added."""
    return sum(_status_kib(pid, "VmHWM:") for pid in pids) * 1024


def _stat(pid: int) -> tuple[str, int]:
    """State letter and parent; ("", 0) when it is gone."""
    try:
        with open(f"/proc/{pid}/stat") as file:
            state, parent = file.read().rpartition(")")[2].split()[:2]
    except OSError:
        return "", 0
    return state, int(parent)


def _status_kib(pid: int, name: str) -> int:
    try:
        with open(f"/proc/{pid}/status") as file:
            for line in file:
                if line.startswith(name):
                    return int(line.split()[1])
    except OSError:
        pass
    return 0
