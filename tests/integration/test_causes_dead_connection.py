"""Family C: the pool held a connection, but it was dead. Each cause beside its control."""

from __future__ import annotations

import socket

import pytest

from conntrace import semantic_names as names
from conntrace.testing import Span, Spans
from tests.integration.conftest import Serve
from tests.integration.running import FIRST, Runner, confidence, detail
from tests.servers.faults import OK, FaultServer
from tests.servers.loopback import LoopbackServer
from tests.servers.wire import Request


def assert_replaced(spans: Spans, server: LoopbackServer, name: str, initiator: str) -> Span:
    """Two connections; the second one's cause is proved and linked to the first one's close."""
    assert len(spans.setups) == server.accepts == 2
    assert spans.causes == [FIRST, name]
    first, second = spans.setups
    assert confidence(second) == "proved"
    (close,) = spans.linked(second)
    assert close.name.startswith(names.CONNECTION_CLOSE)
    assert close.attributes[names.CLOSE_REASON] == name
    assert close.attributes[names.CLOSE_INITIATOR] == initiator
    assert close.attributes[names.CONNECTION_REQUESTS] == 1
    assert spans.linked(close) == [first]
    return second


def assert_kept(spans: Spans, server: LoopbackServer) -> None:
    """The control's verdict: one connection, no advice."""
    assert server.accepts == 1
    assert spans.causes == [FIRST]
    assert spans.advice == []


CLIENTS = ("with_urllib3", "with_requests")


@pytest.mark.parametrize("client", CLIENTS)
@pytest.mark.parametrize(
    ("path", "name"),
    [
        ("/close", "response_connection_close"),
        ("/http10", "http10_no_keepalive"),
        ("/eof", "response_eof_delimited"),
    ],
)
def test_response_ends_connection(
    run: Runner, serve: Serve, client: str, path: str, name: str
) -> None:
    """A response that ends its connection is told by its version, header or missing length."""
    server = serve()
    spans = run(client, "reuse", server.url("a.test", path), 2)
    assert_replaced(spans, server, name, "remote")


@pytest.mark.parametrize("path", ["/", "/http10-keep-alive", "/chunked"])
def test_response_keeps_connection(run: Runner, serve: Serve, path: str) -> None:
    """Control: HTTP/1.0 with keep-alive and chunked responses are reused."""
    server = serve()
    assert_kept(run("with_urllib3", "reuse", server.url("a.test", path)), server)


@pytest.mark.parametrize("client", CLIENTS)
def test_request_asks_to_close(run: Runner, serve: Serve, client: str) -> None:
    """`Connection: close` in the request, obeyed by the server, is the program's own doing."""
    server = serve()
    spans = run(client, "ask_to_close", server.url("a.test"))
    setup = assert_replaced(spans, server, "request_connection_close", "local")
    assert setup.attributes[names.CAUSE_AVOIDABLE] is True


def test_http_client_object_asks_to_close(run: Runner, serve: Serve) -> None:
    """The header of a bare http.client object is told as such too, each time it was sent."""
    server = serve()
    arguments = ("a.test", server.port, "/close", "connection", "Connection", "X-Connection")
    spans = run("with_stdlib", "kept_object_with_headers", *arguments)
    asked, ended = "request_connection_close", "response_connection_close"
    assert spans.causes == [FIRST, asked, asked, ended]
    assert [confidence(setup) for setup in spans.setups[1:]] == ["proved", "proved", "inferred"]
    closes = [spans.linked(setup)[0] for setup in spans.setups[1:]]
    initiators = [close.attributes[names.CLOSE_INITIATOR] for close in closes]
    assert initiators == ["local", "local", "remote"]


def test_request_asks_to_close_in_vain(run: Runner, serve: Serve) -> None:
    """Control: a server that ignores the header keeps the connection, and it is reused."""
    server = serve(ignore_close=True)
    assert_kept(run("with_urllib3", "ask_to_close", server.url("a.test")), server)


