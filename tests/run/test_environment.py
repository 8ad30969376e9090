"""What the command finds when it starts: as without conntrace, but for three variables."""

from __future__ import annotations

import os
import subprocess
import time
from pathlib import Path

import pytest
from tests.run.commands import CONNTRACE, PYTHON, run, said

import conntrace

STARTUP = str(Path(conntrace.__file__).parent / "startup")


def plain(*words: str, env: dict[str, str] | None = None) -> str:
    """The output of the command without conntrace."""
    return subprocess.run(
        words, capture_output=True, text=True, check=True, env=env, stdin=subprocess.DEVNULL
    ).stdout


def environment_of(text: str) -> dict[str, str]:
    return dict(line.partition("=")[::2] for line in text.splitlines())


@pytest.mark.parametrize("path", [None, "", "/a:/b", f"{STARTUP}:/a", ":/a:"])
def test_the_start_up_folder_goes_first_on_pythonpath(path: str | None) -> None:
    env = {"PYTHONPATH": path} if path is not None else {}
    found = environment_of(run("--", "env", env=env).stdout)["PYTHONPATH"].split(":")
    given = [each for each in (path or os.environ.get("PYTHONPATH", "")).split(":") if each]
    assert found == [STARTUP, *(each for each in given if each != STARTUP)]


def test_nothing_else_changes() -> None:
    before = environment_of(plain("env"))
    after = environment_of(run("--", "env").stdout)
    assert after.pop("CONNTRACE_CHANNEL").startswith("seqpacket:@conntrace-")
    assert len(bytes.fromhex(after.pop("CONNTRACE_TOKEN"))) == 16
    after.pop("PYTHONPATH")
    before.pop("PYTHONPATH", None)
    assert after == before


def test_the_locale_that_our_own_python_sets_for_itself_does_not_reach_the_command() -> None:
    env = {key: text for key, text in os.environ.items() if not key.startswith(("LC_", "LANG"))}
    command = [*CONNTRACE, "run", "--", "env"]
    ended = subprocess.run(command, capture_output=True, text=True, check=True, env=env)
    assert "LC_CTYPE" not in environment_of(ended.stdout)
    env["LC_CTYPE"] = "C.UTF-8"
    ended = subprocess.run(command, capture_output=True, text=True, check=True, env=env)
    assert environment_of(ended.stdout)["LC_CTYPE"] == "C.UTF-8"


def test_signals_are_as_they_were() -> None:
    command = ["grep", "-E", "SigBlk|SigIgn|SigCgt", "/proc/self/status"]
    # glibc's posix_spawn ignores its two internal signals, 32 and 33, in every child.
    internal = 0b11 << 31

    def masks(text: str) -> list[int]:
        return [int(line.split()[1], 16) & ~internal for line in text.splitlines()]

    assert masks(run("--", *command).stdout) == masks(plain(*command))


def test_ignored_signals_stay_ignored() -> None:
    """As under nohup."""
    words = ["sh", "-c", 'trap "" HUP; exec "$@"', "sh", *CONNTRACE, "run", "--"]
    ended = subprocess.run(
        [*words, "grep", "SigIgn", "/proc/self/status"], capture_output=True, text=True, check=True
    )
    assert int(ended.stdout.split()[1], 16) & 1


def test_no_descriptor_of_ours_is_open_in_it() -> None:
    command = ["sh", "-c", "ls /proc/$$/fd"]
    assert run("--", *command, stdin="").stdout == plain(*command)


@pytest.mark.parametrize("closed", ["<&-", ">&-", "2>&-", "<&- >&- 2>&-"])
def test_a_stream_that_is_closed_stays_closed_and_is_no_socket_of_ours(
    closed: str, tmp_path: Path
) -> None:
    """As cron jobs and daemons have it: the command finds the same, and is recorded."""
    events, seen = tmp_path / "events.txt", tmp_path / "seen"
    listing = f"ls /proc/$$/fd > {seen}; exec {PYTHON} -c 'import socket'"
    words = ["sh", "-c", f'exec "$@" {closed}', "sh"]
    found = []
    for command in ([], [*CONNTRACE, "run", "--events", str(events), "--"]):
        streams = dict.fromkeys(("stdin", "stdout", "stderr"), subprocess.DEVNULL)
        subprocess.run([*words, *command, "sh", "-c", listing], check=True, timeout=60, **streams)
        found.append(seen.read_text())
    assert found[0] == found[1]
    assert "\thello\t" in events.read_text()


def test_standard_input_is_the_commands() -> None:
    assert run("--", "cat", stdin="some\ntext").stdout == "some\ntext"


def test_standard_output_ends_when_the_command_says_so() -> None:
    """Nobody who reads it has to wait for us."""
    began = time.monotonic()
    with subprocess.Popen(
        [*CONNTRACE, "run", "--", "sh", "-c", "echo x; exec >&-; sleep 1.5"],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
    ) as running:
        assert running.stdout is not None
        assert running.stdout.read() == b"x\n"
        assert time.monotonic() - began < 1.4
        running.wait()


def test_a_reader_that_goes_away_ends_the_command_and_not_us() -> None:
    ended = subprocess.run(
        ["sh", "-c", '"$@" | head -n 1', "sh", *CONNTRACE, "run", "--", "yes"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert ended.stdout == "y\n"
    assert "Traceback" not in ended.stderr


def test_arguments_arrive_unchanged() -> None:
    words = ["", "two words", "-o", "--", "\udce9", "*"]
    code = "import sys, os; sys.stdout.buffer.write(b'|'.join(map(os.fsencode, sys.argv[1:])))"
    ended = subprocess.run(
        [*CONNTRACE, "run", PYTHON, "-I", "-S", "-c", code, *words],
        capture_output=True,
        check=True,
    )
    assert ended.stdout == b"|".join(map(os.fsencode, words))


@pytest.mark.parametrize(
    "switch", [{"CONNTRACE_ENABLED": "false"}, {"OTEL_SDK_DISABLED": "true"}], ids=str
)
def test_switched_off_the_command_runs_untouched(switch: dict[str, str]) -> None:
    ended = run("--", "env", env=switch)
    assert environment_of(ended.stdout) == environment_of(plain("env", env=os.environ | switch))
    (line,) = said(ended)
    assert line.startswith(f"switched off by {next(iter(switch))}")
    assert run("--", "sh", "-c", "exit 4", env=switch).returncode == 4
    assert run("--", "sh", "-c", "kill -TERM $$", env=switch).returncode == -15


def test_without_any_unix_socket_the_command_runs_untouched(tmp_path: Path) -> None:
    (tmp_path / "sitecustomize.py").write_text(
        "import _socket, os, sys\n"
        "class Broken(_socket.socket):\n"
        "    def bind(self, name):\n"
        "        raise OSError(95, 'Operation not supported')\n"
        "_socket.socket = Broken\n"
    )
    there = tmp_path / "tmp"
    there.mkdir()
    ended = run("--", "sh", "-c", "exit 6", env={"PYTHONPATH": str(tmp_path), "TMPDIR": str(there)})
    assert ended.returncode == 6
    (line,) = said(ended)
    assert line.endswith("[no-channel]")
    assert list(there.iterdir()) == [], "the folder for the socket does not stay"


def test_a_run_within_a_run() -> None:
    ended = run("--", *CONNTRACE, "run", "--", PYTHON, "-c", "print('in')")
    assert ended.stdout == "in\n"
    assert ended.returncode == 0
