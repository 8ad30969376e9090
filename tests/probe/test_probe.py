"""`conntrace probe` against real servers, as a user calls it."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from tests.components.nginx_server import StartNginx
from tests.components.processes import Server, free_port, listens
from tests.servers.authority import Authority
from tests.servers.loopback import Behaviour, LoopbackServer

WSGI = """
def wsgi(environ, start_response):
    start_response("200 OK", [("Content-Length", "2")])
    return [b"ok"]
"""


def probe(*words: str, **more: Any) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "conntrace", "probe", *words],
        capture_output=True,
        text=True,
        timeout=100,
        check=False,
        **more,
    )


def document_of(ended: subprocess.CompletedProcess[str]) -> Any:
    assert ended.returncode == 0, ended.stderr
    return json.loads(ended.stdout)


def announced(ended: subprocess.CompletedProcess[str]) -> int:
    """How many requests it said it would send at most."""
    first = ended.stderr.splitlines()[0]
    return int(first.partition("at most ")[2].partition(" ")[0])


@pytest.mark.component
def test_nginx(nginx: StartNginx) -> None:
    """The limit that is configured, within 0.1 s, and the table around it."""
    server = nginx(keepalive_timeout="2s")
    ended = probe(server.url + "/", "--gaps", "0,1,3", "--repeat", "2", "--json")
    found = document_of(ended)

    limit = found["idle_limit"]
    assert limit["reused_s"] - 0.1 <= 2.0 <= limit["lost_s"] + 0.1
    assert limit["lost_s"] - limit["reused_s"] <= 0.101
    assert limit["seen_s"] == pytest.approx([2.0] * len(limit["seen_s"]), abs=0.1)
    assert [row["reused"] for row in found["gaps"]] == [1.0, 1.0, 0.0]
    assert found["gaps"][2]["causes"] == {"server_closed_idle": 2}
    sent = server.requests(found["requests"])
    assert len(sent) == found["requests"] <= announced(ended)


def test_gunicorn(tmp_path: Path) -> None:
    (tmp_path / "shop.py").write_text(WSGI)
    port = free_port()
    options = ["-k", "gthread", "--threads", "2", "--keep-alive", "2", "-b", f"127.0.0.1:{port}"]
    words = [sys.executable, "-m", "gunicorn", "--chdir", str(tmp_path), *options, "shop:wsgi"]
    server = Server(words, tmp_path / "log")
    try:
        assert server.wait_ready(lambda: listens(port)), server.last_words()
        ended = probe(f"http://127.0.0.1:{port}/", "--gaps", "0,1,4", "--repeat", "1", "--json")
    finally:
        server.stop()
    limit = document_of(ended)["idle_limit"]
    assert limit["lost_s"] - limit["reused_s"] <= 0.101
    assert limit["reused_s"] - 0.1 <= 2.0 <= limit["lost_s"] + 0.1


def test_a_server_without_a_limit_in_reach() -> None:
    with LoopbackServer() as server:
        ended = probe(server.url(path="/"), "--gaps", "0,0.3", "--repeat", "2")
        sent = len(server.requests)
        accepts = server.accepts
    assert ended.returncode == 0
    assert "no idle limit up to it" in ended.stdout
    assert accepts == 1
    assert f"{sent} requests to" in ended.stdout
    assert sent <= announced(ended)


def test_a_server_that_keeps_nothing() -> None:
    with LoopbackServer(Behaviour(max_requests=1)) as server:
        ended = probe(server.url(path="/"), "--gaps", "0", "--repeat", "2")
    assert "No connection was used again" in ended.stdout
    assert "response_connection_close" in ended.stdout


def test_tls(tmp_path: Path) -> None:
    authority = Authority(tmp_path)
    with LoopbackServer(tls=authority.server_context()) as server:
        trusted = {**os.environ, "SSL_CERT_FILE": str(authority.bundle)}
        ended = probe(server.url("localhost", "/"), "--gaps", "0", "--json", env=trusted)
        refused = probe(server.url("localhost", "/"), "--gaps", "0")
    assert [row["reused"] for row in document_of(ended)["gaps"]] == [1.0]
    assert_one_line(refused, "probe-tls", 1)


def test_ctrl_c_shows_what_there_is() -> None:
    with LoopbackServer() as server:
        url = server.url(path="/")
        running = subprocess.Popen(
            [sys.executable, "-m", "conntrace", "probe", url, "--gaps", "0,60", "--rate", "50"],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        deadline = time.monotonic() + 30
        while len(server.requests) < 7:
            assert time.monotonic() < deadline
            time.sleep(0.02)
        time.sleep(0.2)
        running.send_signal(signal.SIGINT)
        out, err = running.communicate(timeout=30)
    assert running.returncode == 130
    assert "Interrupted" in out
    assert "0 s  3" in out
    assert "Traceback" not in err


def assert_one_line(ended: subprocess.CompletedProcess[str], slug: str, code: int) -> None:
    lines = [line for line in ended.stderr.splitlines() if "at most" not in line]
    assert len(lines) == 1, ended.stderr
    assert lines[0].endswith(f"[{slug}]")
    assert (ended.returncode, ended.stdout) == (code, "")


@pytest.mark.parametrize("url", ["ftp://a.test/", "nonsense", "http://", "http://[::1", ""])
def test_what_is_no_url(url: str) -> None:
    ended = probe(url)
    assert_one_line(ended, "probe-bad-url", 2)
    assert "at most" not in ended.stderr


def test_passwords_and_queries_are_not_shown(tmp_path: Path) -> None:
    """The page may be passed on, and what is on the terminal too."""
    page = tmp_path / "page.html"
    with LoopbackServer() as server:
        url = server.url(path="/orders?token=hidden").replace("://", "://me:hidden@")
        quick = ("--gaps", "0", "--repeat", "1", "--no-search")
        ended = probe(url, *quick, "--html", str(page))
        told = probe(url, *quick, "--json")
    assert document_of(told)["url"].endswith("/orders?\u2026")
    everything = ended.stdout + ended.stderr + page.read_text() + told.stdout + told.stderr
    assert "hidden" not in everything
    assert "/orders?\u2026" in ended.stdout


def test_answers_that_are_errors_are_said() -> None:
    with LoopbackServer() as server:
        ended = probe(server.url(path="/status/401"), "--gaps", "0", "--repeat", "1", "--no-search")
    assert "The first answer had status 401" in ended.stdout


def test_refused() -> None:
    assert_one_line(probe(f"http://127.0.0.1:{free_port()}/"), "probe-refused", 1)


def test_a_name_that_is_not_there() -> None:
    assert_one_line(probe("http://no-such-name.invalid/"), "probe-name-not-found", 1)


@pytest.fixture
def listener() -> Iterator[socket.socket]:
    with socket.create_server(("127.0.0.1", 0)) as bound:
        yield bound


def test_a_server_that_never_answers(listener: socket.socket) -> None:
    url = f"http://127.0.0.1:{listener.getsockname()[1]}/"
    assert_one_line(probe(url, "--timeout", "0.3"), "probe-no-answer", 1)


def test_an_answer_that_never_ends(listener: socket.socket) -> None:
    """Such as a stream of events, which says something often enough for any time-out."""

    def serve() -> None:
        connection, _ = listener.accept()
        with connection, suppress(OSError):
            connection.recv(4096)
            connection.sendall(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
            while True:
                connection.sendall(b"1\r\n.\r\n")
                time.sleep(0.05)

    server = threading.Thread(target=serve)
    server.start()
    url = f"http://127.0.0.1:{listener.getsockname()[1]}/"
    ended = probe(url, "--timeout", "0.5")
    server.join(timeout=20)
    assert not server.is_alive()
    assert_one_line(ended, "probe-no-answer", 1)


def test_gaps_that_are_all_too_long() -> None:
    """The close that was seen tells that a shorter gap would not have been."""
    with LoopbackServer(Behaviour(idle_limit_s=0.5)) as server:
        ended = probe(server.url(path="/"), "--gaps", "1.5", "--repeat", "1", "--json")
        sent = len(server.requests)
    found = document_of(ended)
    limit = found["idle_limit"]
    assert limit["lost_s"] - limit["reused_s"] <= 0.101
    assert limit["reused_s"] - 0.1 <= 0.5 <= limit["lost_s"] + 0.1
    assert sent == found["requests"] <= announced(ended)


def probe_redirected(
    listener: socket.socket, location: str, times: int
) -> subprocess.CompletedProcess[str]:
    """Probe a server that answers so many requests with this redirect."""
    port = listener.getsockname()[1]
    answer = (
        f"HTTP/1.1 302 Found\r\nLocation: {location.format(port=port)}\r\n"
        "Content-Length: 0\r\nConnection: close\r\n\r\n"
    ).encode()

    def serve() -> None:
        for _ in range(times):
            connection, _ = listener.accept()
            with connection:
                connection.recv(4096)
                connection.sendall(answer)

    server = threading.Thread(target=serve)
    server.start()
    ended = probe(f"http://127.0.0.1:{port}/")
    server.join(timeout=20)
    assert not server.is_alive()
    return ended


def test_an_endless_redirect(listener: socket.socket) -> None:
    ended = probe_redirected(listener, "http://127.0.0.1:{port}/again", times=6)
    assert_one_line(ended, "probe-redirects", 1)


@pytest.mark.parametrize(
    "location",
    [
        "http://[::1/?token=hidden",
        "http://127.0.0.1:99999/?token=hidden",
        "http://a b/?token=hidden",
        "ftp://me:hidden@a.test/",
    ],
)
def test_a_redirect_to_what_is_no_url(listener: socket.socket, location: str) -> None:
    ended = probe_redirected(listener, location, times=1)
    assert_one_line(ended, "probe-failed", 1)
    assert "hidden" not in ended.stderr


def test_redirects_are_counted() -> None:
    with LoopbackServer() as server:
        url = server.url(path="/redirect?" + server.url(path="/"))
        ended = probe(url, "--gaps", "0", "--repeat", "1", "--no-search", "--json")
        sent = len(server.requests)
    assert sent == document_of(ended)["requests"] <= announced(ended)


@pytest.mark.parametrize("option", ["--rate", "--timeout"])
def test_what_is_not_a_number(option: str) -> None:
    assert_one_line(probe("http://127.0.0.1/", option, "nan"), "wrong-usage", 2)


@pytest.mark.parametrize("gaps", ["", "a", "-1", "1,,2", "1e9"])
def test_wrong_gaps(gaps: str) -> None:
    assert_one_line(probe("http://127.0.0.1/", "--gaps", gaps), "wrong-usage", 2)


def test_where_conntrace_is_switched_off() -> None:
    off = {**os.environ, "CONNTRACE_ENABLED": "false"}
    assert_one_line(probe("http://127.0.0.1:1/", env=off), "probe-cannot-watch", 1)


def test_a_page_that_cannot_be_written(tmp_path: Path) -> None:
    with LoopbackServer() as server:
        there = str(tmp_path / "no" / "page.html")
        ended = probe(server.url(path="/"), "--gaps", "0", "--repeat", "1", "--html", there)
    assert ended.returncode != 0
    assert ended.stderr.splitlines()[-1].startswith("conntrace: ")
    assert "Traceback" not in ended.stderr


def test_the_page(tmp_path: Path) -> None:
    page = tmp_path / "page.html"
    with LoopbackServer() as server:
        ended = probe(server.url(path="/"), "--gaps", "0", "--repeat", "1", "--html", str(page))
    assert ended.returncode == 0
    assert "<svg" in page.read_text()
