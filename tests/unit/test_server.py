"""The receiving end of the channel, over real sockets."""

from __future__ import annotations

import os
import socket
import stat
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from conntrace.analyzer import listener, server
from conntrace.analyzer.server import MAX_PACKET, Server

TOKEN = "0123456789abcdef0123456789abcdef"
FIRST, SECOND = "a" * 16, "b" * 16


class Sink:
    """Keeps what the server hands over."""

    def __init__(self) -> None:
        self.fed: list[tuple[str, list[bytes]]] = []
        self.gone: list[str] = []
        self.ticks = 0

    def feed(self, process: str, lines: list[bytes]) -> None:
        if lines == [b"explode"]:
            raise RuntimeError("boom")
        self.fed.append((process, lines))

    def lost(self, process: str) -> None:
        self.gone.append(process)

    def tick(self, now_monotonic_ns: int) -> None:
        self.ticks += 1

    def lines(self, process: str) -> list[bytes]:
        return [line for name, lines in self.fed if name == process for line in lines]


def hello(token: str = TOKEN) -> bytes:
    return b"hello\t1\t1\t1\t" + token.encode() + b"\t" + FIRST.encode()


def packet(process: str, *lines: bytes) -> bytes:
    return b"\n".join([process.encode(), *lines])


def connect(address: listener.Address) -> socket.socket:
    kind, _, name = address.value.partition(":")
    peer = socket.socket(
        socket.AF_UNIX, socket.SOCK_SEQPACKET if kind == "seqpacket" else socket.SOCK_DGRAM
    )
    peer.connect(b"\0" + name[1:].encode() if name.startswith("@") else name)
    return peer


@pytest.fixture
def sink() -> Sink:
    return Sink()


@pytest.fixture
def address() -> Iterator[listener.Address]:
    bound = listener.bind()
    yield bound
    bound.close()


@pytest.fixture
def running(address: listener.Address, sink: Sink) -> Iterator[Server]:
    made = Server(address, TOKEN, sink)
    yield made
    made.close()


@pytest.fixture
def peer(address: listener.Address, running: Server) -> Iterator[socket.socket]:
    with connect(address) as connected:
        yield connected


@pytest.fixture
def folder_address(monkeypatch: pytest.MonkeyPatch) -> Iterator[listener.Address]:
    """As on a system without SEQPACKET."""
    monkeypatch.delattr(listener._socket, "SOCK_SEQPACKET")
    bound = listener.bind()
    monkeypatch.undo()
    yield bound
    bound.close()


def test_linux_gets_an_abstract_name_that_is_never_the_same(address: listener.Address) -> None:
    assert address.value.startswith("seqpacket:@conntrace-")
    assert len(address.value) == len("seqpacket:@conntrace-") + 32
    other = listener.bind()
    assert other.value != address.value
    other.close()


def test_the_socket_is_not_inherited(address: listener.Address) -> None:
    assert not os.get_inheritable(address.socket.fileno())


def test_events_reach_the_sink_in_order(peer: socket.socket, running: Server, sink: Sink) -> None:
    peer.send(packet(FIRST, hello(), b"clock\t1"))
    peer.send(packet(FIRST, b"clock\t2"))
    assert running.drain() == 2
    assert sink.lines(FIRST) == [hello(), b"clock\t1", b"clock\t2"]
    assert running.garbage == 0
    assert sink.ticks == 1


def test_a_process_that_hangs_up_without_goodbye_is_lost(
    peer: socket.socket, running: Server, sink: Sink
) -> None:
    peer.send(packet(FIRST, hello()))
    peer.close()
    running.drain()
    running.drain()
    assert sink.gone == [FIRST]
    assert running.peers == 0


def test_after_a_goodbye_it_is_not(peer: socket.socket, running: Server, sink: Sink) -> None:
    peer.send(packet(FIRST, hello()))
    peer.send(packet(FIRST, b"drops\t1", b"goodbye\t1\t1\t0"))
    peer.close()
    running.drain()
    running.drain()
    assert sink.gone == []
    assert running.peers == 0


@pytest.mark.parametrize(
    "first",
    [
        packet(FIRST, hello("f" * 32)),
        packet(FIRST, b"clock\t1"),
        packet(FIRST, b"hello"),
        packet("nonsense", hello()),
        packet("A" * 16, hello()),
        FIRST.encode(),
        FIRST.encode() + b"\n",
        b"\xff" * 100,
    ],
)
def test_who_does_not_begin_with_our_token_is_turned_away(
    peer: socket.socket, running: Server, sink: Sink, first: bytes
) -> None:
    peer.send(first)
    running.drain()
    assert sink.fed == []
    assert running.garbage == 1
    assert running.peers == 0
    with pytest.raises(BrokenPipeError):
        peer.send(packet(FIRST, hello()))
    assert sink.gone == []


@pytest.mark.parametrize(
    "bad", [packet(SECOND, b"clock\t1"), b"junk", packet(FIRST, b"x" * MAX_PACKET)]
)
def test_later_garbage_is_counted_and_left_out(
    peer: socket.socket, running: Server, sink: Sink, bad: bytes
) -> None:
    peer.send(packet(FIRST, hello()))
    peer.send(bad)
    peer.send(packet(FIRST, b"clock\t1"))
    running.drain()
    assert sink.lines(FIRST) == [hello(), b"clock\t1"]
    assert running.garbage == 1


