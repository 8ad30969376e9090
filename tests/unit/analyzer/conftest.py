"""For the analyzer's unit tests: its own mistakes are raised, not contained."""

from __future__ import annotations

import pytest


@pytest.fixture(autouse=True)
def _mistakes_are_raised(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CONNTRACE_TESTING", "1")
