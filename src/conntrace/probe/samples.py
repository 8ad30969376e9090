"""What a probe has measured, and the figures told from it. Pure."""

from __future__ import annotations

import statistics
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from conntrace.probe.plan import Bracket, bracket

_BY_ANSWER = frozenset(
    ("response_connection_close", "http10_no_keepalive", "response_eof_delimited")
)


@dataclass(frozen=True, slots=True)
class Sample:
    """One request: seconds to the end of its answer, and what became of the connection."""

    gap_s: float
    duration_s: float
    reused: bool
    causes: tuple[str, ...] = ()
    error: str = ""
    idle_limit_s: float | None = None
    """How long the server had kept the connection, when its close was seen."""
    unreachable: bool = False
    """No new connection could be made: such a server ends, and tells nothing of its idle limit."""

    @property
    def ended_by_answer(self) -> bool:
        """The server ended the connection with the answer before, and not for being idle."""
        return not self.reused and bool(_BY_ANSWER.intersection(self.causes))

    @property
    def tells_limit(self) -> bool:
        """Whether its connection was used again, or lost while it was idle."""
        return not (self.unreachable or self.ended_by_answer)


@dataclass(slots=True)
class Measured:
    """A probe so far."""

    url: str
    """Without what is secret in it."""
    samples: list[Sample] = field(default_factory=list)
    requests: int = 0
    """Sent in all, those that only prepared a sample included."""
    interrupted: bool = False
    status: int = 0
    """HTTP status of the first answer; 0 before it."""

    @property
    def refused(self) -> str:
        """What to know of answers that are errors; empty when they are none."""
        if self.status < 400:
            return ""
        return (
            f"The first answer had status {self.status}: connections may be kept otherwise when"
            " requests succeed."
        )

    @property
    def pairs(self) -> list[tuple[float, bool]]:
        """Of each gap whether every connection was used again: one that was lost is enough."""
        told = [each for each in self.samples if each.tells_limit]
        gaps = sorted({each.gap_s for each in told})
        return [(gap, all(each.reused for each in told if each.gap_s == gap)) for gap in gaps]

    @property
    def limit(self) -> Bracket | None:
        """Where the idle limit lies as far as it is known; None when nothing tells it."""
        pairs = self.pairs
        if self.seen_limits and pairs[0][0] > 0:
            # Even the shortest gap was too long, but the server had kept the connection first.
            pairs = [(0.0, True), *pairs]
        return bracket(pairs)

    @property
    def seen_limits(self) -> list[float]:
        """Idle times after which the server was seen to close."""
        return [
            each.idle_limit_s
            for each in self.samples
            if each.idle_limit_s is not None and each.tells_limit
        ]


class Row(NamedTuple):
    """One gap of the table. Times in milliseconds, shares from 0 to 1."""

    gap_s: float
    requests: int
    mean_ms: float
    sd_ms: float
    minimum_ms: float
    p25_ms: float
    p50_ms: float
    p75_ms: float
    p95_ms: float
    maximum_ms: float
    under_500_ms: float
    under_1000_ms: float
    reused: float
    causes: tuple[tuple[str, int], ...]
    errors: tuple[tuple[str, int], ...]


def rows(samples: Sequence[Sample], gaps: Sequence[float]) -> list[Row]:
    """The table: one row for each of these gaps that was measured."""
    found = []
    for gap in sorted(set(gaps)):
        of_gap = [each for each in samples if each.gap_s == gap]
        if of_gap:
            found.append(_row(gap, of_gap))
    return found


def _row(gap: float, samples: Sequence[Sample]) -> Row:
    times = sorted(each.duration_s * 1000 for each in samples)
    count = len(times)
    causes = Counter(cause for each in samples for cause in each.causes)
    errors = Counter(each.error for each in samples if each.error)
    return Row(
        gap,
        count,
        statistics.fmean(times),
        statistics.stdev(times) if count > 1 else 0.0,
        times[0],
        quantile(times, 0.25),
        quantile(times, 0.5),
        quantile(times, 0.75),
        quantile(times, 0.95),
        times[-1],
        sum(time < 500 for time in times) / count,
        sum(time < 1000 for time in times) / count,
        sum(each.reused for each in samples) / count,
        tuple(causes.most_common()),
        tuple(errors.most_common()),
    )


def quantile(ordered: Sequence[float], share: float) -> float:
    """A quantile of ordered numbers, linear between neighbours (type 7 of Hyndman and Fan)."""
    position = share * (len(ordered) - 1)
    below = int(position)
    above = min(below + 1, len(ordered) - 1)
    return ordered[below] + (ordered[above] - ordered[below]) * (position - below)


def verdict(measured: Measured, gaps: Sequence[float]) -> str:
    """The answer in one sentence, and one more when requests got no connection."""
    lost = Counter(each.error for each in measured.samples if each.unreachable)
    if not lost:
        return _sentence(measured, gaps)
    kinds = ", ".join(lost)
    return (
        f"{_sentence(measured, gaps)} {lost.total()} of {len(measured.samples)} requests got no"
        f" connection ({kinds}) and are left out of this."
    )


def _sentence(measured: Measured, gaps: Sequence[float]) -> str:
    among = set(gaps)
    table = [each for each in measured.samples if each.gap_s in among and not each.unreachable]
    if not table:
        return "Nothing was measured."
    limit = measured.limit
    if limit is not None and not any(
        reused for gap, reused in measured.pairs if gap > limit.lost_s
    ):
        return _limit_sentence(measured, limit)
    if all(each.reused for each in table):
        longest = max(each.gap_s for each in table)
        return f"Every connection was used again, also after {longest:g} s: no idle limit up to it."
    kept = [each.gap_s for each in table if each.reused]
    if kept and all(each.reused or each.ended_by_answer for each in table):
        ended = len(table) - len(kept)
        return (
            f"No connection was lost for being idle, also after {max(kept):g} s; {ended} of"
            f" {len(table)} the server ended with the answer before."
        )
    if not any(each.reused for each in table):
        causes = Counter(cause for each in table for cause in each.causes)
        why = f" ({causes.most_common(1)[0][0]})" if causes else ""
        return f"No connection was used again, not even after {table[0].gap_s:g} s{why}."
    return (
        "Connections were lost after some gaps and not after longer ones: there is no plain limit."
    )


def _limit_sentence(measured: Measured, limit: Bracket) -> str:
    between = f"between {limit.reused_s:g} and {limit.lost_s:g} s"
    seen = measured.seen_limits
    if not seen:
        return (
            f"Connections idle for longer are lost: the limit lies {between}."
            " The close itself was not seen."
        )
    low, high = min(seen), max(seen)
    closed = f"{low:.2f} s" if high - low < 0.05 else f"{low:.2f} to {high:.2f} s"
    return f"The server closes idle connections after {closed}; by trial the limit lies {between}."
