"""The verdict on one set-up or lookup."""

from __future__ import annotations

from dataclasses import dataclass, replace

from conntrace.analyzer.ledger_records import SpanReference
from conntrace.catalogue import CAUSES

PROVED = "proved"
INFERRED = "inferred"


@dataclass(frozen=True, slots=True)
class Cause:
    """Why something was needed.

    `name` is an id of the catalogue; `confidence` is `proved` (the facts exclude the neighbours) or
    `inferred`; `detail` is one plain sentence with the numbers. `avoidable` comes only with
    `advice`, a change the user can make. `lost` is the span in which the connection was lost.
    """

    name: str
    confidence: str
    detail: str
    evidence: tuple[str, ...] = ()
    contributing: tuple[str, ...] = ()
    avoidable: bool = False
    advice: str = ""
    lost: SpanReference | None = None

    def with_contributing(self, *names: str) -> Cause:
        """The same verdict with more that had a part in it; each named once, never the cause."""
        added = [name for name in names if name != self.name]
        merged = tuple(dict.fromkeys((*self.contributing, *added)))
        return replace(self, contributing=merged)

    def with_evidence(self, *words: str) -> Cause:
        """The same verdict with more facts shown."""
        return replace(self, evidence=(*self.evidence, *words)) if words else self


def proved(
    name: str,
    detail: str,
    evidence: tuple[str, ...] = (),
    *,
    advice: str = "",
    avoidable: bool | None = None,
    lost: SpanReference | None = None,
    contributing: tuple[str, ...] = (),
) -> Cause:
    """A proved cause. With advice it is avoidable as the catalogue says, unless told otherwise."""
    if avoidable is None:
        avoidable = CAUSES[name].avoidable
    return Cause(
        name,
        PROVED,
        detail,
        evidence,
        contributing,
        avoidable=avoidable and bool(advice),
        advice=advice,
        lost=lost,
    )


def inferred(
    name: str,
    detail: str,
    evidence: tuple[str, ...] = (),
    *,
    lost: SpanReference | None = None,
    contributing: tuple[str, ...] = (),
) -> Cause:
    """A likely cause. It carries no advice: nothing is advised in doubt."""
    return Cause(name, INFERRED, detail, evidence, contributing, lost=lost)
