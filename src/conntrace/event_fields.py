"""What every event has, and how an event's fields are declared."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, ClassVar


def about(meaning: str, unit: str = "", default: Any = None) -> Any:
    """Declare an event's field with its meaning and unit, for the reader and for the docs."""
    metadata = {"meaning": meaning, "unit": unit}
    if isinstance(default, tuple):
        return field(default=default, metadata=metadata)
    return field(default=default, metadata=metadata)


@dataclass(slots=True)
class Event:
    """What every event has."""

    kind: ClassVar[str] = ""

    time_ns: int = about("CLOCK_MONOTONIC when it happened", "ns", 0)
    thread: int = about("identifier of the thread (`_thread.get_ident`)", "", 0)
