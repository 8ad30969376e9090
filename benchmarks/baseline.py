"""What the agent was found to add before, and how far from it a new finding may be."""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping
from pathlib import Path

BASELINE = Path(__file__).with_name("instructions.json")
TOLERANCE = 0.1
Shares = Mapping[str, float]
"""By figure: instructions that conntrace adds, as a share of the plain program's."""


def kind_of_python() -> str:
    """What one baseline holds for: every minor version has its own bytecode."""
    return f"{sys.implementation.name}-{sys.version_info.major}.{sys.version_info.minor}"


def recorded(kind: str) -> Shares | None:
    """The accepted shares, None when nobody has recorded any for this kind of Python."""
    found: dict[str, dict[str, float]] = json.loads(BASELINE.read_text(encoding="utf-8"))
    return found.get(kind)


def accept(kind: str, shares: Shares) -> None:
    """Put these in place of what stood there; other Pythons keep theirs."""
    content = json.loads(BASELINE.read_text(encoding="utf-8"))
    content[kind] = {figure: round(share, 3) for figure, share in shares.items()}
    text = json.dumps(content, indent=2, sort_keys=True)
    BASELINE.write_text(f"{text}\n", encoding="utf-8")


def grown(shares: Shares, before: Shares) -> list[str]:
    """The figures that are beyond the tolerance."""
    return [figure for figure, share in shares.items() if share > before[figure] * (1 + TOLERANCE)]


def shrunk(shares: Shares, before: Shares) -> list[str]:
    """The figures that leave room for a later regression to go unseen."""
    return [figure for figure, share in shares.items() if share < before[figure] * (1 - TOLERANCE)]
