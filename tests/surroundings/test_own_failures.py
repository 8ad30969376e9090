"""Whatever of the agent breaks: the program gets what it gets without it."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.servers.loopback import Behaviour, LoopbackServer

PROGRAM = Path(__file__).parent / "programs" / "broken_agent.py"


@pytest.mark.parametrize("kind", ["raise", "garbage", "lock"])
def test_every_function_of_the_agent_broken_in_turn(kind: str) -> None:
    with LoopbackServer(Behaviour(max_connections=20_000)) as server:
        ended = subprocess.run(
            [sys.executable, str(PROGRAM), kind, server.url()],
            capture_output=True,
            text=True,
            timeout=110,
            env={**os.environ, "NO_PROXY": "*", "CONNTRACE_TESTING": ""},
        )
    assert ended.returncode == 0, ended.stdout + ended.stderr
    first, *rest = ended.stdout.splitlines()
    assert first.count("b'ok'") == 7, first
    assert "ProtocolError" in first
    assert "NewConnectionError" in first
    assert rest == ["True 0 True", "True"]
