"""Counts over any number of spans in bounded memory: one pass, nothing kept but sums and examples.

Two tallies of parts of the input can be merged, so parts can be counted side by side.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import TypeAlias

from conntrace import catalogue
from conntrace import semantic_names as names
from conntrace.report.findings import Place, place_of
from conntrace.report.model import (
    CONNECT,
    DNS,
    UNEXPLAINED,
    Destination,
    cause_of,
    destination_of,
    is_invocation,
    is_named,
    is_request,
    own_name,
    phase_of,
)
from conntrace.report.record import Process, SpanRecord
from conntrace.report.traffic import Sums, Traffic

MAX_KEYS = 20_000
"""Kinds of findings, and destinations, that are told apart; the rest counts as one more."""

MAX_PROCESSES = 200_000
OTHERS = Destination("other hosts")

Key: TypeAlias = tuple[str, Destination, Place]


@dataclass(slots=True)
class Tally:
    """All counts. Whoever adds spans leaves out what was there before."""

    spans: int = 0
    start_ns: int = 0
    end_ns: int = 0
    total: Traffic = field(default_factory=Traffic)
    findings: dict[Key, Sums] = field(default_factory=dict)
    destinations: dict[Destination, Traffic] = field(default_factory=dict)
    services: dict[str, Traffic] = field(default_factory=dict)
    processes: set[Process] = field(default_factory=set)

    def add(self, span: SpanRecord) -> None:
        """Count one span."""
        self.spans += 1
        self.start_ns = min(self.start_ns or span.start_ns, span.start_ns)
        self.end_ns = max(self.end_ns, span.end_ns)
        kind = _kind(span)
        if len(self.processes) < MAX_PROCESSES:
            self.processes.add(span.process)
        if kind:
            self._count(span, kind)
        if step := _STEP_OF_NAME.get(own_name(span.name)):
            self._count_step(span, step)

    def merge(self, other: Tally) -> None:
        """Add another's counts."""
        self.spans += other.spans
        self.start_ns = min(self.start_ns or other.start_ns, other.start_ns or self.start_ns)
        self.end_ns = max(self.end_ns, other.end_ns)
        self.total.merge(other.total)
        for key, sums in other.findings.items():
            self._finding(key).merge(sums)
        for destination, traffic in other.destinations.items():
            self._traffic(destination).merge(traffic)
        for service, traffic in other.services.items():
            self.services.setdefault(service, Traffic()).merge(traffic)
        room = MAX_PROCESSES - len(self.processes)
        self.processes.update(sorted(other.processes - self.processes, key=repr)[: max(0, room)])

    def causes(self) -> dict[str, Sums]:
        """Sums by cause, most time to save first."""
        found: dict[str, Sums] = {}
        for (cause, _, _), sums in self.findings.items():
            found.setdefault(cause, Sums()).merge(sums)
        return dict(sorted(found.items(), key=lambda item: _weight(item[1])))

    def worst(self) -> dict[Destination, Traffic]:
        """Destinations, most time to save first."""
        ordered = sorted(self.destinations.items(), key=lambda item: (*_weight(item[1]), item[0]))
        return dict(ordered)

    def by_service(self) -> dict[str, Traffic]:
        """Functions and services, most time to save first."""
        ordered = sorted(self.services.items(), key=lambda item: (*_weight(item[1]), item[0]))
        return dict(ordered)

    def by_finding(self) -> dict[Key, Sums]:
        """Findings, most time to save first."""
        return dict(sorted(self.findings.items(), key=lambda item: (*_weight(item[1]), item[0])))

    @property
    def connected(self) -> int:
        """How many destinations were connected to."""
        return sum(each.setups.count > 0 for each in self.destinations.values())

    def processes_of(self, service: str) -> int:
        """How many processes (at least) a function or service had."""
        return sum(each.program == service for each in self.processes)

    def _count(self, span: SpanRecord, kind: str) -> None:
        service = self._service(span)
        if kind == _INVOCATION:
            # Where it was served is no destination.
            _count_invocation(self.total, span)
            _count_invocation(service, span)
            return
        destination = destination_of(span)
        for traffic in (self.total, self._traffic(destination), service):
            _COUNTERS[kind](traffic, span)
        if kind in (_SETUP, _STRAY):
            self._finding((cause_of(span), destination, place_of(span))).add(span)

    def _count_step(self, span: SpanRecord, step: str) -> None:
        """A lookup names the host and port it is for; other steps name an address, or no port."""
        of_destination = [self._traffic(destination_of(span))] if step == _LOOKUP else []
        for traffic in (self.total, self._service(span), *of_destination):
            traffic.lookups += step == _LOOKUP
            traffic.connects += step == _CONNECT
            traffic.handshakes += step == _HANDSHAKE

    def _service(self, span: SpanRecord) -> Traffic:
        return self.services.setdefault(_service(self.services, span), Traffic())

    def _traffic(self, destination: Destination) -> Traffic:
        if destination not in self.destinations and len(self.destinations) >= MAX_KEYS:
            destination = OTHERS
        return self.destinations.setdefault(destination, Traffic())

    def _finding(self, key: Key) -> Sums:
        if key not in self.findings and len(self.findings) >= MAX_KEYS:
            key = (key[0], OTHERS, Place())
        return self.findings.setdefault(key, Sums())


