"""A program that looks closely at the patched functions sees no difference."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

PROBE = Path(__file__).with_name("guest_probe.py")
# Everything the interpreter could complain about is an error, leaks at its end included.
PROGRAM = [sys.executable, "-X", "dev", "-W", "error", str(PROBE)]


def output_of(command: list[str]) -> subprocess.CompletedProcess[str]:
    env = {name: value for name, value in os.environ.items() if not name.startswith("CONNTRACE_")}
    return subprocess.run(command, capture_output=True, text=True, env=env, timeout=60)


@pytest.mark.compat
def test_a_program_that_looks_closely_sees_no_difference(tmp_path: Path) -> None:
    run = [sys.executable, "-m", "conntrace", "run", "-o", str(tmp_path / "spans"), "--"]
    plain, traced = output_of(PROGRAM), output_of([*run, *PROGRAM])
    assert plain.returncode == 0, plain.stderr
    assert traced.stdout.splitlines() == plain.stdout.splitlines()
    assert traced.returncode == 0
    ours = [line for line in traced.stderr.splitlines() if line.startswith("conntrace: ")]
    assert "\n".join(ours[-1:]) == traced.stderr.rstrip("\n").removeprefix(plain.stderr)
    assert "2 processes" in ours[-1] or "3 processes" in ours[-1]
