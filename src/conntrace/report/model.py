"""The connections, destinations, lookups and traces that a heap of spans tells of.

Every report (text, JSON, HTML) is written from one `Model`.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import lru_cache
from typing import TypeAlias

from conntrace import semantic_names as names
from conntrace.report.record import Process, SpanRecord

UNEXPLAINED = "unexplained"

Stretch: TypeAlias = tuple[int, int]
"""A stretch of time: begin and end, in nanoseconds since the Unix epoch."""

DNS, CONNECT, PROXY, TRUST_STORE, TLS = "dns", "connect", "proxy", "trust_store", "tls"
_PHASE_OF_NAME = {
    names.DNS_LOOKUP: DNS,
    names.SOCKET_CONNECT: CONNECT,
    names.PROXY_CONNECT: PROXY,
    names.TRUST_STORE_LOAD: TRUST_STORE,
    names.TLS_HANDSHAKE: TLS,
}
_OWN_NAMES = (
    *_PHASE_OF_NAME,
    names.DNS_REVERSE_LOOKUP,
    names.CONNECTION_SETUP,
    names.CONNECTION_CLOSE,
    names.WAIT_FOR_CONNECTION,
    names.POOL_EVICTION,
)


@dataclass(frozen=True, slots=True, order=True)
class Destination:
    """Where a connection goes. `port` is 0 when no span says it."""

    host: str
    port: int = 0

    def __str__(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{host}:{self.port}" if self.port else host


@dataclass(slots=True)
class Connection:
    """One connection from its set-up to its close, with the requests it served.

    `setup` is None for a connection that was open before the recording began, `close` for one that
    was still open at its end. `phases_ms` adds up the parts of the set-up by phase (milliseconds).
    """

    process: Process
    destination: Destination
    setup: SpanRecord | None = None
    close: SpanRecord | None = None
    requests: list[SpanRecord] = field(default_factory=list)
    phases_ms: dict[str, float] = field(default_factory=dict)
    attempts: list[SpanRecord] = field(default_factory=list)
    """The socket connects of the set-up, one for each address tried."""
    number: int = 0
    evicted_by: int | None = None
    """Number of the connection whose set-up pushed it out of its pool; 0 when that is unknown."""
    replaces: int = 0
    """Number of the lost connection that it was set up for, 0 for none."""
    forked_from: int = 0
    """Number of the parent process's connection that it is, or could not use; 0 for none."""
    frozen: list[Stretch] = field(default_factory=list)
    """When its sandbox stood still, as far as that is known."""

    @property
    def is_parents(self) -> bool:
        """It is the parent process's own connection, used on in a child: no further connection."""
        return bool(self.forked_from) and self.setup is None

    @property
    def cost_ms(self) -> float:
        """What the set-up took, in milliseconds."""
        return self.setup.duration_ms if self.setup else 0.0

    @property
    def avoidable_ms(self) -> float:
        """The part of the cost that a change would save, in milliseconds."""
        return self.cost_ms if self.setup and self.setup.flag(names.CAUSE_AVOIDABLE) else 0.0

    @property
    def request_count(self) -> int:
        """Requests served: the recorded spans, or the close span's count where that is higher."""
        if self.is_parents:
            return len(self.requests)  # its close counts those that the parent had sent as well
        told = self.close.number(names.CONNECTION_REQUESTS) if self.close else None
        return max(len(self.requests), int(told or 0))

    @property
    def start_ns(self) -> int:
        """First moment known of it."""
        return min(span.start_ns for span in self._spans())

    @property
    def end_ns(self) -> int:
        """Last moment known of it."""
        return max(span.end_ns for span in self._spans())

    def _spans(self) -> list[SpanRecord]:
        return [span for span in (self.setup, self.close, *self.requests) if span is not None]


@dataclass(slots=True)
class Model:
    """Everything the reports show, and nothing about how it looks. Lists are in order of time."""

    connections: list[Connection] = field(default_factory=list)
    lookups: list[SpanRecord] = field(default_factory=list)
    """DNS lookups outside any connection set-up."""
    raw_connects: list[SpanRecord] = field(default_factory=list)
    """Socket connects outside any connection set-up: no HTTP client known to us made them."""
    raw_tls: list[SpanRecord] = field(default_factory=list)
    """TLS handshakes and trust store loads outside any connection set-up."""
    traces: dict[str, list[SpanRecord]] = field(default_factory=dict)
    processes: list[Process] = field(default_factory=list)
    wait_ms: float = 0.0
    """Time requests waited for a free connection of their pool."""
    start_ns: int = 0
    end_ns: int = 0

    @property
    def request_count(self) -> int:
        """Requests on all connections."""
        return sum(each.request_count for each in self.connections)

    @property
    def cost_ms(self) -> float:
        """All set-ups together."""
        return sum(connection.cost_ms for connection in self.connections)

    def by_destination(self) -> dict[Destination, list[Connection]]:
        """Connections grouped by destination; the one with the highest avoidable cost first."""
        groups: dict[Destination, list[Connection]] = {}
        for connection in self.connections:
            groups.setdefault(connection.destination, []).append(connection)
        weight = {key: _weight(group) for key, group in groups.items()}
        return {key: groups[key] for key in sorted(groups, key=lambda key: (weight[key], key))}


