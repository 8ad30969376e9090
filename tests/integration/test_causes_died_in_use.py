"""Family D: handed out as live, died in use. Each cause beside its control."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator

import pytest
import urllib3

from conntrace import semantic_names as names
from conntrace.analyzer.causes import failures
from conntrace.testing import Span, Spans, capture
from tests.components.require import require
from tests.integration.conftest import Serve
from tests.integration.running import FIRST, Runner, cause, confidence
from tests.servers.faults import (
    HALF,
    HALF_OF_CHUNKS,
    NO_CHUNK,
    OK,
    FaultServer,
    Script,
    can_silence,
    reset,
    silence,
)
from tests.servers.wire import Request

PROGRAM = "with_failures"


@pytest.fixture
def silencing() -> None:
    """A socket filter that makes a connection deaf."""
    require(can_silence(), "this machine does not let us attach a socket filter")


def silent_after_first(
    connection: int, request: int, client: socket.socket, _asked: Request
) -> bytes | None:
    """The first connection is dropped silently after its first answer."""
    if connection == 1 and request == 1:
        client.sendall(OK)
        time.sleep(0.1)
        silence(client)
        return b""
    return OK


def half_of_first(reset_it: bool, half: bytes = HALF) -> Script:
    """The first connection breaks in the middle of its response."""

    def script(
        connection: int, _request: int, client: socket.socket, _asked: Request
    ) -> bytes | None:
        if connection > 1:
            return OK
        client.sendall(half)
        time.sleep(0.1)
        if reset_it:
            reset(client)
        return None

    return script


def verdicts(spans: Spans) -> list[tuple[str, str]]:
    """Cause and confidence of each set-up."""
    return [(cause(setup), confidence(setup)) for setup in spans.setups]


def idle(close: Span) -> bool:
    """Whether the connection was idle when it was closed."""
    return names.CONNECTION_IDLE_S in close.attributes


@pytest.mark.usefixtures("silencing")
def test_silent_drop_timeout(run: Runner) -> None:
    """Sent again and again, never acknowledged, while a new connection can be made."""
    with FaultServer(silent_after_first) as server:
        spans = run(PROGRAM, "pause_between", server.url(), server.url(), 1.0, 1.5)
    assert verdicts(spans) == [(FIRST, "proved"), ("silent_drop_timeout", "proved")]
    setup = spans.setups[1]
    assert "TCP_KEEPIDLE" in str(setup.attributes[names.CAUSE_ADVICE])
    assert any("retransmits" in fact for fact in setup.attributes[names.CAUSE_EVIDENCE])  # type: ignore[union-attr]
    (failed,) = spans.linked(setup)
    assert cause(failed) == "silent_drop_timeout"
    assert confidence(failed) == "inferred"
    assert [request.error for request in spans.requests] == [False, True, False]


@pytest.mark.usefixtures("silencing")
def test_silent_drop_of_a_probed_connection(run: Runner) -> None:
    """Control: probes were to keep this one alive, so it was not dropped for idleness: in doubt,
    and nothing is advised."""
    with FaultServer(silent_after_first) as server:
        spans = run(PROGRAM, "pause_between_probed", server.url(), server.url(), 1.6, 1.5)
    assert verdicts(spans)[1] == ("silent_drop_timeout", "inferred")
    assert spans.advice == []


def test_slow_server_timeout(run: Runner, serve: Serve) -> None:
    """Everything was acknowledged: the server took too long, on the request and the next set-up."""
    server = serve()
    spans = run(
        PROGRAM,
        "pause_between",
        server.url("a.test"),
        server.url("a.test", "/pause/1500"),
        0.6,
        0.7,
    )
    assert verdicts(spans) == [(FIRST, "proved"), ("slow_server_timeout", "proved")]
    failed = [request for request in spans.requests if request.error]
    assert {cause(request) for request in failed} == {"slow_server_timeout"}
    assert not any(names.CAUSE_ADVICE in request.attributes for request in failed)


def test_fast_enough_server(run: Runner, serve: Serve) -> None:
    """Control: the same pause within the read time-out is no failure."""
    server = serve()
    spans = run(
        PROGRAM, "pause_between", server.url("a.test"), server.url("a.test", "/pause/300"), 0.3, 5
    )
    assert verdicts(spans) == [(FIRST, "proved")]
    assert spans.advice == []


SERVER = """
import http.server, os
class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    def do_GET(self):
        self.send_response(200)
        self.send_header("Content-Length", "2")
        self.end_headers()
        self.wfile.write(b"ok")
        os.write(1, b"served\\n")
