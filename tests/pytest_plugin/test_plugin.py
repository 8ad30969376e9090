"""The pytest plugin, in pytest runs of its own: as a user's project has it."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from conntrace.analyzer.span import Resource, Span
from conntrace.pytest_session import complaint
from tests.servers.loopback import LoopbackServer

TESTS = """
import pytest, urllib3

URL = {url!r}


@pytest.mark.max_new_connections(1)
def test_one_client():
    with urllib3.PoolManager() as client:
        client.request("GET", URL)
        client.request("GET", URL)


@pytest.mark.max_new_connections(1)
def test_a_client_each_time():
    for _ in range(3):
        with urllib3.PoolManager() as client:
            client.request("GET", URL)


def test_the_fixture(conntrace_capture):
    assert conntrace_capture.spans.causes == []
    with urllib3.PoolManager() as client:
        client.request("GET", URL)
        assert len(conntrace_capture.spans.causes) == 1
        client.request("GET", URL)
    assert len(conntrace_capture.spans.setups) == 1
    assert len(conntrace_capture.spans.requests) == 2


@pytest.mark.max_new_connections(0)
def test_both(conntrace_capture):
    assert conntrace_capture.spans == []


@pytest.mark.max_new_connections(0)
def test_that_fails_by_itself():
    with urllib3.PoolManager() as client:
        client.request("GET", URL)
    assert "its own reason" == ""


def test_without_conntrace():
    import socket

    assert not hasattr(socket.getaddrinfo, "__wrapped__")
"""


def run_pytest(
    folder: Path, tests: str, *words: str, env: dict[str, str] | None = None
) -> subprocess.CompletedProcess[str]:
    (folder / "pytest.ini").write_text("[pytest]\n")
    (folder / "test_shop.py").write_text(tests)
    options = ["-p", "no:randomly", "-p", "no:cacheprovider", "-rA", "--strict-markers"]
    return subprocess.run(
        [sys.executable, "-m", "pytest", *options, *words, "."],
        capture_output=True,
        text=True,
        timeout=100,
        check=False,
        cwd=folder,
        env={**os.environ, **(env or {})},
    )


def outcomes(ended: subprocess.CompletedProcess[str]) -> dict[str, str]:
    """Test -> PASSED, FAILED or ERROR, from the summary."""
    found = re.findall(r"^(PASSED|FAILED|ERROR) test_shop\.py::(\w+)", ended.stdout, re.M)
    return {name: word for word, name in found}


def test_marker_and_fixture(tmp_path: Path) -> None:
    with LoopbackServer() as server:
        ended = run_pytest(tmp_path, TESTS.format(url=server.url(path="/")))
    assert outcomes(ended) == {
        "test_one_client": "PASSED",
        "test_a_client_each_time": "FAILED",
        "test_the_fixture": "PASSED",
        "test_both": "PASSED",
        "test_that_fails_by_itself": "FAILED",
        "test_without_conntrace": "PASSED",
    }, ended.stdout
    assert "3 connections were set up; limit 1:" in ended.stdout
    assert f"127.0.0.1:{server.port}  client_recreated" in ended.stdout
    assert "its own reason" in ended.stdout, "the test's own failure is not covered up"
    assert "limit 0:" not in ended.stdout


@pytest.mark.parametrize("workers", [(), ("-n", "2")], ids=["one process", "xdist"])
def test_the_report(tmp_path: Path, workers: tuple[str, ...]) -> None:
    """Of all tests of all processes; markers and fixtures go on working."""
    with LoopbackServer() as server:
        tests = TESTS.format(url=server.url(path="/")).replace("assert not hasattr", "hasattr")
        ended = run_pytest(tmp_path, tests, "--conntrace-report", *workers)
    told = outcomes(ended)
    assert told["test_a_client_each_time"] == "FAILED", ended.stdout
    assert told["test_the_fixture"] == told["test_both"] == "PASSED", ended.stdout
    _, _, report = ended.stdout.partition("= conntrace =")
    assert "client_recreated" in report, ended.stdout
    assert re.search(r"\b6 connections", report), report


@pytest.mark.parametrize(
    ("number", "words"),
    [(1, "1 connection was set up; limit 0:"), (2, "2 connections were set up; limit 0:")],
)
def test_the_complaint_is_plain_english(number: int, words: str) -> None:
    setup = Span(
        "1" * 32, "2" * 16, "", "HTTP connection_setup a.test:80", "INTERNAL", 1, 2, Resource(())
    )
    assert complaint([setup] * number, 0).splitlines()[0] == words


def test_nothing_is_loaded_that_nobody_asked_for(tmp_path: Path) -> None:
    tests = """
import sys

def test_modules():
    PLUGINS = {"conntrace", "conntrace.pytest_plugin", "conntrace.pytest_lambda"}
    loaded = {name for name in sys.modules if name.startswith("conntrace")}
    assert loaded <= PLUGINS, loaded
"""
    ended = run_pytest(tmp_path, tests, "-p", "no:cov", env={"COVERAGE_PROCESS_START": ""})
    assert outcomes(ended) == {"test_modules": "PASSED"}, ended.stdout


@pytest.mark.parametrize("arguments", ["", "'3'", "-1", "1, 2", "n=3", "True"])
def test_a_wrong_marker(tmp_path: Path, arguments: str) -> None:
    tests = f"""
import pytest

@pytest.mark.max_new_connections({arguments})
def test_it():
    pass
"""
    ended = run_pytest(tmp_path, tests)
    assert ended.returncode != 0
    assert "@pytest.mark.max_new_connections(3)" in ended.stdout + ended.stderr
    assert "conntrace/pytest_plugin.py" not in ended.stdout, "whose mistake it is"


@pytest.mark.parametrize("words", [(), ("--conntrace-report",)], ids=["marker", "report"])
def test_where_conntrace_is_switched_off(tmp_path: Path, words: tuple[str, ...]) -> None:
    """A limit that cannot be checked must not look like one that was kept."""
    with LoopbackServer() as server:
        tests = TESTS.format(url=server.url(path="/"))
        ended = run_pytest(tmp_path, tests, *words, env={"CONNTRACE_ENABLED": "false"})
    assert ended.returncode != 0
    assert "conntrace cannot trace this process" in ended.stdout + ended.stderr


def test_warnings_as_errors_under_run(tmp_path: Path) -> None:
    """pytest names each plugin's package that it meets imported already, and under `conntrace run`
    ours is: `-p` marks it as the entry point of an installed wheel does."""
    (tmp_path / "test_it.py").write_text("def test_it(): pass\n")
    command = [sys.executable, "-m", "conntrace", "run", "-o", "spans.jsonl", "--"]
    command += [sys.executable, "-m", "pytest", "-W", "error", "-p", "conntrace", "test_it.py"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stdout + done.stderr
