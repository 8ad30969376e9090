"""Starting and ending server programs, with every wait bounded."""

from __future__ import annotations

import _socket
import os
import random
import signal
import subprocess
import time
from collections.abc import Callable, Sequence
from pathlib import Path

# A mark that tests' programs inherit and our servers do not: see leftovers.py.
TEST_MARK = "TEST_OF_CONNTRACE"

# Pids of servers that live longer than one test.
lasting_servers: set[int] = set()

# Below the range from which systems take the local ports of outgoing connections, so that no
# client gets the port between our look and the server's bind.
PORTS = range(15000, 32000)


def free_port() -> int:
    """A loopback port that nobody listens on, and that no other call of ours is likely to draw."""
    for _ in range(200):
        port = random.SystemRandom().choice(PORTS)
        # The C class itself: hooks under test must not see what the fixtures do.
        probe = _socket.socket(_socket.AF_INET, _socket.SOCK_STREAM)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            continue
        finally:
            probe.close()
        return port
    raise RuntimeError("no free port found")


def listens(port: int) -> bool:
    """Whether something accepts on the loopback port."""
    probe = _socket.socket(_socket.AF_INET, _socket.SOCK_STREAM)
    try:
        probe.settimeout(1.0)
        probe.connect(("127.0.0.1", port))
    except OSError:
        return False
    finally:
        probe.close()
    return True


def wait_until(condition: Callable[[], bool], what: str, seconds: float = 10.0) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            raise TimeoutError(f"waited {seconds:g} s in vain: {what}")
        time.sleep(0.02)


class Server:
    """A server program: its output goes to a log file, and it never outlives its fixture."""

    def __init__(self, command: Sequence[str | Path], log: Path, lasting: bool = False) -> None:
        env = {name: value for name, value in os.environ.items() if name != TEST_MARK}
        # A coverage run must not measure, nor a tracer's start-up folder reach, somebody's server.
        for name in ("PYTHONPATH", "COVERAGE_PROCESS_START", "COVERAGE_PROCESS_CONFIG"):
            env.pop(name, None)
        self.log = log
        with open(log, "ab") as output:
            # A session of its own, so that a test's Ctrl-C at its own group leaves servers alone.
            self.process = subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                env=env,
                start_new_session=True,
            )
        if lasting:
            lasting_servers.add(self.process.pid)

    def wait_ready(self, ready: Callable[[], bool], seconds: float = 30.0) -> bool:
        """False when the program ended instead, which a taken port makes it do."""

        def ended_or_ready() -> bool:
            return self.process.poll() is not None or ready()

        try:
            wait_until(ended_or_ready, f"{self.process.args!r} to be ready", seconds)
        except TimeoutError as problem:
            raise TimeoutError(f"{problem}; it says: {self.last_words()}") from None
        return self.process.poll() is None

    def last_words(self) -> str:
        return self.log.read_text(errors="replace")[-2000:] if self.log.exists() else ""

    def stop(self) -> None:
        """Ask, wait, then end the whole session, workers included."""
        self.process.terminate()
        try:
            self.process.wait(timeout=5)
        except subprocess.TimeoutExpired:
            pass
        try:
            os.killpg(self.process.pid, signal.SIGKILL)
        except (ProcessLookupError, PermissionError):
            pass
        self.process.wait(timeout=10)
        lasting_servers.discard(self.process.pid)


def start_server(start: Callable[[], tuple[Server, Callable[[], bool]]], tries: int = 5) -> Server:
    """``start`` draws ports and starts; tried again when the program ended at once."""
    words = ""
    for _ in range(tries):
        server, ready = start()
        try:
            if server.wait_ready(ready):
                return server
        except BaseException:
            server.stop()
            raise
        words = server.last_words()
        server.stop()
    raise RuntimeError(f"the server ended {tries} times instead of serving: {words}")
