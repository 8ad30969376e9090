"""What the analyzer hands to the exporters: finished spans, independent of OpenTelemetry's SDK."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Protocol, TypeAlias

AttributeValue: TypeAlias = str | bool | int | float | list[str] | tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Link:
    """A reference from one span to another, also across traces."""

    trace_id: str
    span_id: str


@dataclass(frozen=True, slots=True)
class Resource:
    """What one process is; lists in it are tuples. Equal resources may be exported together."""

    attributes: tuple[tuple[str, AttributeValue], ...]


@dataclass(slots=True)
class Span:
    """One finished span. Ids are lower-case hexadecimal, times ns since the Unix epoch.

    `parent_span_id` is empty for a root. `foreign_parent` says that the parent is not ours: a span
    of the program's own OpenTelemetry set-up, or of whoever invoked the function;
    `unsampled_parent`, that a sampler turned that one, or one further up, away.
    """

    trace_id: str
    span_id: str
    parent_span_id: str
    name: str
    kind: str
    start_ns: int
    end_ns: int
    resource: Resource
    attributes: dict[str, AttributeValue] = field(default_factory=dict)
    links: list[Link] = field(default_factory=list)
    error: bool = False
    foreign_parent: bool = False
    unsampled_parent: bool = False


class Exporter(Protocol):
    """Carries spans out. Never raises for a back end that fails: it counts what it drops."""

    @property
    def dropped(self) -> int:
        """Spans that could not be delivered so far."""
        ...

    def export(self, spans: Sequence[Span]) -> None:
        """Take finished spans; must not wait for a network."""
        ...

    def close(self, timeout_s: float) -> None:
        """Deliver what is left within the time and let go of files and sockets."""
        ...
