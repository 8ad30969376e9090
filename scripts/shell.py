"""Running other programs: what they say goes to stderr, and a failure is one clear line."""

from __future__ import annotations

import shutil
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path


class Missing(Exception):
    """Something this machine lacks; the text is one line for the person at the keyboard."""


def say(text: str) -> None:
    print(f"conntrace: {text}", file=sys.stderr, flush=True)


def need(program: str, what_for: str) -> str:
    """The path of ``program``, or one line that says what it is missing for."""
    found = shutil.which(program)
    if found is None:
        raise Missing(f"{what_for} needs the program {program!r}, which is not on PATH")
    return found


def run(
    command: Sequence[str | Path],
    *,
    cwd: Path | None = None,
    env: Mapping[str, str] | None = None,
    tries: int = 1,
    timeout: float | None = None,
) -> None:
    """Run to success. Downloads ask for several ``tries``: registries have bad moments."""
    for attempt in range(1, tries + 1):
        # Our stdout is the result (a path) for the shell that called us, so theirs goes to stderr.
        try:
            code = subprocess.run(
                command, cwd=cwd, env=env, stdin=subprocess.DEVNULL, stdout=2, timeout=timeout
            ).returncode
        except subprocess.TimeoutExpired:
            code = -1
        if code == 0:
            return
        if attempt < tries:
            say(f"{Path(command[0]).name} failed (exit {code}), trying again")
            time.sleep(2**attempt)
    raise Missing(f"{' '.join(map(str, command[:6]))} … failed with exit {code}")
