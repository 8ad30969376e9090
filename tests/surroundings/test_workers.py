"""Servers that fork workers: they answer the same, and what each worker does is recorded."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest

from conntrace import semantic_names as names
from conntrace.testing import read_spans
from tests.components.processes import free_port, listens, wait_until
from tests.servers.loopback import LoopbackServer
from tests.surroundings.test_tools import need

PROGRAMS = Path(__file__).parent / "programs"
GUNICORN = ["-m", "gunicorn", "--chdir", str(PROGRAMS), "--log-level", "critical", "web:wsgi"]
UVICORN = ["-m", "uvicorn", "--app-dir", str(PROGRAMS), "--log-level", "critical", "web:asgi"]
SERVERS = {
    "sync": [*GUNICORN, "-w", "2", "-k", "sync"],
    "sync preload": [*GUNICORN, "-w", "2", "-k", "sync", "--preload"],
    "gthread": [*GUNICORN, "-w", "1", "-k", "gthread", "--threads", "3"],
    "gthread preload": [*GUNICORN, "-w", "2", "-k", "gthread", "--threads", "2", "--preload"],
    "uvicorn": [*UVICORN, "--lifespan", "off"],
    "uvicorn workers": [*UVICORN, "--lifespan", "off", "--workers", "2"],
}
REQUESTS = 12


@pytest.fixture
def server() -> Iterator[LoopbackServer]:
    with LoopbackServer() as running:
        yield running


def answers(words: list[str], url: str, output: Path) -> list[bytes]:
    """What the application answers, under `conntrace run`, until it is told to stop."""
    port = free_port()
    bind = ["--port", str(port)] if "uvicorn" in words else ["-b", f"127.0.0.1:{port}"]
    run = [sys.executable, "-m", "conntrace", "run", "-o", str(output), "--", sys.executable]
    process = subprocess.Popen([*run, *words, *bind], env={**os.environ, "SHOP_URL": url})
    try:
        wait_until(lambda: listens(port), "the application", 30)
        asked = f"http://127.0.0.1:{port}/"
        found = [urllib.request.urlopen(asked, timeout=30).read() for _ in range(REQUESTS)]
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(30)
    return found


@pytest.mark.parametrize("name", SERVERS)
def test_workers_of_a_web_server(name: str, server: LoopbackServer, tmp_path: Path) -> None:
    """Each worker connects once and goes on with that; a preloaded client is no one's heir."""
    need("gunicorn" if "gunicorn" in SERVERS[name] else "uvicorn")
    output = tmp_path / "spans.jsonl"
    assert answers(SERVERS[name], server.url(path="/"), output) == [b"ok"] * REQUESTS

    spans = read_spans(output)
    assert len(spans.requests) == REQUESTS
    assert len(spans.setups) == server.accepts
    workers = {dict(each.resource.attributes)[names.PROCESS_PID] for each in spans.requests}
    first = spans.causes.count("first_use_of_destination")
    assert first == len(workers)
    assert set(spans.causes) <= {"first_use_of_destination", "pool_growing_concurrency"}
    assert spans.advice == []


def test_celery_with_prefork(server: LoopbackServer, tmp_path: Path) -> None:
    """A real worker, its broker a folder: the results are the same, six connections are seen."""
    need("celery")
    program = [sys.executable, str(PROGRAMS / "tasks.py")]
    url = server.url(path="/")
    plain = subprocess.run(
        [*program, str(tmp_path / "plain"), url], capture_output=True, text=True, timeout=100
    )
    output = tmp_path / "spans.jsonl"
    run = [sys.executable, "-m", "conntrace", "run", "-o", str(output), "--"]
    traced = subprocess.run(
        [*run, *program, str(tmp_path / "traced"), url], capture_output=True, text=True, timeout=100
    )
    assert plain.stdout == traced.stdout, traced.stderr
    assert plain.stdout.startswith(f"{['ok'] * 6}\n")
    assert plain.stdout.endswith("\n0\n")
    assert plain.returncode == traced.returncode == 0
    spans = read_spans(output)
    assert len(spans.setups) == 6
    workers = {dict(each.resource.attributes)[names.PROCESS_PID] for each in spans.setups}
    assert 1 <= len(workers) <= 2
