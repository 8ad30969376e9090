"""Attempts under way: in a thread, over a real connection, ended when waiting is of no use."""

from __future__ import annotations

import select
import time
from collections.abc import Iterator

import pytest
from conntrace_extension.flusher import Flusher
from conntrace_extension.outgoing import Outgoing, estimated_bytes

from conntrace.analyzer.exporters.otlp_client import OtlpClient
from conntrace.config import Settings
from tests.unit.exporters.collector import Collector, Reply, collector
from tests.unit.exporters.spans import make_span


@pytest.fixture
def backend() -> Iterator[Collector]:
    with collector() as running:
        yield running


@pytest.fixture
def outgoing() -> Outgoing:
    return Outgoing()


@pytest.fixture
def flusher(backend: Collector, outgoing: Outgoing) -> Flusher:
    client = OtlpClient(Settings({"OTEL_EXPORTER_OTLP_ENDPOINT": backend.url}))
    return Flusher(outgoing, client, place=backend.url, timeout_s=60, left_out=lambda: 0)


def a_moment(seconds: float) -> None:
    """Something may have happened."""
    time.sleep(min(seconds, 0.01))


def wait_for(flusher: Flusher) -> None:
    """Until the attempt under way has ended."""
    assert select.select([flusher], [], [], 20)[0]
    assert flusher.collect()


def test_a_long_freeze_ends_an_attempt_whose_connection_may_be_dead(
    flusher: Flusher, outgoing: Outgoing, backend: Collector
) -> None:
    backend.replies = [Reply(delay_s=30)]
    outgoing.export([make_span("one")])
    flusher.after_response(time.monotonic() + 0.5, time.sleep)
    assert len(backend.received) == 1
    flusher.note_freeze(600)
    wait_for(flusher)
    outgoing.export([make_span("two")])
    flusher.after_response(time.monotonic() + 0.1, time.sleep)
    wait_for(flusher)
    assert backend.names == ["one", "one", "two"]
    assert flusher.dropped == 0


def test_a_short_freeze_leaves_it_alone(
    flusher: Flusher, outgoing: Outgoing, backend: Collector
) -> None:
    backend.replies = [Reply(delay_s=1)]
    outgoing.export([make_span("one")])
    flusher.after_response(time.monotonic() + 0.2, time.sleep)
    flusher.note_freeze(2)
    wait_for(flusher)
    assert backend.names == ["one"]
    assert (len(outgoing), flusher.dropped) == (0, 0)


def test_at_shutdown_a_new_connection_is_tried_for_an_attempt_that_hangs(
    flusher: Flusher, outgoing: Outgoing, backend: Collector, capfd: pytest.CaptureFixture[str]
) -> None:
    backend.replies = [Reply(delay_s=30)]
    outgoing.export([make_span("one")])
    flusher.after_response(time.monotonic() + 0.2, time.sleep)
    outgoing.export([make_span("two")])
    flusher.at_shutdown(time.monotonic() + 4, lambda seconds: time.sleep(min(seconds, 0.01)))
    flusher.say_what_is_left()
    assert backend.names == ["one", "one", "two"]
    assert capfd.readouterr().out == ""


def test_who_waits_may_collect_too(
    flusher: Flusher, outgoing: Outgoing, backend: Collector
) -> None:
    """The main loop does: the wait ends with the attempt all the same."""

    def wait(seconds: float) -> None:
        select.select([flusher], [], [], seconds)
        flusher.collect()

    outgoing.export([make_span()])
    began = time.monotonic()
    flusher.after_response(began + 60, wait)
    outgoing.export([make_span()])
    flusher.at_shutdown(began + 60, wait)
    assert time.monotonic() - began < 30
    assert len(backend.received) == 2


def test_at_shutdown_one_failure_is_enough_and_the_rest_is_said(
    flusher: Flusher, outgoing: Outgoing, backend: Collector, capfd: pytest.CaptureFixture[str]
) -> None:
    backend.replies = [Reply(503)] * 9
    outgoing.export([make_span()] * 3)
    began = time.monotonic()
    flusher.at_shutdown(began + 20, lambda seconds: time.sleep(min(seconds, 0.01)))
    assert time.monotonic() - began < 10
    flusher.say_what_is_left()
    assert len(backend.received) == 1
    out = capfd.readouterr().out
    assert f"conntrace: spans do not reach {backend.url}: it answered 503 [otlp-trouble]" in out
    assert f"conntrace: 3 spans did not reach {backend.url} [otlp-failed]" in out


def test_what_the_back_end_rejects_of_a_batch_is_counted(
    flusher: Flusher, outgoing: Outgoing, backend: Collector
) -> None:
    body = b'{"partialSuccess":{"rejectedSpans":"2","errorMessage":"too old"}}'
    backend.replies = [Reply(body=body)]
    outgoing.export([make_span()] * 3)
    flusher.after_response(time.monotonic() + 20, lambda seconds: time.sleep(0.01))
    assert flusher.dropped == 2


def test_spans_without_room_are_dropped_oldest_first() -> None:
    size = estimated_bytes(make_span())
    outgoing = Outgoing(limit=size * 10)
    outgoing.export([make_span(str(number)) for number in range(25)])
    assert outgoing.dropped == 15
    batch = outgoing.take(4)
    assert [span.name for span in batch] == ["15", "16", "17", "18"]
    outgoing.put_back(batch)
    assert len(outgoing) == 10
    assert outgoing.waiting_bytes == size * 10
    assert [span.name for span in outgoing.take(100)][:2] == ["15", "16"]
    assert outgoing.waiting_bytes == 0


@pytest.mark.parametrize(("cuts", "dropped"), [(2, 1), (3, 2)])
def test_what_came_after_an_attempt_that_was_cut_off_does_not_share_its_fate(
    flusher: Flusher, outgoing: Outgoing, backend: Collector, cuts: int, dropped: int
) -> None:
    """Spans that may have arrived go once more; each has two attempts of its own."""
    backend.replies = [Reply(hang_up=True)] * cuts
    for name in ("one", "two"):
        outgoing.export([make_span(name)])
        flusher.after_response(time.monotonic() + 5, a_moment)
    until_s = time.monotonic() + 20
    while len(backend.received) < 3 or flusher.dropped < dropped:
        assert time.monotonic() < until_s
        time.sleep(0.01)
        flusher.after_response(time.monotonic() + 5, a_moment)
    assert backend.names == ["one", "one", "two", "two"]
    assert (len(outgoing), flusher.dropped) == (0, dropped)
