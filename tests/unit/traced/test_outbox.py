"""The outbox: order kept, nothing waits, what does not fit is counted."""

from __future__ import annotations

import threading
from collections.abc import Sequence

import pytest

from conntrace.channel import MAX_PACKET
from conntrace.traced import outbox as outbox_module
from conntrace.traced.outbox import Outbox


class ListChannel:
    """A channel that can be full, and that can call back in the middle of a send."""

    def __init__(self) -> None:
        self.packets: list[list[bytes]] = []
        self.full = False
        self.alive = True
        self.during_send = lambda: None

    def open(self, process: str) -> bool:
        return True

    def send(self, lines: Sequence[bytes]) -> bool:
        b"".join(lines)
        if self.full:
            return False
        self.packets.append(list(lines))
        self.during_send()
        return True

    def close(self) -> None:
        self.alive = False

    @property
    def lines(self) -> list[bytes]:
        return [line for packet in self.packets for line in packet]


def test_noted_lines_ride_along_with_the_next_send() -> None:
    """Facts of one moment leave in one packet."""
    channel = ListChannel()
    outbox = Outbox(channel)

    outbox.note(b"a")
    outbox.send(b"b")

    assert channel.packets == [[b"a", b"b"]]


def test_full_channel_keeps_the_lines_in_order() -> None:
    """What cannot be sent now is sent first next time."""
    channel = ListChannel()
    outbox = Outbox(channel)
    channel.full = True
    outbox.send(b"a")
    outbox.send(b"b")
    assert outbox.still_congested()

    channel.full = False
    outbox.send(b"c")

    assert channel.lines == [b"a", b"b", b"c"]
    assert not outbox.still_congested()


def test_lines_beyond_the_bound_are_counted(monkeypatch) -> None:
    """Memory is bounded, and what is left out is known."""
    monkeypatch.setattr(outbox_module, "MAX_WAITING", 3)
    channel = ListChannel()
    channel.full = True
    outbox = Outbox(channel)

    for number in range(10):
        outbox.send(b"%d" % number)

    channel.full = False
    outbox.drain()
    assert len(channel.lines) + outbox.dropped_events == 10
    assert outbox.dropped_events >= 5


def test_send_from_within_a_send_loses_nothing() -> None:
    """A finalizer that fires inside a drain only appends; the drain looks again."""
    channel = ListChannel()
    outbox = Outbox(channel)
    nested = [b"nested"]
    channel.during_send = lambda: outbox.send(nested.pop()) if nested else None

    outbox.send(b"outer")

    assert channel.lines == [b"outer", b"nested"]


def test_packets_stay_below_the_limit() -> None:
    """A long queue leaves in several packets."""
    channel = ListChannel()
    outbox = Outbox(channel)
    for _ in range(100):
        outbox.note(b"x" * 1000)

    outbox.drain()

    assert len(channel.lines) == 100
    assert all(sum(map(len, packet)) + len(packet) <= MAX_PACKET for packet in channel.packets)


def test_threads_lose_nothing_and_keep_their_order() -> None:
    """Whoever has the drain lock sends for all; each thread's lines stay in order."""
    channel = ListChannel()
    outbox = Outbox(channel)

    def work(name: int) -> None:
        for number in range(500):
            outbox.send(b"%d %d" % (name, number))

    threads = [threading.Thread(target=work, args=(name,)) for name in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    outbox.drain()

    assert len(channel.lines) == 2000
    for name in range(4):
        own = [line for line in channel.lines if line.startswith(b"%d " % name)]
        assert [b"%d %d" % (name, number) for number in range(500)] == own


def test_forked_outbox_leaves_what_waits_to_the_parent() -> None:
    """The child starts empty, with a lock of its own."""
    channel = ListChannel()
    channel.full = True
    outbox = Outbox(channel)
    outbox.send(b"parent's")
    fresh = ListChannel()

    outbox.forked(fresh)
    outbox.send(b"child's")

    assert fresh.lines == [b"child's"]


def test_noted_lines_beyond_the_bound_leave_while_the_channel_takes_them(monkeypatch) -> None:
    """Nothing is dropped only because nobody sent for a long time."""
    monkeypatch.setattr(outbox_module, "MAX_WAITING", 3)
    channel = ListChannel()
    outbox = Outbox(channel)

    for number in range(10):
        outbox.note(b"%d" % number)
    outbox.drain()

    assert channel.lines == [b"%d" % number for number in range(10)]
    assert outbox.dropped_events == 0


@pytest.mark.parametrize("count", [2, 40])
def test_what_is_no_line_holds_up_nothing(count: int) -> None:
    """By a fault of ours elsewhere; it is counted, and the others leave."""
    channel = ListChannel()
    outbox = Outbox(channel)
    lines = [b"%d" % number for number in range(count)]

    for line in lines[:-1]:
        outbox.note(line)
    outbox.note(None)  # type: ignore[arg-type]
    outbox.send(lines[-1])

    assert channel.lines == lines
    assert outbox.dropped_events == 1
