"""Signals: each reaches the command exactly once, and stopping stops both."""

from __future__ import annotations

import os
import pty
import signal
import sys
import termios
import time
from pathlib import Path

import pytest
from tests.run.commands import CONNTRACE, PYTHON, read_line, start, wait_for_state

# Counts the signals that it gets; ends at TERM with what it has counted, after a moment for more.
COUNTER = """
import os, signal, sys, time
seen = []
for name in ("HUP", "INT", "QUIT", "USR1", "USR2", "ALRM", "WINCH", "CONT"):
    signal.signal(getattr(signal, "SIG" + name), lambda number, frame: seen.append(number))
def end(number, frame):
    time.sleep(0.1)
    # Not print: the signal may have come in the middle of one.
    os.write(1, (" ".join(map(str, ["saw", *seen])) + chr(10)).encode())
    sys.exit(7)
signal.signal(signal.SIGTERM, end)
print("ready", os.getpid(), flush=True)
while True:
    time.sleep(0.01)
"""
COMMAND = ["--", PYTHON, "-I", "-S", "-c", COUNTER]


@pytest.mark.parametrize("name", ["HUP", "INT", "QUIT", "USR1", "USR2", "ALRM", "WINCH"])
def test_a_signal_that_someone_sends_is_passed_on_once(name: str) -> None:
    number = getattr(signal, f"SIG{name}")
    with start(*COMMAND) as running:
        assert read_line(running).startswith("ready")
        running.send_signal(number)
        time.sleep(0.1)
        running.terminate()
        assert read_line(running) == f"saw {number:d}"
        running.communicate()
        assert running.returncode == 7


def test_killing_conntrace_leaves_the_command_alone() -> None:
    with start(*COMMAND) as running:
        pid = int(read_line(running).split()[1])
        running.kill()
        running.wait()
        os.kill(pid, signal.SIGTERM)
        assert read_line(running) == "saw"


def test_a_command_that_is_stopped_and_continued_alone_does_not_leave_us_stopped() -> None:
    with start(*COMMAND) as running:
        pid = int(read_line(running).split()[1])
        os.kill(pid, signal.SIGSTOP)
        wait_for_state(pid, "T")
        time.sleep(0.05)
        os.kill(pid, signal.SIGCONT)
        time.sleep(0.05)
        running.terminate()
        assert read_line(running) == f"saw {signal.SIGCONT:d}"
        running.communicate(timeout=10)
        assert running.returncode == 7


def test_continuing_conntrace_continues_a_stopped_command_once() -> None:
    with start(*COMMAND) as running:
        pid = int(read_line(running).split()[1])
        os.kill(pid, signal.SIGSTOP)
        wait_for_state(pid, "T")
        time.sleep(0.05)
        running.send_signal(signal.SIGCONT)
        wait_for_state(pid, "S", "R")
        running.send_signal(signal.SIGCONT)
        time.sleep(0.05)
        running.terminate()
        assert read_line(running) == f"saw {signal.SIGCONT:d}"


class Terminal:
    """A command at a real terminal, in the foreground of a small shell."""

    def __init__(self, pid: int, descriptor: int) -> None:
        self.pid = pid
        self.descriptor = descriptor
        self.output = ""

    def press(self, key: bytes) -> None:
        os.write(self.descriptor, key)

    def read_until(self, text: str) -> str:
        """Everything up to the line with the text; the rest stays for later."""
        deadline = time.monotonic() + 20
        while text not in self.output:
            assert time.monotonic() < deadline, self.output
            try:
                self.output += os.read(self.descriptor, 4096).decode()
            except OSError:
                break
        before, found, self.output = self.output.partition(text)
        assert found, before
        rest, _, self.output = self.output.partition("\n")
        return (before + found + rest).replace("\r", "")


# What a shell with job control does: a process group in the foreground, waited for; when it is
# stopped, it says so, and continues it a moment later.
SHELL = """
import os, signal, sys, time
signal.signal(signal.SIGTTOU, signal.SIG_IGN)
pid = os.fork()
if pid == 0:
    os.setpgid(0, 0)
    os.tcsetpgrp(0, os.getpid())
    signal.signal(signal.SIGTTOU, signal.SIG_DFL)
    os.execv(sys.argv[1], sys.argv[1:])
while True:
    _, status = os.waitpid(pid, os.WUNTRACED)
    if not os.WIFSTOPPED(status):
        break
    os.tcsetpgrp(0, os.getpid())
    print("stopped by", os.WSTOPSIG(status), flush=True)
    time.sleep(0.2)
    os.tcsetpgrp(0, pid)
    os.killpg(pid, signal.SIGCONT)
print("ended with", os.waitstatus_to_exitcode(status), flush=True)
"""


