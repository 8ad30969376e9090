"""The progress bar."""

from __future__ import annotations

import io

from conntrace.report.progress import progress


class Terminal(io.StringIO):
    """A stream that says it is a terminal."""

    def isatty(self) -> bool:
        return True


def test_a_bar_on_a_terminal() -> None:
    """It shows how much was read."""
    stream = Terminal()
    with progress(1000, stream) as advance:
        advance(1000)
    assert "reading" in stream.getvalue()


def test_nothing_when_piped() -> None:
    """A log gets no bar."""
    stream = io.StringIO()
    with progress(1000, stream) as advance:
        advance(1000)
    assert stream.getvalue() == ""
