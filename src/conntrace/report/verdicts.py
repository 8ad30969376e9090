"""From connections to findings and verdicts: what was slow and why, its cost, what to change.

A verdict joins the findings that one change would remove, and is what people read.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from conntrace import catalogue
from conntrace import semantic_names as names
from conntrace.report import facts
from conntrace.report.findings import Finding, Place, fallbacks, findings_of
from conntrace.report.keepalive import IDLE_LOSSES, keepalive_hint
from conntrace.report.model import UNEXPLAINED, Destination, Model
from conntrace.report.record import SpanRecord
from conntrace.report.tally import Tally

_QUIET_FAMILIES = "ABGH"
"""A cause of these is no news unless it is avoidable, or a span of it carries advice."""

_DESTINATION_FAMILIES = "DE"
"""Causes that belong to a destination, whichever line of the program meets them."""


@dataclass(slots=True)
class Verdict:
    """Findings that one change would remove, costliest first. Times in milliseconds."""

    cause: str
    title: str
    findings: list[Finding]
    hints: list[str] = field(default_factory=list)
    """What not to bother with, as words that follow `don't`."""

    @property
    def spans(self) -> list[SpanRecord]:
        """All set-ups or lookups it stands for; examples where they were only counted."""
        return [span for finding in self.findings for span in finding.spans]

    @property
    def count(self) -> int:
        """How many set-ups or lookups it stands for."""
        return sum(finding.count for finding in self.findings)

    @property
    def cost_ms(self) -> float:
        """What they took together."""
        return sum(finding.cost_ms for finding in self.findings)

    @property
    def avoidable_ms(self) -> float:
        """The part that a change would save."""
        return sum(finding.avoidable_ms for finding in self.findings)

    @property
    def places(self) -> list[Place]:
        """Lines of the program, each once."""
        return [each for each in dict.fromkeys(f.place for f in self.findings) if each.path]

    @property
    def destinations(self) -> list[Destination]:
        """Destinations, each once."""
        return list(dict.fromkeys(finding.destination for finding in self.findings))

    @property
    def advice(self) -> str:
        """The change that removes it; empty when there is none to be sure of.

        A setting that was advised is the one for the most that were in use at once, or else the
        latest: what was enough for the first is not enough for all.
        """
        advised = [span for span in reversed(self.spans) if span.text(names.CAUSE_ADVICE)]
        most = max(advised, key=lambda span: span.number(names.POOL_IN_USE) or 0, default=None)
        return most.text(names.CAUSE_ADVICE) if most is not None else ""

    @property
    def proved(self) -> bool:
        """Whether the facts exclude every other cause, for each of the spans."""
        return all(each.proved == each.count for each in (f.sums for f in self.findings))

    @property
    def heading(self) -> str:
        """The title, with `probably` where it is a guess; that nothing fits is none."""
        sure = self.proved or self.cause == UNEXPLAINED
        return self.title if sure else f"probably: {self.title}"

    @property
    def why(self) -> str:
        """The evidence in one sentence: shared numbers, or the costliest case."""
        spans = self.spans
        if self.count > len(spans):
            example = next((d for span in spans if (d := span.text(names.CAUSE_DETAIL))), "")
            return example and f"for example: {example}"
        details = dict.fromkeys(d for span in spans if (d := span.text(names.CAUSE_DETAIL)))
        shared = "; ".join(facts.of_group(spans))
        if len(details) == 1 or not shared:
            known = catalogue.CAUSES.get(self.cause)
            return next(iter(details), shared) or (known.meaning if known else "")
        return shared


@dataclass(slots=True)
class Judgement:
    """All verdicts, most worth changing first, and what needs no change. Times in milliseconds."""

    verdicts: list[Verdict] = field(default_factory=list)
    usual: list[Finding] = field(default_factory=list)
    cost_ms: float = 0.0
    avoidable_ms: float = 0.0
    failed: int = 0
    """How many set-ups ended in an error."""
    hints: list[str] = field(default_factory=list)
    """What not to bother with, where no verdict says it."""

    _numbers: dict[tuple[str, str], int] = field(default_factory=dict)

    def number_of(self, span: SpanRecord) -> int:
        """The number of the verdict that a set-up belongs to, 0 for none."""
        return self._numbers.get((span.trace_id, span.span_id), 0)


def judge(model: Model) -> Judgement:
    """Find everything there is to say about the model's set-ups and lookups."""
    setups = [each.setup for each in model.connections if each.setup]
    opened = [*setups, *model.lookups, *model.raw_connects]
    findings = findings_of([*opened, *fallbacks(model)])
    noteworthy = [finding for finding in findings if _is_noteworthy(finding)]
    judgement = Judgement(
        verdicts=_joined(noteworthy),
        usual=[finding for finding in findings if not _is_noteworthy(finding)],
        cost_ms=sum(span.duration_ms for span in opened),
        avoidable_ms=sum(s.duration_ms for s in opened if s.flag(names.CAUSE_AVOIDABLE)),
        failed=sum(setup.error for setup in setups),
    )
    for number, verdict in enumerate(judgement.verdicts, start=1):
        judgement._numbers.update(((s.trace_id, s.span_id), number) for s in verdict.spans)
    _add_hints(judgement, model)
    return judgement


