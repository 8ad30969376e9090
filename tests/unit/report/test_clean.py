"""Text from spans is shown, never obeyed."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len

from conntrace.report.clean import clean, shorten, shorten_path


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("plain [red]markup[/red] :smile:", "plain [red]markup[/red] :smile:"),
        ("\x1b[2J\x07", "\\x1b[2J\\x07"),
        ("a\nb\tc\rd", "a\\nb\\tc\\rd"),
        ("\u202egnp.exe", "\\u202egnp.exe"),
        ("\u200bx\u2028", "\\u200bx\\u2028"),
        ("\ud800", "\\ud800"),
        ("\U000e0041", "\\U000e0041"),
        ("Zürich 東京", "Zürich 東京"),
    ],
)
def test_what_is_hidden_is_spelled_out(text: str, shown: str) -> None:
    assert clean(text) == shown


@given(st.text())
def test_clean_text_is_printable_and_bounded(text: str) -> None:
    shown = clean(text * 50, limit=60)
    assert shown.isprintable()
    assert len(shown) <= 600


@given(st.text(), st.integers(0, 30))
def test_shortened_text_fits(text: str, cells: int) -> None:
    assert cell_len(shorten(clean(text), cells)) <= cells


def test_a_path_keeps_the_parts_that_find_it() -> None:
    assert shorten_path("/srv/app/shop/handler.py") == "…/shop/handler.py"
    assert shorten_path("handler.py") == "handler.py"
    assert shorten_path("C:\\app\\shop\\handler.py") == "…/shop/handler.py"
