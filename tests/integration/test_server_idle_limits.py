"""Real servers with idle limits of their own: what is reported is what they are set to."""

from __future__ import annotations

import socket
import sys
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from conntrace import semantic_names as names
from tests.components.processes import Server, free_port, listens
from tests.components.require import require_component
from tests.integration.running import FIRST, Runner, confidence

APPLICATION = """
async def asgi(scope, receive, send):
    headers = [(b"content-length", b"2")]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    await send({"type": "http.response.body", "body": b"ok"})

def wsgi(environ, start_response):
    start_response("200 OK", [("Content-Length", "2")])
    return [b"ok"]
"""
NODE = """
const server = require("http").createServer((_, answer) => answer.end("ok"))
server.listen(Number(process.argv[2]), "127.0.0.1")
"""
UVICORN = ("-m", "uvicorn", "--lifespan", "off", "--log-level", "warning", "shop:asgi", "--port")


def check(
    run: Runner, server: Server, port: int, limit_s: Callable[[], float], pause_s: float
) -> None:
    """A pause longer than the limit: proved, and the limit is found out to 0.1 s."""
    try:
        assert server.wait_ready(lambda: listens(port)), server.last_words()
        check_limit(run, port, limit_s, pause_s)
    finally:
        server.stop()


def check_limit(run: Runner, port: int, limit_s: Callable[[], float], pause_s: float) -> None:
    """Two requests with a pause between; again when a busy machine made the server late."""
    url, found = f"http://127.0.0.1:{port}/", 0.0
    for _ in range(3):
        spans = run("with_failures", "pause_between", url, url, pause_s)
        assert spans.causes == [FIRST, "server_closed_idle"]
        setup = spans.setups[1]
        assert confidence(setup) == "proved"
        found = float(str(setup.attributes[names.CLOSE_SERVER_IDLE_LIMIT_S]))
        if found <= limit_s() + 0.1:
            break
    assert found == pytest.approx(limit_s(), abs=0.1)


def test_uvicorn(run: Runner, tmp_path: Path) -> None:
    """uvicorn's default: 5 s."""
    pytest.importorskip("uvicorn")
    (tmp_path / "shop.py").write_text(APPLICATION)
    port = free_port()
    words = [sys.executable, *UVICORN, str(port), "--app-dir", str(tmp_path)]
    check(run, Server(words, tmp_path / "log"), port, lambda: 5.0, 5.8)


def test_gunicorn(run: Runner, tmp_path: Path) -> None:
    """gunicorn's default, with threads: 2 s."""
    pytest.importorskip("gunicorn")
    (tmp_path / "shop.py").write_text(APPLICATION)
    port = free_port()
    options = ["-k", "gthread", "--threads", "2", "-b", f"127.0.0.1:{port}"]
    words = [sys.executable, "-m", "gunicorn", "--chdir", str(tmp_path), *options, "shop:wsgi"]
    check(run, Server(words, tmp_path / "log"), port, lambda: 2.0, 3.6)


@pytest.mark.component
def test_node(run: Runner, tmp_path: Path) -> None:
    """Node is set to 5 s, to which some versions add a second: a plain socket tells."""
    node = require_component("node")
    program = tmp_path / "server.js"
    program.write_text(NODE)
    port = free_port()
    server = Server([node, program, str(port)], tmp_path / "log")
    assert server.wait_ready(lambda: listens(port)), server.last_words()
    with ThreadPoolExecutor() as pool:
        limit_s = pool.submit(idle_limit, port)
        check(run, server, port, limit_s.result, 6.8)
    assert limit_s.result() == pytest.approx(5.5, abs=0.7)


@pytest.mark.component
def test_dynamodb_local(run: Runner, dynamodb_local_port: int) -> None:
    """The Jetty inside DynamoDB Local has its default: 30 s."""
    check_limit(run, dynamodb_local_port, lambda: 30.0, 30.8)


def idle_limit(port: int) -> float:
    """How long the server keeps a connection after an answer, seen by a plain socket."""
    with socket.create_connection(("127.0.0.1", port), timeout=20) as one:
        one.sendall(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n")
        one.recv(4096)
        answered = time.monotonic()
        while one.recv(4096):
            answered = time.monotonic()
        return time.monotonic() - answered
