"""An exporter in the traced program that raises or hangs: it costs spans, and is told once."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
from tests.unit.exporters.spans import make_span

from conntrace.analyzer.exporters.contained import MAX_FAILURES, MAX_WAIT_S, Contained
from conntrace.analyzer.exporters.memory import MemoryExporter
from conntrace.analyzer.span import Span


class Theirs(MemoryExporter):
    """Raises as long as it is `broken`, and takes `wait_s` of a clock for each export."""

    def __init__(self) -> None:
        super().__init__()
        self.broken: BaseException | None = None
        self.wait_s = 0.0
        self.now_ns = 0

    def export(self, spans: Sequence[Span]) -> None:
        self.now_ns += int(self.wait_s * 1e9)
        if self.broken is not None:
            raise self.broken
        super().export(spans)

    def close(self, timeout_s: float) -> None:
        if self.broken is not None:
            raise self.broken


@pytest.fixture
def theirs() -> Theirs:
    return Theirs()


@pytest.fixture
def told() -> list[str]:
    return []


@pytest.fixture
def contained(theirs: Theirs, told: list[str], monkeypatch: pytest.MonkeyPatch) -> Contained:
    monkeypatch.delenv("CONNTRACE_TESTING", raising=False)
    return Contained(theirs, tell=told.append, monotonic_ns=lambda: theirs.now_ns)


def test_what_works_is_left_alone(contained: Contained, theirs: Theirs, told: list[str]) -> None:
    contained.export([make_span("a"), make_span("b")])
    contained.close(1)
    assert [span.name for span in theirs.spans] == ["a", "b"]
    assert (contained.dropped, told) == (0, [])


def test_a_failure_is_told_once_and_the_loss_at_the_end(
    contained: Contained, theirs: Theirs, told: list[str]
) -> None:
    theirs.broken = ValueError("hunter2")
    for _ in range(3):
        contained.export([make_span(), make_span()])
    theirs.broken = None
    contained.export([make_span("again")])
    assert (contained.dropped, len(theirs.spans)) == (6, 1)
    contained.close(1)
    contained.tell_losses()
    assert told == [
        "Theirs failed with ValueError; the program is not affected [exporter-failed]",
        "6 spans did not reach Theirs [exporter-failed]",
    ]


def test_after_repeated_failures_it_is_not_called_any_more(
    contained: Contained, theirs: Theirs, told: list[str]
) -> None:
    theirs.broken = ValueError()
    for _ in range(MAX_FAILURES):
        contained.export([make_span()])
    theirs.broken = None
    contained.export([make_span()])
    assert theirs.spans == []
    assert contained.dropped == MAX_FAILURES + 1
    assert told[1:] == ["Theirs gets no more spans: it failed 10 times [exporter-switched-off]"]


def test_one_that_makes_the_program_wait_is_not_called_again(
    contained: Contained, theirs: Theirs, told: list[str]
) -> None:
    theirs.wait_s = MAX_WAIT_S
    contained.export([make_span("slow")])
    theirs.wait_s = MAX_WAIT_S + 1.5
    contained.export([make_span("too slow")])
    contained.export([make_span("never")])
    assert [span.name for span in theirs.spans] == ["slow", "too slow"]
    assert contained.dropped == 1
    assert told == [
        "Theirs gets no more spans: it made the program wait for 6.5 s [exporter-switched-off]"
    ]


def test_a_close_that_raises_is_contained(
    contained: Contained, theirs: Theirs, told: list[str]
) -> None:
    theirs.broken = OSError("hunter2")
    contained.close(1)
    assert told == ["Theirs failed with OSError; the program is not affected [exporter-failed]"]


def test_what_belongs_to_the_program_passes(contained: Contained, theirs: Theirs) -> None:
    theirs.broken = KeyboardInterrupt()
    with pytest.raises(KeyboardInterrupt):
        contained.export([make_span()])


def test_our_own_tests_see_it(
    contained: Contained, theirs: Theirs, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CONNTRACE_TESTING", "1")
    strict = Contained(theirs, tell=print, monotonic_ns=lambda: 0)
    theirs.broken = ValueError("seen")
    with pytest.raises(ValueError, match="seen"):
        strict.export([make_span()])


def test_a_forked_child_does_not_tell_what_its_parent_lost(
    contained: Contained, theirs: Theirs, told: list[str]
) -> None:
    theirs.broken = ValueError()
    contained.export([make_span()])
    contained.forget()
    contained.tell_losses()
    assert len(told) == 1