server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
os.write(1, b"%d\\n" % server.server_port)
server.serve_forever()
"""


@pytest.fixture
def frozen_server() -> Iterator[int]:
    """A server process that is stopped (SIGSTOP) after its first answer; its port."""
    process = subprocess.Popen(
        [sys.executable, "-c", SERVER], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
    )
    assert process.stdout is not None
    port = int(process.stdout.readline())

    def freeze() -> None:
        if process.stdout is not None and process.stdout.readline():
            os.kill(process.pid, signal.SIGSTOP)

    watcher = threading.Thread(target=freeze, daemon=True)
    watcher.start()
    yield port
    process.send_signal(signal.SIGCONT)
    process.kill()
    process.wait(10)
    watcher.join(10)
    process.stdout.close()


def test_frozen_server(run: Runner, frozen_server: int) -> None:
    """A stopped process whose kernel goes on acknowledging is a slow server, not a silent drop."""
    url = f"http://127.0.0.1:{frozen_server}/"
    spans = run(PROGRAM, "pause_between", url, url, 0.6, 1.0)
    assert verdicts(spans) == [(FIRST, "proved"), ("slow_server_timeout", "proved")]


@pytest.mark.parametrize("how", ["reset", "fin"])
@pytest.mark.parametrize("function", ["pause_between", "read_with_requests"])
def test_reset_mid_response(run: Runner, function: str, how: str) -> None:
    """Part of the response had come: within `urlopen` (urllib3), and after it (requests)."""
    with FaultServer(half_of_first(how == "reset")) as server:
        urls = [server.url()] if function == "read_with_requests" else [server.url()] * 2
        spans = run(PROGRAM, function, *urls, *([0] if len(urls) == 2 else []))
        assert server.accepts == 2
    assert verdicts(spans) == [(FIRST, "proved"), ("reset_mid_response", "proved")]


@pytest.mark.parametrize("function", ["pause_between", "read_with_requests"])
def test_chunks_cut_short(run: Runner, function: str) -> None:
    """urllib3 closes a response whose next chunk does not come: the server ended it, not the
    program."""
    with FaultServer(half_of_first(False, HALF_OF_CHUNKS)) as server:
        urls = [server.url()] if function == "read_with_requests" else [server.url()] * 2
        spans = run(PROGRAM, function, *urls, *([0] if len(urls) == 2 else []))
        assert server.accepts == 2
    assert verdicts(spans) == [(FIRST, "proved"), ("reset_mid_response", "proved")]
    (close,) = [span for span in spans.named(names.CONNECTION_CLOSE) if not idle(span)]
    assert close.attributes[names.CLOSE_INITIATOR] == "remote"


def test_chunks_that_are_none(run: Runner) -> None:
    """A chunk without a length is the server's mistake: nobody closed the response early."""
    with FaultServer(half_of_first(False, NO_CHUNK)) as server:
        spans = run(PROGRAM, "read_with_requests", server.url())
    assert verdicts(spans) == [(FIRST, "proved"), ("replaced_after_error", "proved")]
    assert "InvalidChunkLength" in str(spans.setups[1].attributes[names.CAUSE_DETAIL])


def test_response_cut_short_and_taken_for_whole(run: Runner) -> None:
    """A client that does not look at the length puts the connection back: the FIN that the next
    check-out finds ended the response, and is no idle limit."""
    with FaultServer(half_of_first(False)) as server:
        spans = run(PROGRAM, "take_what_comes", server.url())
        assert server.accepts == 2
    assert verdicts(spans) == [(FIRST, "proved"), ("reset_mid_response", "proved")]
    setup = spans.setups[1]
    assert "996 bytes" in str(setup.attributes[names.CAUSE_DETAIL])
    assert names.CLOSE_SERVER_IDLE_LIMIT_S not in setup.attributes
    (close,) = spans.linked(setup)
    assert close.attributes[names.CLOSE_REASON] == "response_cut_short"


def test_whole_response_taken(run: Runner, serve: Serve) -> None:
    """Control: the same client and a whole response."""
    server = serve()
    spans = run(PROGRAM, "take_what_comes", server.url("a.test", "/bytes/1000"))
    assert verdicts(spans) == [(FIRST, "proved")]
    assert spans.advice == []


def test_reset_before_the_response(run: Runner, serve: Serve) -> None:
    """Control: a new connection reset without a byte of a response broke for another reason."""
    server = serve()
    url = server.url("a.test", "/reset")
    spans = run(PROGRAM, "read_with_requests", url)
    assert verdicts(spans) == [(FIRST, "proved"), ("replaced_after_error", "proved")]


@pytest.mark.usefixtures("silencing")
def test_stale_reset_on_reuse(run: Runner, serve: Serve) -> None:
    """The FIN was lost, the request met a reset, and the same request was answered at once."""
    server = serve(idle_limit_s=0.5)
    spans = run(PROGRAM, "miss_the_end", server.url("a.test"), 2.6)
    assert len(spans.setups) == server.accepts == 2
    assert verdicts(spans) == [(FIRST, "proved"), ("stale_reset_on_reuse", "proved")]
    (lookup,) = spans.named(names.DNS_LOOKUP)[1:]
    assert confidence(lookup) == "proved"


def test_server_that_dies_of_the_request(run: Runner, serve: Serve) -> None:
    """Control: the retry meets the same end, so the connection is not proved to have been stale."""
    server = serve()
    url = server.url("a.test", "/reset")
    spans = run(PROGRAM, "pause_between", server.url("a.test"), url, 0.8)
    assert verdicts(spans) == [(FIRST, "proved"), ("stale_reset_on_reuse", "inferred")]
    assert spans.advice == []


def silent_then_reset(
    connection: int, request: int, client: socket.socket, _asked: Request
) -> bytes | None:
    """The first connection's second request is reset after a long silence."""
    if (connection, request) == (1, 2):
        time.sleep(1.0)
        reset(client)
        return None
    return OK


@pytest.mark.parametrize(
    ("limit_s", "expected"),
    [(0.8, ("idle_in_flight_drop", "inferred")), (240.0, ("replaced_after_error", "proved"))],
)
def test_idle_in_flight_drop(
    monkeypatch: pytest.MonkeyPatch, limit_s: float, expected: tuple[str, str]
) -> None:
    """A reset after a silence longer than devices between allow; their limit is made short for the
    test, not the silence long. Control: with the real limit it is too early for that."""
    monkeypatch.setattr(failures, "LONG_SILENCE_NS", round(limit_s * 1e9))
    with FaultServer(silent_then_reset) as server, capture() as spans:
        manager = urllib3.PoolManager(retries=urllib3.Retry(1, backoff_factor=0))
        for _ in range(2):
            assert manager.request("GET", server.url(), timeout=10).status == 200
        manager.clear()
    assert server.accepts == 2
    setup = spans.setups[1]
    assert (cause(setup), confidence(setup)) == expected
    assert spans.advice == []
