"""How many instructions a program needs: counted by valgrind, else by the processor."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

TIME_LIMIT_S = 300


@dataclass(frozen=True)
class Counter:
    """A program that runs another one and says how many instructions of it there were."""

    name: str
    words: tuple[str, ...]
    """Before the command; `{log}` stands for the file that the count goes to."""
    count: re.Pattern[str]


# No cache is simulated: instructions alone take a third of the time. A child process of the
# program is not counted with it.
VALGRIND = Counter(
    "valgrind",
    (
        "valgrind",
        "--tool=cachegrind",
        "--cache-sim=no",
        "--cachegrind-out-file=/dev/null",
        "--log-file={log}",
    ),
    re.compile(r"I\s+refs:\s+([\d,]+)"),
)
PERF = Counter(
    "perf",
    ("perf", "stat", "--no-inherit", "-e", "instructions:u", "-x", ";", "-o", "{log}", "--"),
    re.compile(r"^(\d+);", re.MULTILINE),
)


def available() -> Counter | None:
    """The steadier one that works here."""
    for counter in (VALGRIND, PERF):
        if shutil.which(counter.words[0]) and _works(counter):
            return counter
    return None


def _works(counter: Counter) -> bool:
    try:
        count(counter, [], [sys.executable, "-I", "-S", "-c", "pass"], {})
    except (subprocess.CalledProcessError, ValueError):
        return False
    return True


def count(
    counter: Counter,
    before: Sequence[str],
    command: Sequence[str],
    environment: Mapping[str, str],
) -> int:
    """Instructions of `command`, which the words `before` start; those themselves are not counted.

    Raises CalledProcessError when the command fails, ValueError when nothing was counted.
    """
    with tempfile.TemporaryDirectory(prefix="conntrace-bench-") as name:
        log = Path(name, "log")
        words = [word.format(log=log) for word in counter.words]
        subprocess.run(
            [*before, *words, *command],
            check=True,
            capture_output=True,
            env=environment,
            timeout=TIME_LIMIT_S,
        )
        found = counter.count.search(log.read_text())
    if found is None:
        raise ValueError(f"{counter.name} counted nothing")
    return int(found[1].replace(",", ""))
