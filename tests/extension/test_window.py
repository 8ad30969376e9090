"""How long the extension works after a response."""

from __future__ import annotations

import pytest
from conntrace_extension.window import window

NOW_S = 1000.0
LATER_S = NOW_S + 60


@pytest.mark.parametrize(
    ("ended_s", "last_s", "expected_s"),
    [
        pytest.param(NOW_S, LATER_S, (0.07, 0.1), id="seen at once"),
        pytest.param(NOW_S - 0.03, LATER_S, (0.04, 0.07), id="what was stored late counts"),
        pytest.param(NOW_S - 0.2, LATER_S, (0.01, 0.01), id="a moment is always left"),
        pytest.param(NOW_S - 900, LATER_S, (0.01, 0.01), id="very late"),
        pytest.param(0.0, LATER_S, (0.07, 0.1), id="nobody said when it ended"),
        pytest.param(NOW_S + 5, LATER_S, (0.07, 0.1), id="a time that is yet to come"),
        pytest.param(NOW_S, NOW_S + 0.05, (0.05, 0.05), id="the deadline is near"),
        pytest.param(NOW_S, NOW_S - 1, (-1.0, -1.0), id="the deadline is past"),
    ],
)
def test_thinking_and_sending_have_their_time(
    ended_s: float, last_s: float, expected_s: tuple[float, float]
) -> None:
    think_until_s, until_s = window(ended_s, NOW_S, last_s)
    assert (think_until_s - NOW_S, until_s - NOW_S) == pytest.approx(expected_s)
