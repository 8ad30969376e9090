"""What every event has, and how an event's fields are declared."""

from __future__ import annotations

from dataclasses import dataclass, field, fields
from typing import Any, ClassVar


def about(meaning: str, unit: str = "", default: Any = None) -> Any:
    """Declare an event's field with its meaning and unit, for the reader and for the docs."""
    metadata = {"meaning": meaning, "unit": unit}
    if isinstance(default, tuple):
        return field(default=default, metadata=metadata)
    return field(default=default, metadata=metadata)


@dataclass(slots=True, eq=False, repr=False)
class Event:
    """What every event has.

    Its kinds are dataclasses without methods of their own for comparing and showing: there are
    dozens, and making those takes a quarter of the time until the analyzer is ready.
    """

    kind: ClassVar[str] = ""

    time_ns: int = about("CLOCK_MONOTONIC when it happened", "ns", 0)
    thread: int = about("identifier of the thread (`_thread.get_ident`)", "", 0)

    def __eq__(self, other: object) -> bool:
        return type(other) is type(self) and _values(self) == _values(other)

    __hash__ = None  # type: ignore[assignment]

    def __repr__(self) -> str:
        shown = (f"{each.name}={getattr(self, each.name)!r}" for each in fields(self))
        return f"{type(self).__name__}({', '.join(shown)})"


def _values(event: object) -> list[object]:
    return [getattr(event, each.name) for each in fields(event)]  # type: ignore[arg-type]