@pytest.fixture
def terminal(tmp_path: Path) -> Terminal:
    shell = tmp_path / "shell.py"
    shell.write_text(SHELL)
    pid, descriptor = pty.fork()
    if pid == 0:
        words = [PYTHON, "-I", "-S", str(shell), *CONNTRACE, "run", *COMMAND]
        os.execv(PYTHON, words)
    return Terminal(pid, descriptor)


def end(terminal: Terminal) -> None:
    os.waitpid(terminal.pid, 0)
    os.close(terminal.descriptor)


@pytest.mark.parametrize(
    ("key", "number"), [(b"\x03", signal.SIGINT), (b"\x1c", signal.SIGQUIT)], ids=["^C", "^\\"]
)
def test_a_key_at_the_terminal_reaches_the_command_once(
    terminal: Terminal, key: bytes, number: int
) -> None:
    pid = int(terminal.read_until("ready").split()[-1])
    terminal.press(key)
    time.sleep(0.2)
    os.kill(pid, signal.SIGTERM)
    assert terminal.read_until("saw").endswith(f"saw {number:d}")
    assert terminal.read_until("ended").endswith("ended with 7")
    end(terminal)


def test_stop_and_continue_at_the_terminal(terminal: Terminal) -> None:
    pid = int(terminal.read_until("ready").split()[-1])
    for _ in range(2):
        terminal.press(b"\x1a")
        assert terminal.read_until("stopped").endswith(f"stopped by {signal.SIGTSTP:d}")
        wait_for_state(pid, "T")
        wait_for_state(pid, "S", "R")
        time.sleep(0.1)
    os.kill(pid, signal.SIGTERM)
    # The shell woke the whole group: conntrace must not wake the command a second time.
    assert terminal.read_until("saw").endswith(f"saw {signal.SIGCONT:d} {signal.SIGCONT:d}")
    assert terminal.read_until("ended").endswith("ended with 7")
    end(terminal)


def test_the_terminal_is_the_commands(tmp_path: Path) -> None:
    """It can change the terminal's settings and read from it, as in the foreground."""
    program = tmp_path / "reads.py"
    program.write_text(
        "import termios, sys\n"
        "settings = termios.tcgetattr(0)\n"
        "settings[3] &= ~termios.ECHO\n"
        "termios.tcsetattr(0, termios.TCSANOW, settings)\n"
        "print('ready', sys.stdin.isatty(), sys.stdout.isatty(), flush=True)\n"
        "print('got', input(), flush=True)\n"
    )
    pid, descriptor = pty.fork()
    if pid == 0:
        os.execv(PYTHON, [*CONNTRACE, "run", "--", PYTHON, "-I", "-S", str(program)])
    terminal = Terminal(pid, descriptor)
    assert terminal.read_until("ready").endswith("ready True True")
    assert not termios.tcgetattr(descriptor)[3] & termios.ECHO
    terminal.press(b"typed\n")
    assert terminal.read_until("got").endswith("got typed")
    end(terminal)


def test_an_impatient_user_need_not_wait_for_the_rest(tmp_path: Path) -> None:
    """After the command's end a signal ends conntrace too, with the command's exit code."""
    program = tmp_path / "daemon.py"
    program.write_text(
        "import os, time\n"
        "print('ready', flush=True)\n"
        "if os.fork() == 0:\n"
        "    time.sleep(0.9)\n"
        "    os._exit(0)\n"
        "os._exit(5)\n"
    )
    with start("--", PYTHON, str(program)) as running:
        assert read_line(running) == "ready"
        deadline = time.monotonic() + 10
        while _children(running.pid) and time.monotonic() < deadline:
            time.sleep(0.01)
        running.send_signal(signal.SIGINT)
        running.wait(10)
        assert running.returncode == 5


def _children(pid: int) -> list[str]:
    return Path(f"/proc/{pid}/task/{pid}/children").read_text().split()


if sys.platform != "linux":
    pytest.skip("looks into /proc", allow_module_level=True)
