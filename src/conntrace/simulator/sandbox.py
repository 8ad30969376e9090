"""One execution environment's processes, from outside: start, freeze, kill, and who exited."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from conntrace.errors import ConntraceError
from conntrace.simulator import processes

_PROGRAM = Path(__file__).with_name("sandbox_program.py")
_START_LIMIT_S = 30.0
_LARGEST_MESSAGE = 1024 * 1024
LIBRARIES = "LD_LIBRARY_PATH"


@dataclass(frozen=True, slots=True)
class Mount:
    """A folder or file that the environment's processes see in place of another."""

    source: Path
    target: Path
    read_only: bool = True


@dataclass(frozen=True, slots=True)
class Program:
    """What to run; `name` is what its exit is told with."""

    name: str
    argv: Sequence[str]
    env: Mapping[str, str]
    cwd: str


class Sandbox:
    """A tree of processes that is frozen, counted and ended as one."""

    def __init__(self, mounts: Sequence[Mount], on_exit: Callable[[str, int], None]) -> None:
        """`on_exit(name, code)` is called from another thread; code -9 means killed by SIGKILL."""
        self._on_exit = on_exit
        self._control, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self._started: dict[str, int] = {}
        self._news = threading.Condition()
        self._peak = 0
        lines = [[str(each.source), str(each.target), each.read_only] for each in mounts]
        with theirs:
            theirs.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, _LARGEST_MESSAGE)
            command = [sys.executable, "-I", "-S", str(_PROGRAM), str(theirs.fileno())]
            self._process = subprocess.Popen(
                [*command, json.dumps(lines)],
                stdin=subprocess.DEVNULL,
                pass_fds=(theirs.fileno(),),
                # The interpreter itself may need it.
                env={name: os.environ[name] for name in (LIBRARIES,) if name in os.environ},
                start_new_session=True,
            )
        self._control.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, _LARGEST_MESSAGE)
        self._control.settimeout(_START_LIMIT_S)
        ready = self._receive()
        if ready is None:
            self.close()
            raise ConntraceError("lambda-no-sandbox", "the local Lambda cannot start its processes")
        self.mounted: bool = ready["mounted"]
        self.why_not_mounted: str = ready.get("why", "")
        self._control.settimeout(None)
        self._reader = threading.Thread(target=self._listen, name="lambda-exits", daemon=True)
        self._reader.start()

    def start(self, program: Program, output: int) -> int:
        """Run a program, its two outputs going to the descriptor; its pid."""
        order = {
            "name": program.name,
            "argv": list(program.argv),
            "env": dict(program.env),
            "cwd": program.cwd,
        }
        with self._news:
            socket.send_fds(self._control, [json.dumps(order).encode()], [output])
            if not self._news.wait_for(lambda: program.name in self._started, _START_LIMIT_S):
                raise ConntraceError(
                    "lambda-no-sandbox", f"the local Lambda cannot start {program.argv[0]}"
                )
            return self._started[program.name]

    def freeze(self) -> None:
        """Stop every process where it stands."""
        processes.stop(self._process.pid)

    def thaw(self) -> None:
        """Let them go on."""
        processes.resume(self._process.pid)

    def pids(self) -> list[int]:
        """Every living process of the environment."""
        return processes.below(self._process.pid)

    def signal(self, name: str, number: signal.Signals) -> None:
        """Send a signal to the process group of one program."""
        pid = self._started.get(name)
        if pid is not None:
            try:
                os.killpg(pid, number)
            except (ProcessLookupError, PermissionError):
                pass

    def resident_bytes(self) -> int:
        """Physical memory in use now."""
        return processes.resident_bytes(self.pids())

    def peak_bytes(self) -> int:
        """The most physical memory that the environment's processes ever had."""
        self._peak = max(self._peak, processes.peak_bytes(self.pids()))
        return self._peak

    def close(self) -> None:
        """Kill what is left; returns when nothing of it runs any more."""
        try:
            self._control.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass
        try:
            self._process.wait(timeout=10)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        if hasattr(self, "_reader"):
            self._reader.join(timeout=5)
        self._control.close()

    def _receive(self) -> dict[str, Any] | None:
        try:
            message = self._control.recv(_LARGEST_MESSAGE)
        except OSError:
            return None
        return json.loads(message) if message else None

    def _listen(self) -> None:
        running = set()
        while (news := self._receive()) is not None:
            if "started" in news:
                running.add(news["started"])
                with self._news:
                    self._started[news["started"]] = news["pid"]
                    self._news.notify_all()
            elif "exited" in news:
                running.discard(news["exited"])
                self._on_exit(news["exited"], news["code"])
        # Its end, expected or not, is the end of all.
        for name in running:
            self._on_exit(name, -signal.SIGKILL)
