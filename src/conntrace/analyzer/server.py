"""The receiving end of the channel: takes packets from traced processes and feeds the analyzer.

A packet is the sender's process id (16 hexadecimal digits) on a line of its own, then event lines.
The first packet of a process begins with its `hello`, which holds the token of this run.
"""

from __future__ import annotations

import _socket
import time

from conntrace.analyzer.listener import Address, is_allowed

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from typing import Protocol
else:
    Protocol = object  # `typing` is slow to import, and the layer's extension is in a hurry

MAX_PACKET = 64 * 1024
MAX_PEERS = 4096
# One busy peer does not keep the others waiting for longer than this many packets.
PACKETS_PER_TURN = 512

# A reader that sleeps in `poll` is woken by each message, which costs the sender's core about
# 25 us. So it sleeps by the clock instead; the sockets hold what comes meanwhile.
BUSY_SLEEP_S = 0.005
IDLE_SLEEP_S = 0.05
TICK_NS = 50_000_000

_PROCESS_DIGITS = 16
_KNOWN_PROCESSES = 4096


class Sink(Protocol):
    """Who takes the events: `conntrace.analyzer.pipeline.Pipeline`."""

    def feed(self, process: str, lines: list[bytes]) -> None:
        """Event lines of one process, in order."""

    def lost(self, process: str) -> None:
        """The process is gone without a goodbye."""

    def tick(self, now_monotonic_ns: int) -> None:
        """Time passes."""


class _Peer:
    """One connection: nothing is taken from it before it has shown the token."""

    __slots__ = ("connection", "process", "said_goodbye")

    def __init__(self, connection: _socket.socket) -> None:
        self.connection = connection
        self.process = ""
        self.said_goodbye = False