@pytest.mark.parametrize(
    ("tls", "end"),
    [
        ("", "fin"),
        *((tls, end) for tls in ("1.2", "1.3") for end in ("fin", "fin_only", "notify_only")),
    ],
)
def test_server_closed_idle(run: Runner, serve: Serve, tls: str, end: str) -> None:
    """The server's idle limit is read from the kernel to 0.1 s; plain, TLS 1.2 and TLS 1.3."""
    server = serve(tls=tls, idle_limit_s=0.5, idle_end=end)
    spans = run("with_urllib3", "reuse", server.url("a.test"), 2, 1.0)
    setup = assert_replaced(spans, server, "server_closed_idle", "remote")
    limit = setup.attributes[names.CLOSE_SERVER_IDLE_LIMIT_S]
    # On a busy machine both are late: the server tells how long it waited, and the client's clock
    # starts when it has read the answer.
    connection = server.connections[0]
    late_s = max(0, spans.requests[0].end_ns - connection.answered_ns) / 1e9
    assert limit == pytest.approx(connection.idle_s - late_s, abs=0.1)
    assert 0.9 < float(setup.attributes[names.CONNECTION_IDLE_S]) < 3.0  # type: ignore[arg-type]
    assert f"after {limit:.1f} s" in str(setup.attributes[names.CAUSE_DETAIL])


def test_server_closes_right_after_the_response(run: Runner) -> None:
    """A close that no header announced and no idleness explains is told as what it is."""

    def script(
        connection: int, request: int, client: socket.socket, _asked: Request
    ) -> bytes | None:
        client.sendall(OK)
        client.shutdown(socket.SHUT_WR)
        return None

    with FaultServer(script) as server:
        spans = run("with_urllib3", "reuse", server.url(), 2, 1.0)
    assert spans.causes == [FIRST, "server_closed_idle"]
    assert "right after its response" in detail(spans.setups[1])
    assert spans.advice == []


@pytest.mark.parametrize("function", ["reuse", "keepalive"])
def test_server_closed_idle_with_boto3(run: Runner, serve: Serve, function: str) -> None:
    """tcp_keepalive=True changes nothing: the cause and the limit are the same."""
    server = serve(tls="1.3", idle_limit_s=0.5, idle_end="fin_only")
    arguments = (1.0,) if function == "keepalive" else (2, 1.0)
    spans = run("with_boto3", function, server.url("a.test"), *arguments)
    setup = assert_replaced(spans, server, "server_closed_idle", "remote")
    assert setup.attributes[names.SOCKET_KEEPALIVE] is (function == "keepalive")


def test_server_closed_idle_with_requests(run: Runner, serve: Serve) -> None:
    """The same through a Session."""
    server = serve(tls="1.2", idle_limit_s=0.5)
    spans = run("with_requests", "reuse", server.url("a.test"), 2, 1.0)
    assert_replaced(spans, server, "server_closed_idle", "remote")


def test_pause_below_the_limit(run: Runner, serve: Serve) -> None:
    """Control: a pause shorter than the limit costs nothing."""
    server = serve(tls="1.3", idle_limit_s=5.0)
    assert_kept(run("with_urllib3", "reuse", server.url("a.test"), 2, 0.3), server)


@pytest.mark.parametrize("tls", ["", "1.3"])
def test_peer_reset_idle(run: Runner, serve: Serve, tls: str) -> None:
    """A reset of the idle connection is told from a close, and no limit is claimed for it."""
    server = serve(tls=tls, idle_limit_s=0.4, idle_end="reset")
    spans = run("with_urllib3", "reuse", server.url("a.test"), 2, 0.8)
    setup = assert_replaced(spans, server, "peer_reset_idle", "remote")
    assert names.CLOSE_SERVER_IDLE_LIMIT_S not in setup.attributes


def test_unsolicited_data(run: Runner, serve: Serve) -> None:
    """A late 408 on the idle connection makes it useless."""
    server = serve(idle_limit_s=0.4, idle_end="timeout_page")
    spans = run("with_urllib3", "reuse", server.url("a.test"), 2, 0.8)
    assert_replaced(spans, server, "unsolicited_data", "remote")


def test_requests_per_connection(run: Runner, serve: Serve) -> None:
    """A server's limit of requests shows as `Connection: close`, with the count served."""
    server = serve(tls="1.3", max_requests=2)
    spans = run("with_urllib3", "reuse", server.url("a.test"), 5)
    assert len(spans.setups) == server.accepts == 3
    assert spans.causes == [FIRST, *["response_connection_close"] * 2]
    served = [
        close.attributes[names.CONNECTION_REQUESTS] for close in spans.named(names.CONNECTION_CLOSE)
    ]
    assert served[:2] == [2, 2]
