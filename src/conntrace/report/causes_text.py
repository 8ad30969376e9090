"""What the reports say about a cause beyond its span: its title and what not to bother with."""

from __future__ import annotations

from typing import Any

try:
    from conntrace import catalogue as _catalogue
except ImportError:
    _catalogue = None  # type: ignore[assignment]


def title(cause: str) -> str:
    """The cause as a short sentence; an id nobody knows is spelled out."""
    return _entry_text(cause, "title") or cause.replace("_", " ")


def not_advice(cause: str) -> str:
    """What people try against this cause although it does not help; empty when nothing is known."""
    return _entry_text(cause, "not_advice")


def _entry_text(cause: str, field: str) -> str:
    causes: Any = getattr(_catalogue, "CAUSES", {})
    return str(getattr(causes.get(cause), field, "") or "")
