"""Conditions such as `avoidable>50ms` that make a report end with exit code 3."""

from __future__ import annotations

import operator
import re
from collections.abc import Callable
from dataclasses import dataclass

from conntrace import catalogue
from conntrace.errors import ConntraceError
from conntrace.report.load import Loaded
from conntrace.report.model import UNEXPLAINED
from conntrace.report.units import duration

_FORM = re.compile(r"\s*([a-z_]+)\s*(>=|<=|==|>|<)\s*([0-9]+(?:\.[0-9]+)?)\s*(ms|s|%)?\s*")
_COMPARE: dict[str, Callable[[float, float], bool]] = {
    ">": operator.gt,
    ">=": operator.ge,
    "<": operator.lt,
    "<=": operator.le,
    "==": operator.eq,
}
TIMES: dict[str, Callable[[Loaded], float]] = {
    "avoidable": lambda told: told.tally.total.avoidable_ms,
    "setup": lambda told: told.tally.total.cost_ms,
    "wait": lambda told: told.tally.total.wait_ms,
}
NUMBERS: dict[str, Callable[[Loaded], float]] = {
    "connections": lambda told: told.tally.total.setups.count,
    "requests": lambda told: told.tally.total.requests,
    "lookups": lambda told: told.tally.total.lookups,
    "evictions": lambda told: told.tally.total.evictions,
    "failed": lambda told: told.tally.total.failed,
    "spans": lambda told: told.tally.spans,
    "problems": lambda told: told.notes.problem_count,
}
"""What can be compared besides the number of set-ups and lookups with a cause, by its id."""


class ConditionMet(ConntraceError):
    """The report is written, and what `--fail-on` names is so."""

    exit_code = 3


@dataclass(frozen=True, slots=True)
class Condition:
    """One comparison. `value` is in milliseconds for times, and when `of_setup` in percent of all
    set-up time."""

    text: str
    metric: str
    compare: str
    value: float
    of_setup: bool = False

    def measured(self, told: Loaded) -> float:
        """The report's number."""
        if self.metric in TIMES:
            number = TIMES[self.metric](told)
            total = told.tally.total.cost_ms
            return (100 * number / total if total else 0.0) if self.of_setup else number
        if self.metric in NUMBERS:
            return NUMBERS[self.metric](told)
        causes = told.tally.causes()
        return causes[self.metric].count if self.metric in causes else 0

    def is_met(self, told: Loaded) -> bool:
        """Whether the report's number is as the condition says."""
        return _COMPARE[self.compare](self.measured(told), self.value)

    def words(self, told: Loaded) -> str:
        """The number as people read it."""
        number = self.measured(told)
        if self.of_setup:
            return f"{number:.1f} %"
        return duration(number) if self.metric in TIMES else f"{number:,.0f}"


def parse(text: str) -> Condition:
    """Read a condition. Raises ValueError with words that say what is wrong."""
    match = _FORM.fullmatch(text)
    if match is None:
        raise ValueError(f"{text!r} is not like avoidable>50ms, wait>=1s or pool_evicted_lru>0")
    metric, compare, number, unit = match.groups()
    if metric not in TIMES and metric not in NUMBERS and not _is_cause(metric):
        known = ", ".join((*TIMES, *NUMBERS))
        raise ValueError(f"{metric!r} is neither the id of a cause nor one of {known}")
    if (metric in TIMES) != bool(unit):
        wants = "a time: ms, s or % of all set-up time" if metric in TIMES else "no unit"
        raise ValueError(f"{text!r}: {metric} takes {wants}")
    value = float(number) * (1000.0 if unit == "s" else 1.0)
    return Condition(text.strip(), metric, compare, value, unit == "%")


def check(conditions: list[Condition], told: Loaded) -> None:
    """Raise ConditionMet when one of them is met."""
    met = [f"{each.text} ({each.words(told)})" for each in conditions if each.is_met(told)]
    if met:
        raise ConditionMet("fail-on", f"--fail-on: {', '.join(met)}")


def _is_cause(name: str) -> bool:
    return name in catalogue.CAUSES or name == UNEXPLAINED
