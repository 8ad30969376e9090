"""What this process is: when it began, and which program it runs."""

from __future__ import annotations

import os
import sys


def started_ns() -> int:
    """CLOCK_MONOTONIC at which this process began, from /proc (field 22); 0 where it is unknown."""
    try:
        with open("/proc/self/stat", "rb") as stat:
            fields = stat.read().rpartition(b")")[2].split()
        # Field 22 counts clock ticks since boot, which CLOCK_MONOTONIC does too, but for suspends.
        return int(fields[19]) * (1_000_000_000 // os.sysconf("SC_CLK_TCK"))
    except (OSError, ValueError, IndexError, AttributeError):
        return 0


def command() -> str:
    """Base name of the program, or how Python was told what to run."""
    arguments = getattr(sys, "argv", None) or getattr(sys, "orig_argv", None) or [""]
    name = str(arguments[0])
    if name in ("", "-c", "-m"):
        # Of `python -c` not even the beginning of the source is told: it may hold anything.
        words = getattr(sys, "orig_argv", [])
        module = words[words.index("-m") + 1 :][:1] if "-m" in words else []
        return " ".join(["python", *(["-m", *module] if name == "-m" else [name] if name else [])])
    return os.path.basename(name)