def judge_counts(tally: Tally) -> Judgement:
    """The verdicts on spans that were only counted: one example stands for each finding."""
    findings = [
        Finding(*key, [sums.example] if sums.example else [], sums)
        for key, sums in tally.by_finding().items()
    ]
    noteworthy = [finding for finding in findings if _is_noteworthy(finding)]
    judgement = Judgement(
        verdicts=_joined(noteworthy),
        usual=[finding for finding in findings if not _is_noteworthy(finding)],
        cost_ms=tally.total.cost_ms,
        avoidable_ms=tally.total.avoidable_ms,
        failed=tally.total.failed,
    )
    for verdict in judgement.verdicts:
        verdict.hints.extend(filter(None, [_do_not(verdict.cause)]))
    return judgement


def _is_noteworthy(finding: Finding) -> bool:
    known = catalogue.CAUSES.get(finding.cause)
    if known is None or finding.cause == UNEXPLAINED:
        return True
    if known.avoidable or known.family not in _QUIET_FAMILIES:
        return True
    return any(
        span.flag(names.CAUSE_AVOIDABLE) or span.text(names.CAUSE_ADVICE) for span in finding.spans
    )


def _joined(findings: list[Finding]) -> list[Verdict]:
    groups: dict[tuple[str, Destination | Place], list[Finding]] = {}
    for finding in findings:
        scope = finding.destination if _is_of_destination(finding.cause) else finding.place
        groups.setdefault((finding.cause, scope), []).append(finding)
    for group in groups.values():
        group.sort(key=lambda finding: (-finding.cost_ms, finding.id))
    verdicts = [Verdict(cause, _title(cause), group) for (cause, _), group in groups.items()]
    return sorted(verdicts, key=lambda v: (-v.avoidable_ms, not v.advice, -v.cost_ms, v.cause))


def _is_of_destination(cause: str) -> bool:
    known = catalogue.CAUSES.get(cause)
    return known is not None and (
        known.initiator == "remote" or known.family in _DESTINATION_FAMILIES
    )


def _do_not(cause: str) -> str:
    """The remedy that does not help, as words that follow `don't`."""
    known = catalogue.CAUSES.get(cause)
    return known.do_not.removeprefix("Do not ") if known else ""


def _title(cause: str) -> str:
    return catalogue.title(cause).replace("_", " ")


def _add_hints(judgement: Judgement, model: Model) -> None:
    """Say what not to bother with once: measured facts first, general knowledge otherwise."""
    measured = keepalive_hint(model)
    for verdict in judgement.verdicts:
        if measured and verdict.cause in IDLE_LOSSES:
            verdict.hints.append(measured)
            measured = ""
        elif general := _do_not(verdict.cause):
            verdict.hints.append(general)
    if measured:
        judgement.hints.append(measured)
