"""What made a set-up slow: decided from the durations of its steps alone."""

from __future__ import annotations

import pytest

from conntrace.analyzer.causes.several_connects import Steps, contributing, evidence

MILLISECOND = 1_000_000


@pytest.mark.parametrize(
    ("took_ms", "waited_ms", "starved"),
    [(100, 60, True), (100, 49, False), (12, 11, True), (9, 9, False), (1000, 0, False)],
)
def test_cpu_starved(took_ms: int, waited_ms: int, starved: bool) -> None:
    """10 ms or more, and at least half of the handshake's time."""
    steps = Steps(tls_ns=took_ms * MILLISECOND, tls_delay_ns=waited_ms * MILLISECOND)
    assert contributing(steps) == (("cpu_starved",) if starved else ())
    assert bool(evidence(steps)) is starved


@pytest.mark.parametrize(("load_ms", "named"), [(5, True), (4, False)])
def test_ca_bundle_load(load_ms: int, named: bool) -> None:
    """A load is worth a word from 5 ms on."""
    found = contributing(Steps(ca_load_ns=load_ms * MILLISECOND))
    assert found == (("ca_bundle_load",) if named else ())
