"""The channel under strain: full, without a reader, with a stranger on it."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from conntrace.analyzer import listener
from conntrace.analyzer.exporters.memory import MemoryExporter
from conntrace.analyzer.pipeline import Pipeline
from conntrace.analyzer.server import Server
from conntrace.cli.run import child_environment
from conntrace.testing import run_program
from tests.integration.conftest import Serve

TOKEN = "0" * 32

BUSY = """
import sys, urllib3
url, rounds = sys.argv[1], int(sys.argv[2])
manager = urllib3.PoolManager()
for _ in range(rounds):
    manager.request("GET", url)
# A set-up in the middle of the flood: it must not be lost.
urllib3.PoolManager().request("GET", url)
for _ in range(rounds):
    manager.request("GET", url)
print("flooded", flush=True)
sys.stdin.readline()
manager.request("GET", url)
"""


@contextmanager
def traced(
    source: str, *arguments: str, token: str = TOKEN
) -> Iterator[tuple[subprocess.Popen[str], listener.Address]]:
    """A program whose events go to a socket that the test reads when it likes."""
    address = listener.bind()
    environment = {**child_environment(address.value, token), "CONNTRACE_TESTING": "1"}
    program = subprocess.Popen(
        [sys.executable, "-c", source, *arguments],
        env=environment,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        yield program, address
    finally:
        program.kill()
        program.communicate()
        address.close()


def test_program_runs_on_without_a_reader(serve: Serve) -> None:
    """The analyzer dies in the middle: the program ends as if nothing had happened."""
    server = serve()
    with traced(BUSY, server.url("127.0.0.1"), "20") as (program, address):
        assert program.stdout is not None
        assert program.stdin is not None
        assert program.stdout.readline() == "flooded\n"
        address.close()
        output, _ = program.communicate("\n", timeout=20)

    assert (program.returncode, output) == (0, "")


def test_stranger_without_the_token_is_turned_away(serve: Serve) -> None:
    """What does not know the token of this run is counted and not believed."""
    server = serve()
    source = "import urllib3, sys; urllib3.PoolManager().request('GET', sys.argv[1])"
    with traced(source, server.url("127.0.0.1"), token="f" * 32) as (program, address):
        memory = MemoryExporter()
        pipeline = Pipeline([memory])
        receiving = Server(address, TOKEN, pipeline)
        receiving.serve(lambda seconds: (time.sleep(seconds), program.poll() is not None)[1])
        receiving.close()

    assert program.returncode == 0
    assert receiving.garbage >= 1
    assert memory.spans == []


@pytest.mark.parametrize("end", ["os._exit(7)", "os.kill(os.getpid(), 9)", "sys.exit(7)"])
def test_end_of_a_program_loses_nothing_finished(serve: Serve, end: str) -> None:
    """Whatever way a program ends, every request that it finished is there."""
    server = serve()
    url = server.url("127.0.0.1")
    result = run_program(
        f"import os, sys, urllib3\nmanager = urllib3.PoolManager()\n"
        f"for _ in range(30): manager.request('GET', {url!r})\n{end}\n"
    )

    assert result.exit_code in (7, -9)
    assert len(result.spans.requests) == 30
    assert not any(span.error for span in result.spans.requests)


def test_threads_share_one_channel(serve: Serve) -> None:
    """Eight threads at once: every request arrives once, whole."""
    server = serve()
    url = server.url("127.0.0.1")
    result = run_program(
        f"import threading, urllib3\n"
        f"manager = urllib3.PoolManager(maxsize=8)\n"
        f"def work():\n    for _ in range(40): manager.request('GET', {url!r})\n"
        f"threads = [threading.Thread(target=work) for _ in range(8)]\n"
        f"[t.start() for t in threads]; [t.join() for t in threads]\n"
    )

    assert result.exit_code == 0
    assert len(result.spans.requests) == 320
    assert len(result.spans.setups) == server.accepts


# As a daemon does when it starts: everything that it did not open itself is closed.
CLOSES_ALL = """
import os, socket, urllib.request, sys
urllib.request.urlopen(sys.argv[1]).close()
os.closerange(3, 256)
ends = [end for _ in range(8) for end in socket.socketpair()]
paths = [os.open(os.devnull, os.O_RDONLY) for _ in range(8)]
urllib.request.urlopen(sys.argv[1]).close()
for end in ends:
    end.setblocking(False)
    try:
        sys.exit(f"what nobody sent: {end.recv(100)}")
    except BlockingIOError:
        pass
for path in paths:
    os.fstat(path)
print("as ever")
"""


def test_a_program_that_closes_descriptors_which_are_not_its_own(serve: Serve) -> None:
    """Its next ones get the same numbers: nothing of ours may reach them, or close them."""
    server = serve()
    result = run_program([sys.executable, "-c", CLOSES_ALL, server.url()])
    assert (result.stdout, result.exit_code) == ("as ever\n", 0), result.stderr
    assert len(result.spans.setups) == 2
