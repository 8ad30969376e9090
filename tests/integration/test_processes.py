"""Child processes of every kind, and processes that end without a goodbye."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from conntrace import semantic_names as names
from conntrace.testing import Result, read_spans
from tests.integration.conftest import Serve
from tests.integration.running import FIRST, PROGRAMS, Runner
from tests.integration.sound import assert_sound
from tests.servers.faults import OK, FaultServer
from tests.servers.wire import Request

PROGRAM = str(PROGRAMS / "with_processes.py")


def pids(result: Result) -> set[object]:
    """The process ids that spans came from."""
    return {dict(span.resource.attributes)[names.PROCESS_PID] for span in result.spans}


@pytest.mark.parametrize("method", ["fork", "spawn", "forkserver"])
def test_multiprocessing(run: Runner, serve: Serve, method: str) -> None:
    """A child of multiprocessing is traced, though it ends by os._exit."""
    server = serve()
    spans = run("with_processes", "child", server.url("a.test"), method)
    assert spans.causes == [FIRST]
    assert server.accepts == 1


def test_subprocess(run: Runner, serve: Serve) -> None:
    """A program started by the program is traced."""
    server = serve()
    assert run("with_processes", "by_subprocess", server.url("a.test")).causes == [FIRST]


def test_exec(run: Runner, serve: Serve) -> None:
    """execv ends one process of ours and begins another, with the same process id."""
    server = serve()
    result = run.result("with_processes", "by_exec", server.url("a.test"))
    assert result.exit_code == 0, result.stderr
    assert result.spans.causes == [FIRST, FIRST]
    assert len(pids(result)) == 1
    assert len({span.resource for span in result.spans}) == 2
    assert_sound(result.spans)


def test_what_waits_is_sent_before_exec(run: Runner) -> None:
    """The end of a refused connect goes along with what follows; here another program follows."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        port = listening.getsockname()[1]
    (span,) = run("with_processes", "refused_then_exec", str(port))
    assert span.attributes["error.type"] == "connection_refused"
    assert names.UNFINISHED_PHASE not in span.attributes


def test_os_exit(run: Runner, serve: Serve) -> None:
    """os._exit loses nothing that was finished, and keeps its exit code."""
    server = serve()
    spans = run("with_processes", "by_exit", server.url("a.test"), code=7)
    assert spans.causes == [FIRST]
    assert len(spans.requests) == 1


def test_kill(run: Runner, serve: Serve) -> None:
    """kill -9: what was finished is kept, what was open is closed as an error with its phase."""
    server = serve()
    result = run.result("with_processes", "by_kill", server.url("a.test"))
    assert result.exit_code == -signal.SIGKILL
    done, hanging = result.spans.requests
    assert not done.error
    assert hanging.error
    assert hanging.attributes[names.UNFINISHED_PHASE] == "waiting"
    assert hanging.attributes[names.ERROR_TYPE]
    assert result.spans.causes[0] == FIRST
    assert_sound(result.spans)


@pytest.mark.parametrize(
    ("body", "reads", "phase"),
    [
        ("bytes", False, "sending"),
        ("file", False, "sending"),
        ("bytes", True, "waiting"),
        ("file", True, "waiting"),
        # Handed over at once, whoever reads it.
        ("small", False, "waiting"),
    ],
)
def test_kill_in_an_upload(run: Runner, body: str, reads: bool, phase: str) -> None:
    """Whether the server did not take the body, or did not answer."""
    over = threading.Event()

    def script(connection: int, served: int, client: socket.socket, request: Request) -> None:
        if served == 1:
            client.sendall(OK)
        while reads and client.recv(1_000_000):
            pass
        over.wait(60)

    with FaultServer(script) as server:
        try:
            result = run.result("with_processes", "by_kill_in_upload", server.url("a.test"), body)
        finally:
            over.set()
    assert result.exit_code == -signal.SIGKILL
    hanging = result.spans.requests[-1]
    assert hanging.attributes[names.HTTP_REQUEST_METHOD] == "PUT"
    assert hanging.attributes[names.CONNECTION_REUSED] is True
    assert hanging.attributes[names.UNFINISHED_PHASE] == phase
    assert_sound(result.spans)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGSEGV, signal.SIGABRT])
def test_death_by_signal(run: Runner, serve: Serve, number: int) -> None:
    """A death by a signal is passed on as the same death."""
    server = serve()
    result = run.result("with_processes", "by_signal", server.url("a.test"), int(number))
    assert result.exit_code == -number
    assert result.spans.causes == [FIRST]


def test_exception(run: Runner, serve: Serve) -> None:
    """The program's own traceback and exit code are its own."""
    server = serve()
    result = run.result("with_processes", "by_exception", server.url("a.test"))
    assert result.exit_code == 1
    assert result.stderr.count("Traceback") == 1
    assert "ValueError: the program's own" in result.stderr
    assert "conntrace/" not in result.stderr.partition("ValueError")[0]


def test_interrupt_at_a_terminal(run: Runner, serve: Serve, tmp_path: Path) -> None:
    """Ctrl-C at a terminal reaches the program once."""
    pty = pytest.importorskip("pty")
    server = serve()
    output = tmp_path / "spans.jsonl"
    words = ["wait_for_interrupt", server.url("a.test")]
    command = [sys.executable, "-m", "conntrace", "run", "-o", str(output), "--"]
    pid, terminal = pty.fork()
    if pid == 0:
        os.environ.update(run.env)
        os.execv(sys.executable, [*command, sys.executable, PROGRAM, *words])
    shown = read_until(terminal, b"ready")
    os.write(terminal, b"\x03")
    shown += read_until(terminal, b"")
    _, status = os.waitpid(pid, 0)
    os.close(terminal)
    assert b"interrupted 1 times" in shown, shown
    assert os.waitstatus_to_exitcode(status) == 0
    assert read_spans(output).causes == [FIRST]


def read_until(terminal: int, wanted: bytes) -> bytes:
    """What the terminal shows until `wanted` is in it, or to its end."""
    shown = b""
    while not wanted or wanted not in shown:
        try:
            chunk = os.read(terminal, 4096)
        except OSError:
            break
        if not chunk:
            break
        shown += chunk
    return shown


def test_program_outlives_conntrace(run: Runner, serve: Serve, tmp_path: Path) -> None:
    """When the analyzer is killed the program goes on unharmed, and what was written stays."""
    server = serve()
    output = tmp_path / "spans.jsonl"
    command = [sys.executable, "-m", "conntrace", "run", "-o", str(output), "--"]
    words = [sys.executable, PROGRAM, "long_run", server.url("a.test"), "1.0"]
    parent = subprocess.Popen(
        [*command, *words], env={**os.environ, **run.env}, stdout=subprocess.PIPE, text=True
    )
    with parent:
        assert parent.stdout is not None
        assert parent.stdout.readline() == "ready\n"
        while not output.exists() or not output.read_text():
            pass
        parent.kill()
        assert parent.stdout.readline() == "finished\n"
    assert read_spans(output).causes == [FIRST]
    assert len(server.requests) == 2


def test_thousands_of_requests(run: Runner, serve: Serve) -> None:
    """Nothing is lost in a fast run: every request has its span."""
    server = serve()
    result = run.result("with_processes", "many", server.url("a.test"), 2000)
    assert result.exit_code == 0
    assert len(result.spans.requests) == 2000
    assert result.spans.causes == [FIRST]
    assert "0 dropped" in result.stderr
