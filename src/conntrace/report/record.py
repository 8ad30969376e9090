"""What the reports keep of a span: one small record, and the process that made it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TypeAlias

Value: TypeAlias = str | bool | int | float | list[str]

NS_PER_MS = 1_000_000


@dataclass(frozen=True, slots=True)
class Process:
    """One process as its resource attributes name it; equal values are the same process."""

    service: str = ""
    instance: str = ""
    pid: int = 0
    command: str = ""
    parent_pid: int = 0
    function: str = ""
    """Name of the Lambda function (`faas.name`), empty elsewhere."""

    @property
    def program(self) -> str:
        """What people call it: the function's name, else the service's."""
        return self.function or self.service


@dataclass(slots=True)
class SpanRecord:
    """One finished span. Ids are lower-case hexadecimal, times nanoseconds since the Unix epoch.

    `parent_id` is empty for a root. Attribute values come from a file that anyone may have written:
    read them through `text`, `number`, `flag` and `texts`, which never fail on a wrong type.
    """

    trace_id: str
    span_id: str
    parent_id: str
    name: str
    kind: str
    start_ns: int
    end_ns: int
    attributes: dict[str, Value] = field(default_factory=dict)
    process: Process = field(default_factory=Process)
    links: tuple[str, ...] = ()
    """Span ids of the linked spans."""
    error: bool = False

    @property
    def duration_ms(self) -> float:
        """Milliseconds from start to end."""
        return (self.end_ns - self.start_ns) / NS_PER_MS

    def text(self, name: str) -> str:
        """The attribute as a string, empty when there is none."""
        value = self.attributes.get(name)
        if value is None or isinstance(value, list):
            return ""
        return value if isinstance(value, str) else str(value)

    def number(self, name: str) -> float | None:
        """The attribute as a finite number, None when it is none."""
        value = self.attributes.get(name)
        if isinstance(value, bool) or not isinstance(value, (int, float)):
            return None
        try:
            number = float(value)
        except OverflowError:
            return None
        return number if abs(number) < 1e18 else None

    def flag(self, name: str) -> bool:
        """Whether the attribute is true; a missing one is false."""
        return self.attributes.get(name) is True

    def texts(self, name: str) -> list[str]:
        """The attribute as a list of strings, empty when there is none."""
        value = self.attributes.get(name)
        if isinstance(value, list):
            return value
        return [value] if isinstance(value, str) and value else []
