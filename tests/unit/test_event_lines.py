"""What the traced side writes is what the analyzer reads, whatever the texts hold."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from conntrace import event_lines
from conntrace.event_lines import MAX_LINE, MAX_TEXT, line
from conntrace.events import LookupEnd, LookupStart, decode

NUMBERS = st.integers(min_value=-(2**62), max_value=2**62)
# A list separator within a text becomes a space, an unpaired surrogate its escape.
TEXTS = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\x1f"), max_size=200)


@given(operation=NUMBERS, host=TEXTS, reverse=st.booleans())
def test_fields_survive(operation: int, host: str, reverse: bool) -> None:
    """Numbers, texts with any character, and flags come back as they were."""
    event = decode(line(b"lookup_start", 1, 2, operation, 3, "getaddrinfo", host, 53, reverse))

    assert isinstance(event, LookupStart)
    assert (event.operation, event.host, event.reverse) == (operation, host, reverse)


@given(answers=st.lists(TEXTS.filter(bool), min_size=1, max_size=4))
def test_lists_survive(answers: list[str]) -> None:
    """Each item of a list comes back whole."""
    event = decode(line(b"lookup_end", 1, 2, 3, answers, "error"))

    assert isinstance(event, LookupEnd)
    assert event.answers == tuple(answers)
    assert event.error == "error"


@given(host=st.text(max_size=6000))
def test_line_is_one_line_of_bounded_length(host: str) -> None:
    """No text can end a line early or make it longer than a packet takes."""
    written = line(b"lookup_start", 1, 2, 3, 4, "getaddrinfo", host, 53)

    assert len(written) <= MAX_LINE
    assert b"\n" not in written
    assert written.count(b"\t") == 7


def test_long_text_is_cut_and_marked() -> None:
    """A reader sees that something is missing."""
    event = decode(line(b"lookup_start", 1, 2, 3, 4, "getaddrinfo", "x" * 5000, 53))

    assert isinstance(event, LookupStart)
    assert len(event.host) == MAX_TEXT
    assert event.host.endswith(event_lines.CUT_MARK)
    assert event.port == 53


def test_many_long_texts_fit_a_line() -> None:
    """The longest fields give way, and the line stays readable."""
    written = line(b"lookup_end", 1, 2, 3, ["é" * 900] * 9, "e" * 900)

    assert len(written) <= MAX_LINE
    assert isinstance(decode(written), LookupEnd)


@pytest.mark.parametrize("value", [1.5, b"bytes", object()])
def test_other_types_are_refused(value: object) -> None:
    """A field holds text, a number, a flag or a list of texts."""
    with pytest.raises(TypeError):
        line(b"lookup_end", 1, 2, value)


def test_subclasses_of_plain_types_are_taken() -> None:
    """An HTTP status is a number, an AWS region object a text."""
    from http import HTTPStatus

    class Region(str):
        """A text of another class."""

    event = decode(line(b"lookup_start", 1, 2, HTTPStatus.OK, 4, Region("a\tb")))

    assert isinstance(event, LookupStart)
    assert (event.operation, event.function) == (200, "a\tb")
