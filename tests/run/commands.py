"""Start `conntrace run` as a user does."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path

CONNTRACE = [sys.executable, "-m", "conntrace"]
PYTHON = sys.executable
TIMEOUT_S = 60


def run(
    *words: str,
    env: Mapping[str, str] | None = None,
    stdin: str | None = None,
    cwd: Path | None = None,
) -> subprocess.CompletedProcess[str]:
    """`conntrace run WORDS` to its end."""
    return subprocess.run(
        [*CONNTRACE, "run", *words],
        capture_output=True,
        text=True,
        timeout=TIMEOUT_S,
        check=False,
        env={**os.environ, **(env or {})},
        input=stdin,
        cwd=cwd,
    )


def start(*words: str) -> subprocess.Popen[str]:
    """`conntrace run WORDS`, running."""
    return subprocess.Popen(
        [*CONNTRACE, "run", *words],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def said(ended: subprocess.CompletedProcess[str]) -> list[str]:
    """What conntrace itself said, without its name."""
    prefix = "conntrace: "
    lines = ended.stderr.splitlines()
    return [line.removeprefix(prefix) for line in lines if line.startswith(prefix)]


def read_line(running: subprocess.Popen[str]) -> str:
    """The next line of its standard output."""
    assert running.stdout is not None
    return running.stdout.readline().strip()


def state_of(pid: int) -> str:
    """The state letter of /proc/PID/stat: R, S, T (stopped), Z ..."""
    stat = Path(f"/proc/{pid}/stat").read_text()
    return stat.rpartition(")")[2].split()[0]


def wait_for_state(pid: int, *states: str) -> None:
    """Until the process is in one of the states; fails after ten seconds."""
    deadline = time.monotonic() + 10
    while state_of(pid) not in states:
        assert time.monotonic() < deadline, f"{pid} is {state_of(pid)}, not {states}"
        time.sleep(0.005)
