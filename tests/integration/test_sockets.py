"""Plain sockets and event loops: each handshake, connect and lookup once, with its true end."""

from __future__ import annotations

import socket
from collections.abc import Iterator

import pytest

from conntrace import semantic_names as names
from tests.integration.conftest import Serve
from tests.integration.running import Runner, cause


@pytest.mark.parametrize("way", ["and_ask_again", "without_waiting", "in_memory", "in_asyncio"])
def test_one_span_a_handshake(run: Runner, serve: Serve, way: str) -> None:
    """In however many calls it is done, from the first to the last."""
    server = serve(tls="1.3")
    spans = run("with_sockets", f"shake_hands_{way}", server.port)
    (handshake,) = spans.named(names.TLS_HANDSHAKE)
    assert not handshake.error
    assert handshake.attributes[names.TLS_PROTOCOL_VERSION] == "1.3"
    assert handshake.attributes[names.TLS_RESUMED] is False


def test_report_shows_plain_sockets_tls(run: Runner, serve: Serve) -> None:
    """With the line that loaded the trust store: outside HTTP nothing else shows what it costs."""
    server = serve(tls="1.3")
    result = run.result(
        "with_sockets", "shake_hands_in_asyncio", server.port, options=("--report",)
    )
    section = result.stderr.partition("TLS without an HTTP connection")[2]
    assert "TLS client handshake a.test" in section
    assert "TLS trust store load" in section
    assert "in trusting()" in section


def test_handshake_given_up(run: Runner) -> None:
    """It says so, and takes as long as the program waited."""
    with socket.create_server(("127.0.0.1", 0)) as silent:
        spans = run("with_sockets", "give_a_handshake_up", silent.getsockname()[1])
    (handshake,) = spans.named(names.TLS_HANDSHAKE)
    assert handshake.attributes[names.UNFINISHED_PHASE] == "tls"
    assert names.TLS_PROTOCOL_VERSION not in handshake.attributes
    assert handshake.end_ns - handshake.start_ns > 300_000_000


def test_connect_that_goes_on_after_the_call(run: Runner, serve: Serve) -> None:
    """A refusal that comes later is shown, and leads to the next address."""
    server = serve()
    spans = run("with_sockets", "connect_in_asyncio", "two-addresses.test", server.port)
    refused, stands = spans.named(names.SOCKET_CONNECT)
    assert refused.attributes[names.ERROR_TYPE] == "connection_refused"
    assert not stands.error
    assert cause(stands) == "address_fallback"
    assert cause(spans.named(names.DNS_LOOKUP)[0]) == "unpooled_socket"


@pytest.fixture
def full_port() -> Iterator[int]:
    """Of a listener whose backlog has no room: a connect to it waits."""
    with (
        socket.create_server(("127.0.0.1", 0), backlog=0) as full,
        socket.create_connection(full.getsockname()),
    ):
        yield full.getsockname()[1]


def test_connect_given_up(run: Runner, full_port: int) -> None:
    """It lasts until the program closes the socket, and is an error."""
    spans = run("with_sockets", "give_a_connect_up", full_port)
    (connect,) = spans.named(names.SOCKET_CONNECT)
    assert connect.attributes[names.ERROR_TYPE] == "operation_aborted"
    assert connect.end_ns - connect.start_ns > 300_000_000


@pytest.mark.parametrize("how", ["by_option", "again", "both", "never"])
def test_one_span_a_connect(run: Runner, serve: Serve, how: str) -> None:
    """However often the program asks whether it stands."""
    server = serve()
    spans = run("with_sockets", "connect_and_ask", server.port, how)
    (connect,) = spans.named(names.SOCKET_CONNECT)
    assert not connect.error
    evidence = str(connect.attributes[names.CAUSE_EVIDENCE])
    assert ("did not ask" in evidence) == (how == "never")


@pytest.mark.parametrize("how", ["by_option", "again"])
def test_refusal_that_comes_later(run: Runner, how: str) -> None:
    """By either way of asking; `port` belongs to a socket that does not listen."""
    with socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))
        spans = run("with_sockets", "connect_and_ask", bound.getsockname()[1], how)
    (connect,) = spans.named(names.SOCKET_CONNECT)
    assert connect.attributes[names.ERROR_TYPE] == "connection_refused"


@pytest.mark.parametrize("executor", ["None", "ThreadPoolExecutor", "ProcessPoolExecutor"])
def test_lookup_in_an_executor(run: Runner, executor: str) -> None:
    """The program asked, not the thread; to another process no context can be sent."""
    spans = run("with_sockets", "look_up_in_asyncio", executor)
    (lookup,) = spans.named(names.DNS_LOOKUP)
    assert lookup.attributes[names.DNS_QUESTION_NAME] == "localhost"
    if executor != "ProcessPoolExecutor":
        assert lookup.attributes[names.CODE_FUNCTION_NAME] == "main"


def test_address_written_as_text_is_no_lookup(run: Runner) -> None:
    """`getnameinfo` with NI_NUMERICHOST asks nobody."""
    spans = run("with_sockets", "write_addresses_as_text")
    (lookup,) = spans.named(names.DNS_REVERSE_LOOKUP)
    assert names.OBSERVED_BY not in lookup.attributes


def test_connect_in_a_signal_handler(run: Runner, serve: Serve, full_port: int) -> None:
    """It is no part of the connect that the signal interrupted."""
    server = serve()
    spans = run("with_sockets", "connect_in_a_signal_handler", server.port, full_port)
    ports = [span.attributes[names.NETWORK_PEER_PORT] for span in spans.named(names.SOCKET_CONNECT)]
    assert sorted(ports) == sorted([full_port, server.port])
    assert len(spans.named(names.DNS_LOOKUP)) == 1


@pytest.mark.parametrize(
    ("what", "kind"),
    [
        ("lookup", names.DNS_LOOKUP),
        ("connect", names.SOCKET_CONNECT),
        ("handshake", names.TLS_HANDSHAKE),
    ],
)
def test_process_that_leaves_after_a_step(run: Runner, serve: Serve, what: str, kind: str) -> None:
    """What it had done is done, not broken off."""
    server = serve(tls="1.3" if what == "handshake" else "")
    spans = run("with_sockets", "leave_without_a_word", server.port, what)
    (span,) = spans.named(kind)
    assert not span.error
    assert names.UNFINISHED_PHASE not in span.attributes


def test_connect_of_a_closed_socket(run: Runner) -> None:
    """One failure, one span."""
    spans = run("with_sockets", "connect_to_closed_socket", 9)
    (connect,) = spans.named(names.SOCKET_CONNECT)
    assert connect.attributes[names.ERROR_TYPE] == "bad_descriptor"


def test_line_that_runs_the_loop_did_not_connect(run: Runner, serve: Serve) -> None:
    """A task has nobody of the program on its stack, and the loop's caller did not ask for it."""
    server = serve()
    spans = run("with_sockets", "connect_in_a_task", server.port)
    (connect,) = spans.named(names.SOCKET_CONNECT)
    assert names.CODE_LINE_NUMBER not in connect.attributes


def test_who_asked_for_the_name_connects(run: Runner, serve: Serve) -> None:
    """A task connects to what the program looked up."""
    server = serve()
    spans = run("with_sockets", "connect_in_a_task", server.port, "look_up")
    (connect,) = spans.named(names.SOCKET_CONNECT)
    (lookup,) = spans.named(names.DNS_LOOKUP)
    line = lookup.attributes[names.CODE_LINE_NUMBER]
    assert line == connect.attributes[names.CODE_LINE_NUMBER]
    assert connect.attributes[names.CODE_FUNCTION_NAME] == "main"