class Server:
    """Receives from all processes of a run and feeds one sink, all in the thread that calls it."""

    def __init__(self, address: Address, token: str, sink: Sink) -> None:
        self._address = address
        self._token = token.encode()
        self._sink = sink
        self._peers: list[_Peer] = []
        self._datagram_processes: dict[str, bool] = {}
        self._buffer = bytearray(MAX_PACKET + 1)
        self._next_tick = 0
        self.garbage = 0
        """Packets that were not ours, and peers turned away."""
        self.failures = 0
        """Times the sink itself failed; the last reason is in `failure`."""
        self.failure = ""

    @property
    def peers(self) -> int:
        """Processes that are connected now."""
        return len(self._peers)

    def descriptors(self) -> Iterator[int]:
        """What to poll for reading, for those who wait by themselves."""
        yield self._address.socket.fileno()
        for peer in self._peers:
            yield peer.connection.fileno()

    def serve(self, wait: Callable[[float], bool], *, grace_s: float = 1.0) -> None:
        """Receive until `wait(seconds)` returns True, then until all peers are gone or the grace.

        `wait` sleeps for the given time at most and tells whether the run is over.
        """
        sleep_s = BUSY_SLEEP_S
        while True:
            taken = self.drain()
            if taken >= PACKETS_PER_TURN:
                continue
            sleep_s = BUSY_SLEEP_S if taken else min(sleep_s * 2, IDLE_SLEEP_S)
            if wait(sleep_s):
                break
        self._drain_rest(grace_s)

    def drain(self, most: int | None = None) -> int:
        """Take what waits in all sockets now, at most so many packets of each; returns how many."""
        most = PACKETS_PER_TURN if most is None else most
        if self._address.keeps_connections:
            self._accept()
            taken = 0
            for peer in list(self._peers):
                taken += self._receive_from(peer, most)
        else:
            taken = self._receive_datagrams(most)
        self._tick()
        return taken

    def close(self) -> None:
        """Let go of all sockets and of the folder, if there is one."""
        for peer in self._peers:
            peer.connection.close()
        self._peers.clear()
        self._address.close()

    def _drain_rest(self, grace_s: float) -> None:
        deadline = time.monotonic() + grace_s
        while (taken := self.drain()) or self._peers:
            if time.monotonic() >= deadline:
                break
            if not taken:
                time.sleep(BUSY_SLEEP_S)

    def _accept(self) -> None:
        while True:
            try:
                # `accept` of `socket.socket` itself would make its patched, traced kind of socket.
                descriptor, _ = self._address.socket._accept()  # type: ignore[attr-defined]
            except OSError:
                return  # none waits, or this process has no descriptor left: later
            connection = _socket.socket(fileno=descriptor)
            if len(self._peers) >= MAX_PEERS or not is_allowed(connection):
                self.garbage += 1
                connection.close()
                continue
            connection.setblocking(False)
            self._peers.append(_Peer(connection))

    def _receive_from(self, peer: _Peer, most: int) -> int:
        for count in range(most):
            try:
                size = peer.connection.recv_into(self._buffer)
            except (BlockingIOError, InterruptedError):
                return count
            except OSError:
                size = 0
            if size == 0:
                self._hung_up(peer)
                return count
            if not self._take_from(peer, bytes(memoryview(self._buffer)[:size])):
                self.garbage += 1
                if not peer.process:
                    self._remove(peer)
                    return count
        return most

    def _take_from(self, peer: _Peer, packet: bytes) -> bool:
        process, lines = _parsed(packet)
        if not process or (peer.process and process != peer.process):
            return False
        if not peer.process:
            if not self._is_hello(lines):
                return False
            peer.process = process
        peer.said_goodbye = peer.said_goodbye or b"\ngoodbye\t" in packet
        self._feed(process, lines)
        return True

    def _receive_datagrams(self, most: int) -> int:
        for count in range(most):
            try:
                size = self._address.socket.recv_into(self._buffer)
            except OSError:
                return count
            if not self._take_datagram(bytes(memoryview(self._buffer)[:size])):
                self.garbage += 1
        return most

    def _take_datagram(self, packet: bytes) -> bool:
        process, lines = _parsed(packet)
        if not process:
            return False
        if process not in self._datagram_processes:
            if len(self._datagram_processes) >= _KNOWN_PROCESSES or not self._is_hello(lines):
                return False
            self._datagram_processes[process] = True
        self._feed(process, lines)
        return True

    def _is_hello(self, lines: list[bytes]) -> bool:
        """`hello TAB time TAB thread TAB schema TAB token ...`, as `conntrace.events` has it."""
        fields = lines[0].split(b"\t", 5)
        return len(fields) >= 5 and fields[0] == b"hello" and fields[4] == self._token

    def _hung_up(self, peer: _Peer) -> None:
        if peer.process and not peer.said_goodbye:
            try:
                self._sink.lost(peer.process)
            except Exception as error:
                self._note_failure(error)
        self._remove(peer)

    def _remove(self, peer: _Peer) -> None:
        peer.connection.close()
        self._peers.remove(peer)

    def _feed(self, process: str, lines: list[bytes]) -> None:
        try:
            self._sink.feed(process, lines)
        except Exception as error:
            self._note_failure(error)

    def _tick(self) -> None:
        now = time.monotonic_ns()
        if now < self._next_tick:
            return
        self._next_tick = now + TICK_NS
        try:
            self._sink.tick(now)
        except Exception as error:
            self._note_failure(error)

    def _note_failure(self, error: Exception) -> None:
        """A fault of ours must neither end the run nor stay hidden: its last line is shown."""
        self.failures += 1
        self.failure = f"{type(error).__name__}: {error}"


def _parsed(packet: bytes) -> tuple[str, list[bytes]]:
    """The sender's process id and its lines; an empty id for anything that is not a packet."""
    if len(packet) > MAX_PACKET:
        return "", []
    head, _, rest = packet.partition(b"\n")
    if len(head) != _PROCESS_DIGITS or not rest or head.strip(b"0123456789abcdef"):
        return "", []
    return head.decode("ascii"), rest.split(b"\n")
