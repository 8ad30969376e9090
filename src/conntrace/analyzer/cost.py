"""What was done and what it cost: the totals behind the ledger line and the last line of a run."""

from __future__ import annotations

from dataclasses import dataclass, fields, replace


@dataclass(slots=True)
class Totals:
    """Counts, and durations in nanoseconds."""

    requests: int = 0
    reused: int = 0
    setups: int = 0
    connects: int = 0
    lookups: int = 0
    not_lookups: int = 0
    handshakes: int = 0
    evictions: int = 0
    avoidable: int = 0
    unexplained: int = 0
    setup_ns: int = 0
    avoidable_ns: int = 0
    agent_ns: int = 0

    def reset(self) -> None:
        """Back to nothing."""
        for each in fields(self):
            setattr(self, each.name, 0)

    def add(self, other: Totals) -> None:
        """Add another's counts to this."""
        for each in fields(self):
            setattr(self, each.name, getattr(self, each.name) + getattr(other, each.name))

    def copy(self) -> Totals:
        """The same counts, to be compared with later or to go on from."""
        return replace(self)

    def since(self, before: Totals) -> Totals:
        """What has come to these counts since they were as they were before."""
        names = [each.name for each in fields(self)]
        return Totals(**{name: getattr(self, name) - getattr(before, name) for name in names})

    def add_setup(self, duration_ns: int, avoidable: bool, unexplained: bool) -> None:
        """One set-up is over. Only an avoidable one has a change that would have saved its time."""
        self.setups += 1
        self.setup_ns += duration_ns
        self.unexplained += unexplained
        if avoidable:
            self.avoidable += 1
            self.avoidable_ns += duration_ns
