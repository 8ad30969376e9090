"""Family H: connections that are not the program's own business, and the honest blank."""

from __future__ import annotations

from conntrace.analyzer.causes.cause import INFERRED, Cause, proved
from conntrace.analyzer.causes.endings import kernel_evidence
from conntrace.analyzer.causes.facts import SetupFacts
from conntrace.analyzer.causes.words import count, place


def credential_fetch(facts: SetupFacts) -> Cause | None:
    """The client belongs to the SDK's credential code."""
    if facts.client.purpose != "credentials":
        return None
    return proved(
        "credential_fetch",
        f"{facts.client.owner or 'the SDK'} fetched credentials from {place(facts.origin)}",
        ("the client was made by the SDK's credential code",),
    )


def telemetry_export(facts: SetupFacts) -> Cause | None:
    """The client belongs to an exporter of telemetry."""
    if facts.client.purpose != "telemetry":
        return None
    return proved(
        "telemetry_export",
        f"{facts.client.owner or 'an exporter'} sent telemetry to {place(facts.origin)}",
        ("the client was made by an exporter",),
    )


def unexplained(facts: SetupFacts) -> Cause:
    """Nothing fitted: what is known is shown, nothing is claimed."""
    evidence = [f"{count(facts.origin_stood, 'earlier connection')} to {place(facts.origin)}"]
    checkout = facts.checkout
    if checkout is not None:
        evidence.append(f"the pool gave: {checkout.outcome}")
        evidence.append(f"{checkout.in_use} in use, {checkout.idle_others} idle")
        if checkout.outcome == "dropped" and not checkout.tcp_state:
            evidence.append("the kernel's state of the socket is not known")
        evidence += kernel_evidence(checkout)
    elif facts.pool is not None:
        evidence.append("how the pool was asked is not known")
    previous = facts.previous
    if previous is not None and previous.ending is not None:
        evidence.append(f"the connection before ended by: {previous.ending.reason}")
        evidence += previous.ending.evidence
    elif facts.start.previous and previous is None:
        evidence.append("nothing is known of the connection before")
    return Cause(
        "unexplained",
        INFERRED,
        f"the facts do not say why a new connection to {place(facts.origin)} was needed",
        tuple(dict.fromkeys(evidence)),
    )
