"""The rule of the decision table, over all rows: proved beats likely, else the order decides."""

from __future__ import annotations

from typing import Any, cast
from unittest import mock

from hypothesis import given
from hypothesis import strategies as st

from conntrace.analyzer.causes import Cause, SetupFacts, decision

NOTHING = cast(SetupFacts, None)
ANSWERS = st.lists(
    st.sampled_from([None, "proved", "inferred"]),
    min_size=len(decision.ROWS),
    max_size=len(decision.ROWS),
)


@given(ANSWERS)
def test_proved_beats_likely_whatever_the_families(answers: list[str | None]) -> None:
    """Each row answers as drawn; the verdict is the first proved one, else the first likely one,
    else the facts do not say."""

    def answering(number: int, confidence: str | None) -> Any:
        cause = Cause(str(number), confidence, "") if confidence else None
        return lambda facts: cause

    rows = tuple(answering(number, answer) for number, answer in enumerate(answers))
    blank = Cause("unexplained", "inferred", "")
    with (
        mock.patch.object(decision, "ROWS", rows),
        mock.patch.object(decision, "unexplained", return_value=blank),
    ):
        verdict = decision.decide(NOTHING)
    wanted = next((level for level in ("proved", "inferred") if level in answers), None)
    expected = "unexplained" if wanted is None else str(answers.index(wanted))
    assert (verdict.name, verdict.confidence) == (expected, wanted or "inferred")


def test_each_row_stands_once() -> None:
    """A row that stands twice would hide a mistake in the order."""
    assert len(set(decision.ROWS)) == len(decision.ROWS)
