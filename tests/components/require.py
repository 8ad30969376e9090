"""Skip, with the reason, when a real component cannot be had; in CI that is a failure."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from scripts.components import locate
from scripts.shell import Missing


def require_component(name: str) -> Path:
    """Where the component is; ends the test when it is not there."""
    try:
        return locate(name)
    except Missing as problem:
        _end_test(f"{name}: {problem}")
        raise


def require(ability: bool, otherwise: str) -> None:
    """End the test when the machine cannot do what it takes; `otherwise` says what that is."""
    if not ability:
        _end_test(otherwise)


def _end_test(reason: str) -> None:
    if os.environ.get("CI", "").lower() in ("true", "1"):
        pytest.fail(f"in CI nothing may be missing: {reason}", pytrace=False)
    pytest.skip(reason)
