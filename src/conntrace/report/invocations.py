"""Invocations of functions, and requests that a server served: what each of them connected.

An invocation is a span of the kind SERVER (CONSUMER when messages woke the function), or the time
before the first one of a function. What its span says of itself (`conntrace.ledger.*`) counts; else
its spans are added up.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

from conntrace import semantic_names as names
from conntrace.report.model import Connection, Model, is_invocation, is_named
from conntrace.report.record import Process, SpanRecord


@dataclass(slots=True)
class Invocation:
    """One invocation with the connections it made or used. Times in milliseconds."""

    span: SpanRecord
    connections: list[Connection] = field(default_factory=list)
    strays: list[SpanRecord] = field(default_factory=list)
    """Its lookups and connects that belong to no connection."""
    made: list[SpanRecord] = field(default_factory=list)
    """Its set-ups, lookups and connects alone: what its cost is added up from."""

    @property
    def name(self) -> str:
        """The function, or the route."""
        told = self.span.text(names.FAAS_NAME) or self.span.process.function
        return told if told and self.is_function else self.span.name

    @property
    def request_id(self) -> str:
        """The platform's id, empty for other than functions."""
        return self.span.text(names.FAAS_INVOCATION_ID)

    @property
    def is_function(self) -> bool:
        """Whether it is of a function, and not a request that a server served."""
        return bool(self.request_id) or names.FAAS_COLDSTART in self.span.attributes or self.is_init

    @property
    def is_init(self) -> bool:
        """Whether it is what a function did before its first invocation."""
        return self.span.kind == names.INTERNAL

    @property
    def is_cold(self) -> bool:
        """Whether it was the first one of its environment."""
        return self.span.flag(names.FAAS_COLDSTART)

    @property
    def error(self) -> str:
        """Why it failed; empty when it did not."""
        return (self.span.text(names.ERROR_TYPE) or "error") if self.span.error else ""

    @property
    def setup_ms(self) -> float:
        """What setting up connections took in it."""
        told = self.span.number(names.LEDGER_SETUP_S)
        return told * 1000 if told is not None else sum(each.duration_ms for each in self.made)

    @property
    def avoidable_ms(self) -> float:
        """The part that a change would save."""
        told = self.span.number(names.LEDGER_AVOIDABLE_S)
        if told is not None:
            return told * 1000
        return sum(each.duration_ms for each in self.made if each.flag(names.CAUSE_AVOIDABLE))

    @property
    def new_connections(self) -> int:
        """How many connections it made."""
        told = self.span.number(names.LEDGER_CONNECTS)
        own = sum(is_named(span, names.CONNECTION_SETUP) for span in self.made)
        return max(own, int(told or 0))


def _is_shown(span: SpanRecord) -> bool:
    if is_invocation(span):
        return True
    is_init = span.kind == names.INTERNAL and span.name.endswith(f" {names.INIT}")
    return is_init and not span.parent_id and bool(span.process.function)


def invocations_of(model: Model) -> list[Invocation]:
    """All invocations in order of time."""
    spans = [span for trace in model.traces.values() for span in trace if _is_shown(span)]
    found = {
        (span.trace_id, span.span_id): Invocation(span)
        for span in sorted(spans, key=lambda span: (span.start_ns, span.span_id))
    }
    if found:
        owner = _Owners(model, found)
        for connection in model.connections:
            for span in _spans_of(connection):
                invocation = owner.of(span)
                if invocation is None:
                    continue
                if span is connection.setup:
                    invocation.made.append(span)
                if not invocation.connections or invocation.connections[-1] is not connection:
                    invocation.connections.append(connection)
        for stray in (*model.lookups, *model.raw_connects):
            if invocation := owner.of(stray):
                invocation.strays.append(stray)
                invocation.made.append(stray)
    return list(found.values())


def by_process(invocations: list[Invocation]) -> dict[Process, list[Invocation]]:
    """The invocations of each process, in order of time."""
    groups: dict[Process, list[Invocation]] = {}
    for each in invocations:
        groups.setdefault(each.span.process, []).append(each)
    return groups


def _spans_of(connection: Connection) -> Iterator[SpanRecord]:
    if connection.setup:
        yield connection.setup
    yield from connection.requests


class _Owners:
    """Which invocation a span belongs to: the nearest one above it."""

    def __init__(self, model: Model, found: dict[tuple[str, str], Invocation]) -> None:
        self._found = found
        self._parents = {
            (span.trace_id, span.span_id): span.parent_id
            for trace in {span_id[0] for span_id in found}
            for span in model.traces[trace]
        }

    def of(self, span: SpanRecord) -> Invocation | None:
        """None when no invocation stands above it."""
        key: tuple[str, str] | None = (span.trace_id, span.span_id)
        passed = 0
        while key in self._parents and passed < 64:
            if invocation := self._found.get(key):
                return invocation
            key, passed = (span.trace_id, self._parents[key]), passed + 1
        return None
