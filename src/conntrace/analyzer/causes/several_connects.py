"""Family E and the latency qualifiers: what a set-up's own steps add to its verdict."""

from __future__ import annotations

from dataclasses import dataclass, field

from conntrace.analyzer.causes.cause import PROVED, Cause
from conntrace.analyzer.causes.words import count, nanoseconds

CA_LOAD_NS = 5_000_000
"""A CA bundle load is worth a word from here on (nanoseconds)."""

STARVED_NS = 10_000_000
"""A handshake was starved when its thread waited so long for a processor, and at least half of its
time (nanoseconds)."""

SYN_RETRANSMITS_S = (1, 3, 7)
"""When a kernel sends a lost SYN again (seconds after the first)."""

DNS_RETRANSMITS_S = (5, 10, 15, 20, 25, 30)
"""When the resolver asks again (seconds)."""

NEAR_S = 0.3
"""How much later than a mark still counts as near it (seconds)."""


@dataclass(slots=True)
class Steps:
    """What happened within one set-up."""

    connects: int = 0
    failed_connects: int = 0
    ca_load_ns: int = 0
    tunnels: int = 0
    lookup_ns: int = 0
    """The longest lookup."""
    connect_ns: int = 0
    """The longest connect that succeeded."""
    tls_ns: int = 0
    tls_delay_ns: int = 0
    """How long the handshake's thread, ready to run, waited for a processor."""
    errors: set[str] = field(default_factory=set)


def contributing(steps: Steps) -> tuple[str, ...]:
    """Ids of what had a part in the set-up without being its reason."""
    found: list[str] = []
    if steps.connects > 1 and steps.failed_connects:
        found.append("address_fallback")
    if steps.tunnels:
        found.append("proxy_tunnel")
    if steps.ca_load_ns >= CA_LOAD_NS:
        found.append("ca_bundle_load")
    if _is_near(steps.connect_ns, SYN_RETRANSMITS_S):
        found.append("syn_retransmit")
    if _is_near(steps.lookup_ns, DNS_RETRANSMITS_S):
        found.append("dns_retransmit")
    if _is_starved(steps):
        found.append("cpu_starved")
    if "too_many_open_files" in steps.errors:
        found.append("fd_exhausted")
    return tuple(found)


def evidence(steps: Steps) -> tuple[str, ...]:
    """What no span of a step shows."""
    if not _is_starved(steps):
        return ()
    waited, took = nanoseconds(steps.tls_delay_ns), nanoseconds(steps.tls_ns)
    return (f"the thread waited {waited} of the handshake's {took} for a processor",)


def _is_starved(steps: Steps) -> bool:
    return steps.tls_delay_ns >= max(STARVED_NS, steps.tls_ns // 2)


def _is_near(duration_ns: int, marks_s: tuple[int, ...]) -> bool:
    return any(0 <= duration_ns / 1e9 - mark < NEAR_S for mark in marks_s)


def address_fallback(index: int, total: int, previous_address: str, error: str) -> Cause:
    """The cause of the second and later connects of one set-up; `index` counts from 1."""
    return Cause(
        "address_fallback",
        PROVED,
        f"{previous_address} failed ({error or 'unknown error'}), so address {index} of"
        f" {total} tried was next",
        (f"{count(index - 1, 'address')} failed before",),
    )


def happy_eyeballs_race(index: int, total: int, previous_address: str) -> Cause:
    """The cause of a connect that began while the one before went on; `index` counts from 1."""
    return Cause(
        "happy_eyeballs_race",
        PROVED,
        f"{previous_address} had not answered yet, so address {index} of {total} was tried at the"
        " same time",
        ("the attempts overlap",),
    )
