"""A channel that nobody reads: what is lost, what is not, and that the program never waits."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
from pathlib import Path

from conntrace.testing import read_spans
from tests.integration.conftest import Serve
from tests.integration.running import PROGRAMS, Runner
from tests.integration.sound import assert_sound

REQUESTS = 6000
CONNECTIONS = 20


def test_nothing_but_reused_requests_is_lost(run: Runner, serve: Serve, tmp_path: Path) -> None:
    """While the analyzer stands still, reused requests are dropped and counted, nothing else."""
    server = serve()
    output = tmp_path / "spans.jsonl"
    program = [sys.executable, str(PROGRAMS / "with_processes.py"), "flood", server.url("a.test")]
    command = [sys.executable, "-m", "conntrace", "run", "-o", str(output), "--", *program]
    with subprocess.Popen(
        [*command, str(REQUESTS), str(CONNECTIONS)],
        env={**os.environ, **run.env},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as parent:
        assert parent.stdin is not None
        assert parent.stdout is not None
        assert parent.stdout.readline() == "ready\n"
        parent.send_signal(signal.SIGSTOP)
        parent.stdin.write("go\n")
        parent.stdin.flush()
        assert parent.stdout.readline() == "done\n"
        parent.send_signal(signal.SIGCONT)
        _, said = parent.communicate("go\n", timeout=60)
    spans = read_spans(output)
    dropped = int(re.findall(r"([\d,]+) dropped", said)[0].replace(",", ""))
    assert parent.returncode == 0
    assert len(spans.setups) == server.accepts == CONNECTIONS + 1
    assert all(spans.causes)
    assert len(server.requests) == REQUESTS + CONNECTIONS + 1
    assert dropped > 0
    assert len(spans.requests) + dropped == len(server.requests)
    assert_sound(spans)
