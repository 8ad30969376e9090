"""`run` ends exactly as the command did, and soon."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from tests.run.commands import CONNTRACE, PYTHON, run, said

CAN_UNSHARE = (
    shutil.which("unshare") is not None
    and subprocess.run(
        ["unshare", "--pid", "--fork", "--mount-proc", "true"],
        capture_output=True,
        check=False,
    ).returncode
    == 0
)


@pytest.mark.parametrize("code", [0, 1, 3, 127, 255])
def test_the_exit_code_is_the_commands(code: int) -> None:
    assert run("--", "sh", "-c", f"exit {code}").returncode == code


@pytest.mark.parametrize("name", ["TERM", "KILL", "SEGV", "ABRT", "INT", "HUP", "PIPE", "USR1"])
def test_it_dies_by_the_same_signal(name: str, tmp_path: Path) -> None:
    ended = run("--", "sh", "-c", f"ulimit -c 0; kill -{name} $$", cwd=tmp_path)
    assert ended.returncode == -getattr(signal, f"SIG{name}")
    assert list(tmp_path.iterdir()) == [], "no core file of its own"


def test_a_command_that_is_not_there() -> None:
    ended = run("no-such-command")
    assert ended.returncode == 127
    assert said(ended) == ["command not found: no-such-command [command-not-found]"]


@pytest.mark.parametrize(("name", "command"), [("own.py", "python own.py"), ("own", "./own")])
def test_a_file_of_this_folder_is_no_command(tmp_path: Path, name: str, command: str) -> None:
    (tmp_path / name).write_text("print('own')")
    ended = run(name, cwd=tmp_path)
    assert ended.returncode == 127
    assert said(ended) == [
        f"command not found: {name}; for the file in this folder: {command} [command-not-found]"
    ]


@pytest.mark.parametrize(
    ("content", "mode", "reason"),
    [
        ("data", 0o644, "Permission denied"),
        ("data", 0o755, "Exec format error"),
        ("#!/no/such/interpreter\n", 0o755, "the interpreter that its first line names is missing"),
    ],
)
def test_a_file_that_cannot_be_executed(
    tmp_path: Path, content: str, mode: int, reason: str
) -> None:
    program = tmp_path / "program"
    program.write_text(content)
    program.chmod(mode)
    ended = run(str(program))
    assert ended.returncode == 126
    assert said(ended) == [f"cannot execute {program}: {reason} [command-not-executable]"]


@pytest.mark.parametrize(
    ("words", "slug"),
    [
        ((), "no-command"),
        (("--report",), "no-command"),
        (("--",), "no-command"),
        (("--outptu", "x", "true"), "unknown-option"),
        (("-x", "true"), "unknown-option"),
        (("-o",), "file-name-missing"),
        (("-o", "--", "true"), "file-name-missing"),
        (("--output=", "true"), "file-name-missing"),
        (("-o", "-", "true"), "file-name-missing"),
        (("-o", "/dev/stdout", "true"), "file-name-missing"),
        (("--events=/dev/fd/1", "true"), "file-name-missing"),
        (("-o", "same", "--events", "./same", "true"), "wrong-usage"),
        (("--report=yes", "true"), "wrong-usage"),
        (("true", "-o"), ""),
    ],
)
def test_wrong_usage(words: tuple[str, ...], slug: str) -> None:
    ended = run(*words)
    if not slug:
        assert ended.returncode == 0, "what follows the command is the command's own"
        return
    assert ended.returncode == 2
    (line,) = said(ended)
    assert line.endswith(f"[{slug}]")
    assert ended.stdout == ""


@pytest.mark.parametrize("flag", ["-h", "--help"])
def test_help(flag: str) -> None:
    ended = run(flag)
    assert ended.returncode == 0
    assert ended.stdout.startswith("Usage: conntrace run ")
    assert max(map(len, ended.stdout.splitlines())) <= 80


def test_a_short_command_is_not_held_up() -> None:
    began = time.monotonic()
    run("--", PYTHON, "-c", "")
    assert time.monotonic() - began < 5


def test_a_daemon_that_python_left_behind_holds_it_up_for_a_second_only(tmp_path: Path) -> None:
    program = tmp_path / "daemon.py"
    program.write_text(
        "import os, time\n"
        "if os.fork() == 0:\n"
        "    os.setsid()\n"
        "    null = os.open(os.devnull, os.O_RDWR)\n"
        "    [os.dup2(null, fd) for fd in (0, 1, 2)]\n"
        f"    open({str(tmp_path / 'pid')!r}, 'w').write(str(os.getpid()))\n"
        "    time.sleep(60)\n"
        "time.sleep(0.2)\n"
    )
    began = time.monotonic()
    ended = run("--", PYTHON, str(program))
    took = time.monotonic() - began
    os.kill(int((tmp_path / "pid").read_text()), signal.SIGKILL)
    assert ended.returncode == 0
    assert 1.0 < took < 10
    assert said(ended)[-1].startswith("2 processes")


PID_1 = ["unshare", "--pid", "--fork", "--mount-proc", "--kill-child", *CONNTRACE, "run", "--"]


@pytest.mark.skipif(not CAN_UNSHARE, reason="unshare --pid is not allowed here")
@pytest.mark.parametrize(
    ("script", "code"), [("exit 3", 3), ("kill -TERM $$", 143), ("kill -KILL $$", 137)]
)
def test_as_process_1_it_exits_with_128_and_the_signal(script: str, code: int) -> None:
    ended = subprocess.run([*PID_1, "sh", "-c", script], capture_output=True, check=False)
    assert ended.returncode == code


LIST_ZOMBIES = """
import os, subprocess, time
subprocess.run(["sh", "-c", "sleep 0.05 & sleep 0.1 &"])
time.sleep(0.5)
for pid in filter(str.isdigit, os.listdir("/proc")):
    with open(f"/proc/{pid}/stat") as stat:
        print(pid, stat.read().rpartition(")")[2].split()[0])
"""


@pytest.mark.skipif(not CAN_UNSHARE, reason="unshare --pid is not allowed here")
def test_as_process_1_it_reaps_orphans() -> None:
    ended = subprocess.run(
        [*PID_1, PYTHON, "-I", "-S", "-c", LIST_ZOMBIES],
        capture_output=True,
        text=True,
        check=True,
    )
    processes = dict(line.split() for line in ended.stdout.splitlines())
    assert sorted(processes) == ["1", "2"]
    assert "Z" not in processes.values()


def test_python_m_and_the_script_are_the_same() -> None:
    script = Path(sys.executable).with_name("conntrace")
    if not script.exists():
        pytest.skip("conntrace is not installed as a command here")
    ended = subprocess.run([script, "run", "--", "sh", "-c", "exit 9"], check=False)
    assert ended.returncode == 9