def test_the_largest_packet_fits(peer: socket.socket, running: Server, sink: Sink) -> None:
    line = b"x" * (MAX_PACKET - len(packet(FIRST, hello(), b"")))
    peer.send(packet(FIRST, hello(), line))
    running.drain()
    assert sink.lines(FIRST)[1] == line


def test_a_sink_that_fails_does_not_end_the_run(
    peer: socket.socket, running: Server, sink: Sink
) -> None:
    peer.send(packet(FIRST, hello()))
    peer.send(packet(FIRST, b"explode"))
    peer.send(packet(FIRST, b"clock\t1"))
    running.drain()
    assert sink.lines(FIRST)[-1] == b"clock\t1"
    assert (running.failures, running.failure) == (1, "RuntimeError: boom")


def test_one_busy_peer_does_not_starve_the_others(
    address: listener.Address, running: Server, sink: Sink, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(server, "PACKETS_PER_TURN", 3)
    with connect(address) as busy, connect(address) as quiet:
        busy.send(packet(FIRST, hello()))
        for _ in range(9):
            busy.send(packet(FIRST, b"clock\t1"))
        quiet.send(packet(SECOND, hello()))
        running.drain()
        assert len(sink.lines(FIRST)) == 3
        assert len(sink.lines(SECOND)) == 1


def test_too_many_peers_are_turned_away(
    address: listener.Address, running: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(server, "MAX_PEERS", 1)
    with connect(address), connect(address):
        running.drain()
        assert running.peers == 1
        assert running.garbage == 1


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become someone else")
def test_another_user_may_only_speak_to_root(address: listener.Address) -> None:
    code = "import os, socket, sys, time; os.setuid(int(sys.argv[2])); "
    code += "s = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET); "
    code += "s.connect(chr(0) + sys.argv[1]); print(flush=True); sys.stdin.read()"
    name = address.value.partition("@")[2]
    with subprocess.Popen(
        [sys.executable, "-c", code, name, "65534"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    ) as nobody:
        assert nobody.stdout is not None
        nobody.stdout.readline()
        descriptor, _ = address.socket._accept()  # type: ignore[attr-defined]
        connection = listener._socket.socket(fileno=descriptor)
        try:
            assert listener.is_allowed(connection)
            os.seteuid(12345)
            try:
                assert not listener.is_allowed(connection)
                os.seteuid(0)
                os.seteuid(65534)
                assert listener.is_allowed(connection)
            finally:
                os.seteuid(0)
        finally:
            connection.close()
        nobody.communicate()


def test_serve_takes_what_comes_and_ends_when_all_are_gone(
    address: listener.Address, running: Server, sink: Sink
) -> None:
    over = threading.Event()
    thread = threading.Thread(target=running.serve, args=(over.wait,), kwargs={"grace_s": 5.0})
    thread.start()
    with connect(address) as first:
        first.send(packet(FIRST, hello()))
        deadline = time.monotonic() + 5
        while not sink.fed and time.monotonic() < deadline:
            time.sleep(0.001)
        over.set()
        # It waits for the peer, and for those that connect while it waits.
        with connect(address) as second:
            second.send(packet(SECOND, hello()))
            time.sleep(0.05)
            assert thread.is_alive()
    thread.join(5)
    assert not thread.is_alive()
    assert sink.lines(SECOND) == [hello()]
    assert sorted(sink.gone) == [FIRST, SECOND]


def test_serve_does_not_wait_for_a_daemon_beyond_its_grace(
    peer: socket.socket, running: Server, sink: Sink
) -> None:
    peer.send(packet(FIRST, hello()))
    over = threading.Event()
    over.set()
    began = time.monotonic()
    running.serve(over.wait, grace_s=0.1)
    assert 0.1 <= time.monotonic() - began < 1
    assert sink.lines(FIRST) == [hello()]


def test_without_seqpacket_datagrams_in_a_private_folder(
    folder_address: listener.Address, sink: Sink
) -> None:
    assert folder_address.value.startswith("dgram:/")
    folder = Path(folder_address.folder)
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    running = Server(folder_address, TOKEN, sink)
    with connect(folder_address) as first, connect(folder_address) as second:
        first.send(packet(FIRST, b"clock\t0"))
        first.send(packet(FIRST, hello()))
        second.send(packet(SECOND, hello("f" * 32)))
        first.send(packet(FIRST, b"clock\t1"))
        running.drain()
    assert sink.fed == [(FIRST, [hello()]), (FIRST, [b"clock\t1"])]
    assert running.garbage == 2
    running.close()
    assert not folder.exists()


def test_no_message_is_lost_while_it_sleeps(peer: socket.socket, running: Server) -> None:
    """A socket holds several hundred messages: five milliseconds of a very busy program."""
    peer.setblocking(False)
    peer.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 4 << 20)
    peer.send(packet(FIRST, hello()))
    for _ in range(200):
        peer.send(packet(FIRST, b"checkout\t1\t" + b"x" * 200))
    assert running.drain() == 201
