"""How a recording was: what the last line of a run says."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

from conntrace.analyzer.cost import Totals
from conntrace.analyzer.spans import ProcessSpans


@dataclass(slots=True)
class Summary:
    """Counts over all processes. Durations in seconds."""

    processes: int = 0
    requests: int = 0
    reused: int = 0
    connections: int = 0
    lookups: int = 0
    not_lookups: int = 0
    connects: int = 0
    handshakes: int = 0
    evictions: int = 0
    findings: int = 0
    unexplained: int = 0
    setup_s: float = 0.0
    avoidable_s: float = 0.0
    agent_s: float = 0.0
    dropped: int = 0
    bad_lines: int = 0
    failures: int = 0
    forgotten: int = 0
    switched_off: list[str] = field(default_factory=list)

    def copy(self) -> Summary:
        """The same, to go on from."""
        return replace(self, switched_off=[*self.switched_off])

    def add_process(self, totals: Totals, spans: ProcessSpans) -> None:
        """Add the books of one process; its counts go into `totals`."""
        totals.add(spans.totals)
        self.dropped += spans.drops.requests + spans.drops.events + spans.maker.dropped
        self.failures += spans.drops.failures
        self.forgotten += spans.ledger.forgotten
        for hook in spans.drops.switched_off:
            if hook not in self.switched_off:
                self.switched_off.append(hook)

    def tell(self, totals: Totals) -> None:
        """Put the counts of all processes in."""
        self.requests = totals.requests
        self.reused = totals.reused
        self.connections = totals.setups
        self.lookups = totals.lookups
        self.not_lookups = totals.not_lookups
        self.connects = totals.connects
        self.handshakes = totals.handshakes
        self.evictions = totals.evictions
        self.findings = totals.avoidable
        self.unexplained = totals.unexplained
        self.setup_s = totals.setup_ns / 1e9
        self.avoidable_s = totals.avoidable_ns / 1e9
        self.agent_s = totals.agent_ns / 1e9
