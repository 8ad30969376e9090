"""What one process cost, and the middle of many."""

from __future__ import annotations

import statistics
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass


@dataclass(frozen=True)
class Figure:
    """One row: its title, its unit, and the name that goals know it by."""

    title: str
    unit: str
    goal: str = ""


FIGURES = {
    "start_cpu": Figure("start to first reply, CPU", "ms", "start to first reply"),
    "start_clock": Figure("start to first reply, clock", "ms"),
    "urllib3_reused": Figure("urllib3, reused connection", "us", "reused request"),
    "requests_reused": Figure("requests, reused connection", "us"),
    "boto3_reused": Figure("boto3, reused connection", "us"),
    "urllib3_new": Figure("urllib3, new connection", "us", "new connection"),
    "requests_new": Figure("requests, new connection", "us"),
    "boto3_new": Figure("boto3, new connection", "us"),
    "memory": Figure("memory", "MB"),
    "spans": Figure("spans sent", ""),
}


@dataclass(frozen=True)
class Costs:
    """The figures of one process, and those of conntrace's analyzer that worked for it."""

    own: Mapping[str, float]
    analyzer: Mapping[str, float]
    requests: int

    def raw(self) -> dict[str, object]:
        """To be written down."""
        return asdict(self)


def median(runs: Sequence[Costs], figure: str, with_analyzer: bool = False) -> float:
    """The middle one of all runs."""
    return statistics.median(
        each.own[figure] + (each.analyzer.get(figure, 0.0) if with_analyzer else 0.0)
        for each in runs
    )


def added(
    found: Mapping[str, Sequence[Costs]], way: str, figure: str, with_analyzer: bool = False
) -> float:
    """What a tool adds to the plain program, between the medians."""
    return median(found[way], figure, with_analyzer) - median(found["plain"], figure)
