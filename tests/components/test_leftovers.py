"""The check for leftovers finds what it is there to find."""

from __future__ import annotations

import functools
import os
import signal
import socket
import subprocess
import sys
from typing import Any

import pytest

from tests.components import leftovers
from tests.components.processes import wait_until


def test_finds_a_wrapper_that_copies_every_name(monkeypatch: pytest.MonkeyPatch) -> None:
    original = socket.getaddrinfo

    @functools.wraps(original)
    def wrapper(*args: Any, **kwargs: Any) -> Any:
        return original(*args, **kwargs)

    assert leftovers.still_patched() == []

    monkeypatch.setattr(socket, "getaddrinfo", wrapper)
    monkeypatch.setattr(socket.socket, "connect", wrapper, raising=False)

    assert leftovers.still_patched() == ["socket.getaddrinfo", "socket.socket.connect"]
    monkeypatch.undo()
    # monkeypatch sets inherited attributes back instead of deleting them: so does a careless undo.
    if "connect" in vars(socket.socket):
        del socket.socket.connect


def test_finds_a_child() -> None:
    before = leftovers.running_programs()
    child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"])

    assert [child.pid] == list(leftovers.new_programs(before, seconds=0))

    child.kill()
    child.wait()
    assert leftovers.new_programs(before) == {}


@pytest.mark.skipif(not os.path.exists("/proc/self/environ"), reason="orphans are found in /proc")
def test_finds_a_program_whose_parent_is_gone() -> None:
    before = leftovers.running_programs()
    program = "import os, time; os.fork() and os._exit(0); time.sleep(60)"
    subprocess.run([sys.executable, "-c", program], check=True)

    (orphan,) = leftovers.new_programs(before, seconds=0)

    os.kill(orphan, signal.SIGKILL)
    wait_until(lambda: not leftovers.new_programs(before, seconds=0), "the orphan to end")