def tally_of(spans: Iterable[SpanRecord]) -> Tally:
    """Count all spans."""
    tally = Tally()
    for span in spans:
        tally.add(span)
    return tally


_SETUP, _STRAY, _REQUEST, _CLOSE, _WAIT, _EVICTION, _INVOCATION = (
    "setup",
    "stray",
    "request",
    "close",
    "wait",
    "eviction",
    "invocation",
)
_BY_NAME = {
    names.CONNECTION_SETUP: _SETUP,
    names.CONNECTION_CLOSE: _CLOSE,
    names.WAIT_FOR_CONNECTION: _WAIT,
    names.POOL_EVICTION: _EVICTION,
}
_LOOKUP, _CONNECT, _HANDSHAKE = "lookup", "connect", "handshake"
_STEP_OF_NAME = {
    names.DNS_LOOKUP: _LOOKUP,
    names.DNS_REVERSE_LOOKUP: _LOOKUP,
    names.SOCKET_CONNECT: _CONNECT,
    names.TLS_HANDSHAKE: _HANDSHAKE,
}
"""The sum that a step of a set-up, or one outside any, adds to."""


def _kind(span: SpanRecord) -> str:
    """What a span counts as; empty for what the sums leave out."""
    if is_invocation(span):
        return _INVOCATION
    if kind := _BY_NAME.get(own_name(span.name)):
        return kind
    if phase_of(span) in (DNS, CONNECT) or is_named(span, names.DNS_REVERSE_LOOKUP):
        return _STRAY if _is_stray(span) else ""
    is_ours = names.CONNECTION_ID in span.attributes and is_request(span)
    return _REQUEST if is_ours else ""


def _is_stray(span: SpanRecord) -> bool:
    """The cause tells that no HTTP client asked; the parent may be in another part of the input."""
    known = catalogue.CAUSES.get(cause_of(span))
    return (known is not None and known.family == "G") or (
        cause_of(span) == UNEXPLAINED and not span.parent_id
    )


def _count_setup(traffic: Traffic, span: SpanRecord) -> None:
    traffic.setups.add(span)
    traffic.failed += span.error


def _count_request(traffic: Traffic, span: SpanRecord) -> None:
    traffic.requests += 1
    traffic.reused += span.flag(names.CONNECTION_REUSED)


def _count_close(traffic: Traffic, span: SpanRecord) -> None:
    idle, limit = span.number(names.CONNECTION_IDLE_S), span.number(names.CLOSE_SERVER_IDLE_LIMIT_S)
    # When the sandbox stood still meanwhile, nobody knows how long the server waited.
    frozen = (span.number(names.CONNECTION_FROZEN_S) or 0) > 0
    if idle and idle > 0 and not frozen and span.text(names.CLOSE_INITIATOR) == "remote":
        traffic.idle.add(limit if limit and limit < idle else idle)
    if limit is not None and limit > 0:
        traffic.limit.add(limit)


def _count_wait(traffic: Traffic, span: SpanRecord) -> None:
    traffic.waits += 1
    traffic.wait_ms += span.duration_ms


def _count_eviction(traffic: Traffic, span: SpanRecord) -> None:
    traffic.evictions += 1


def _count_invocation(traffic: Traffic, span: SpanRecord) -> None:
    traffic.invocations += 1
    traffic.cold += span.flag(names.FAAS_COLDSTART)
    traffic.invocations_failed += span.error
    traffic.took.add(span.duration_ms / 1000)


def _count_stray(traffic: Traffic, span: SpanRecord) -> None:
    traffic.strays.add(span)


_COUNTERS = {
    _SETUP: _count_setup,
    _STRAY: _count_stray,
    _REQUEST: _count_request,
    _CLOSE: _count_close,
    _WAIT: _count_wait,
    _EVICTION: _count_eviction,
}


def _service(known: dict[str, Traffic], span: SpanRecord) -> str:
    service = span.process.program or span.text(names.FAAS_NAME)
    return service if service in known or len(known) < MAX_KEYS else "other services"


def _weight(sums: Sums | Traffic) -> tuple[float, float]:
    return (-sums.avoidable_ms, -sums.cost_ms)
