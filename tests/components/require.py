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
        if os.environ.get("CI", "").lower() in ("true", "1"):
            pytest.fail(f"{name} is missing, and in CI nothing may be: {problem}", pytrace=False)
        pytest.skip(f"{name}: {problem}")
