"""Family E and the latency qualifiers: what a set-up's own steps add to its verdict."""

from __future__ import annotations

from dataclasses import dataclass

from conntrace.analyzer.causes.cause import PROVED, Cause
from conntrace.analyzer.causes.words import count

CA_LOAD_NS = 5_000_000
"""A CA bundle load is worth a word from here on (nanoseconds)."""


@dataclass(slots=True)
class Steps:
    """What happened within one set-up."""

    connects: int = 0
    failed_connects: int = 0
    ca_load_ns: int = 0
    tunnels: int = 0
    connect_error: str = ""


def contributing(steps: Steps) -> tuple[str, ...]:
    """Ids of what had a part in the set-up without being its reason."""
    found: list[str] = []
    if steps.connects > 1 and steps.failed_connects:
        found.append("address_fallback")
    if steps.tunnels:
        found.append("proxy_tunnel")
    if steps.ca_load_ns >= CA_LOAD_NS:
        found.append("ca_bundle_load")
    return tuple(found)


def address_fallback(index: int, total: int, previous_address: str, error: str) -> Cause:
    """The cause of the second and later connects of one set-up; `index` counts from 1."""
    return Cause(
        "address_fallback",
        PROVED,
        f"{previous_address} failed ({error or 'unknown error'}), so address {index} of"
        f" {total} tried was next",
        (f"{count(index - 1, 'address')} failed before",),
    )
