"""Findings: every set-up or lookup with the same cause, destination and place in the code."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from pathlib import PurePath

from conntrace import semantic_names as names
from conntrace.report.model import Destination, Model, cause_of, destination_of
from conntrace.report.record import SpanRecord
from conntrace.report.traffic import Sums

_CLIENT_MADE = frozenset(
    {"client_recreated", "parallel_client", "pool_evicted_lru", "pool_key_mismatch"}
)
"""Causes to be changed where the client is made, not where it is used."""

_OF_SETUP = (
    names.SERVER_ADDRESS,
    names.SERVER_PORT,
    names.POOL_OWNER,
    names.CODE_FILE_PATH,
    names.CODE_LINE_NUMBER,
    names.CODE_FUNCTION_NAME,
)
"""What a set-up tells for its steps too."""


@dataclass(frozen=True, slots=True, order=True)
class Place:
    """A line of the program. All empty when no span says it."""

    path: str = ""
    line: int = 0
    function: str = ""

    @property
    def stable(self) -> str:
        """File and function, without what differs between machines and editions."""
        return f"{'/'.join(PurePath(self.path).parts[-2:])} {self.function}".strip()

    def __str__(self) -> str:
        where = f"{self.path}:{self.line}" if self.line else self.path
        return f"{where} in {self.function}()" if self.function else where


@dataclass(slots=True)
class Finding:
    """All set-ups or lookups with one cause, destination and place."""

    cause: str
    destination: Destination
    place: Place
    spans: list[SpanRecord] = field(default_factory=list)
    """All of them; an example where they were only counted."""
    sums: Sums = field(default_factory=Sums)
    """How many there are, and what they took together."""

    @property
    def id(self) -> str:
        """Its `finding_id`."""
        return finding_id(self.cause, self.destination, self.place)

    @property
    def count(self) -> int:
        """How many set-ups or lookups there were."""
        return self.sums.count

    @property
    def cost_ms(self) -> float:
        """What they took together, in milliseconds."""
        return self.sums.cost_ms

    @property
    def avoidable_ms(self) -> float:
        """The part that a change would save, in milliseconds."""
        return self.sums.avoidable_ms


def finding_id(cause: str, destination: Destination, place: Place) -> str:
    """Eight hexadecimal digits, the same on each machine and after edits elsewhere in the file."""
    text = "\t".join((cause, str(destination), place.stable))
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:8]


def findings_of(spans: Iterable[SpanRecord]) -> list[Finding]:
    """Group set-ups and lookups."""
    groups: dict[tuple[str, Destination, Place], Finding] = {}
    for span in spans:
        key = (cause_of(span), destination_of(span), place_of(span))
        finding = groups.get(key) or groups.setdefault(key, Finding(*key))
        finding.spans.append(span)
        finding.sums.add(span)
    return list(groups.values())


def place_of(span: SpanRecord) -> Place:
    """Where a change belongs: the line that makes the client, else the line of the call."""
    made_at = span.text(names.POOL_CREATED_AT)
    if made_at and cause_of(span) in _CLIENT_MADE:
        path, _, line = made_at.rpartition(":")
        return Place(path, int(line)) if path and line.isdecimal() else Place(made_at)
    return call_site_of(span)


def call_site_of(span: SpanRecord) -> Place:
    """The line of the call."""
    return Place(
        span.text(names.CODE_FILE_PATH),
        int(span.number(names.CODE_LINE_NUMBER) or 0),
        span.text(names.CODE_FUNCTION_NAME),
    )


def fallbacks(model: Model) -> Iterator[SpanRecord]:
    """Connects that had to try a further address, with the time that the dead ones took.

    That time is part of the set-up's, so it never counts in the totals.
    """
    for connection in model.connections:
        named = [each for each in connection.attempts if each.text(names.CAUSE_NAME)]
        if named and connection.setup:
            last = max(named, key=lambda each: each.start_ns)
            first = min(each.start_ns for each in connection.attempts)
            told = {name: connection.setup.attributes.get(name) for name in _OF_SETUP}
            known = {name: value for name, value in told.items() if value is not None}
            yield replace(
                last,
                start_ns=first,
                end_ns=last.start_ns,
                attributes={**last.attributes, **known},
            )
