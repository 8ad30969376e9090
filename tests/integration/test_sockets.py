"""Plain sockets and event loops: each handshake, connect and lookup once, with its true end."""

from __future__ import annotations

import socket

import pytest

from conntrace import semantic_names as names
from tests.integration.conftest import Serve
from tests.integration.running import Runner


@pytest.mark.parametrize("way", ["and_ask_again", "without_waiting", "in_memory", "in_asyncio"])
def test_one_span_a_handshake(run: Runner, serve: Serve, way: str) -> None:
    """In however many calls it is done, from the first to the last."""
    server = serve(tls="1.3")
    spans = run("with_sockets", f"shake_hands_{way}", server.port)
    (handshake,) = spans.named(names.TLS_HANDSHAKE)
    assert not handshake.error
    assert handshake.attributes[names.TLS_PROTOCOL_VERSION] == "1.3"
    assert handshake.attributes[names.TLS_RESUMED] is False


def test_handshake_given_up(run: Runner) -> None:
    """It says so, and takes as long as the program waited."""
    with socket.create_server(("127.0.0.1", 0)) as silent:
        spans = run("with_sockets", "give_a_handshake_up", silent.getsockname()[1])
    (handshake,) = spans.named(names.TLS_HANDSHAKE)
    assert handshake.attributes[names.UNFINISHED_PHASE] == "tls"
    assert names.TLS_PROTOCOL_VERSION not in handshake.attributes
    assert handshake.end_ns - handshake.start_ns > 300_000_000