def _weight(group: list[Connection]) -> tuple[float, float]:
    return (-sum(each.avoidable_ms for each in group), -sum(each.cost_ms for each in group))


def cause_of(span: SpanRecord) -> str:
    """The cause's id; a set-up without one counts as unexplained."""
    return span.text(names.CAUSE_NAME) or UNEXPLAINED


@lru_cache(maxsize=8192)
def own_name(name: str) -> str:
    """Which of our span names a name is, or begins with; empty for none."""
    return next((own for own in _OWN_NAMES if name == own or name.startswith(f"{own} ")), "")


def is_named(span: SpanRecord, name: str) -> bool:
    """Whether the span is of that kind of ours: its name, or the name and what it is about."""
    return own_name(span.name) == name


def phase_of(span: SpanRecord) -> str:
    """The phase of a connection set-up that the span stands for, empty for other spans."""
    return _PHASE_OF_NAME.get(own_name(span.name), "")


def destination_of(span: SpanRecord) -> Destination:
    """Server address and port of a span, else what its name tells."""
    host = span.text(names.SERVER_ADDRESS)
    if host:
        return Destination(host, int(span.number(names.SERVER_PORT) or 0))
    own = own_name(span.name)
    target = span.name.removeprefix(own).strip() if own else ""
    host, _, port = target.rpartition(":")
    if host and port.isdecimal() and len(port) <= 5:
        return Destination(host.strip("[]"), int(port))
    return Destination(target or "unknown host")


def build(spans: Iterable[SpanRecord]) -> Model:
    """Put the spans together. Order does not matter; a span that occurs twice counts once."""
    unique = {(span.trace_id, span.span_id): span for span in spans}
    ordered = sorted(unique.values(), key=lambda span: (span.start_ns, span.span_id))
    model = Model()
    if not ordered:
        return model
    model.start_ns = ordered[0].start_ns
    model.end_ns = max(span.end_ns for span in ordered)
    model.processes = list(dict.fromkeys(span.process for span in ordered))
    for span in ordered:
        model.traces.setdefault(span.trace_id, []).append(span)
    model.connections = _connections(ordered)
    _add_phases_and_strays(model, ordered)
    return model


def _connections(ordered: list[SpanRecord]) -> list[Connection]:
    found: dict[tuple[Process, str], Connection] = {}
    for span in ordered:
        is_setup = is_named(span, names.CONNECTION_SETUP)
        is_close = is_named(span, names.CONNECTION_CLOSE)
        own_id = span.text(names.CONNECTION_ID)
        if not (is_setup or is_close or (own_id and is_request(span))):
            continue
        key = (span.process, own_id or _known_by(span))
        connection = found.setdefault(key, Connection(span.process, destination_of(span)))
        if is_setup:
            connection.setup = span
            connection.destination = destination_of(span)
        elif is_close:
            connection.close = span
        else:
            connection.requests.append(span)
    connections = sorted(found.values(), key=lambda connection: connection.start_ns)
    for number, connection in enumerate(connections, start=1):
        connection.number = number
    return connections


def _known_by(span: SpanRecord) -> str:
    """Stands in for a missing connection id: a close span links to its set-up."""
    if is_named(span, names.CONNECTION_CLOSE) and span.links:
        return span.links[0]
    return span.span_id


def is_request(span: SpanRecord) -> bool:
    """Whether the span can be a request on a connection: nothing of ours, and no invocation."""
    return not own_name(span.name) and not is_invocation(span)


def is_invocation(span: SpanRecord) -> bool:
    """Whether the span is an invocation of a function, or a request that a server served."""
    return span.kind == names.SERVER or (
        span.kind == names.CONSUMER and names.FAAS_INVOCATION_ID in span.attributes
    )


def _add_phases_and_strays(model: Model, ordered: list[SpanRecord]) -> None:
    """Give each phase span to its set-up; those without one are lookups and connects alone."""
    by_setup = {
        (each.setup.trace_id, each.setup.span_id): each for each in model.connections if each.setup
    }
    for span in ordered:
        if is_named(span, names.WAIT_FOR_CONNECTION):
            model.wait_ms += span.duration_ms
        phase = phase_of(span)
        owner = by_setup.get((span.trace_id, span.parent_id))
        if owner is not None and phase:
            owner.phases_ms[phase] = owner.phases_ms.get(phase, 0.0) + span.duration_ms
            if phase == CONNECT:
                owner.attempts.append(span)
        elif phase == DNS or is_named(span, names.DNS_REVERSE_LOOKUP):
            model.lookups.append(span)
        elif phase == CONNECT:
            model.raw_connects.append(span)
        elif phase in (TLS, TRUST_STORE):
            model.raw_tls.append(span)
