"""Compares the two runs of a suite test by test, and gives doubtful tests another hearing."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from scripts.cache import locked

from tests.compat.results import ABSENT, Results, is_failure, is_skip
from tests.compat.running import Run, around, run_both
from tests.compat.suites import Part, Suite
from tests.compat.workplace import Workplace, prepare

HEARINGS = 3
# More differences than this are no flakiness: then none is heard again, and none is excused.
MOST_HEARD = 12
# How conntrace says on stderr that something of its own failed.
OWN_FAILURES = ("[agent-failure]", "[hook-switched-off]", "[internal-error]")


@dataclass
class Verdict:
    suite: Suite
    plain: Run
    traced: Run
    # Test -> what differed.
    different: dict[str, str] = field(default_factory=dict)
    # Differed in the whole run, and agreed when its file or class was run again.
    settled: dict[str, str] = field(default_factory=dict)
    # What is wrong with the run as a whole.
    faults: list[str] = field(default_factory=list)

    @property
    def tests(self) -> set[str]:
        return {*self.plain.results, *self.traced.results}

    @property
    def failed(self) -> int:
        return len(self.different) + len(self.faults)

    @property
    def skipped(self) -> int:
        return sum(is_skip(result) for result in self.plain.results.values())

    @property
    def same(self) -> int:
        return len(self.tests) - len(self.different)

    @property
    def plain_failures(self) -> list[str]:
        return [test for test, result in self.plain.results.items() if is_failure(result)]


def judge(suite: Suite, full: bool) -> Verdict:
    part = suite.part(full)
    assert part is not None, suite.name
    place = prepare(suite)
    with locked(place.scratch):
        plain, traced = run_both(place, part, "all")
        verdict = Verdict(suite, plain, traced)
        verdict.faults = faults_of(verdict)
        found = differences(plain.results, traced.results)
        flood = len(found) > MOST_HEARD
        for test, what in found.items():
            settled = not flood and agrees_again(place, part, test)
            (verdict.settled if settled else verdict.different)[test] = what
        return verdict


def differences(plain: Results, traced: Results) -> dict[str, str]:
    found = {}
    for test in sorted({*plain, *traced}):
        before, after = plain.get(test, ABSENT), traced.get(test, ABSENT)
        if before != after:
            found[test] = f"plain: {before}, traced: {after}"
    return found


def agrees_again(place: Workplace, part: Part, test: str) -> bool:
    """Heard with its neighbours: alone, most tests agree, and a difference in what one test leaves
    behind for the next would be excused."""
    for _ in range(HEARINGS):
        plain, traced = run_both(place, around(place, part, test), "again")
        if test in plain.results and plain.results[test] == traced.results.get(test):
            return True
    return False


def faults_of(verdict: Verdict) -> list[str]:
    """What no single test can show: an agent that was not there, a death at exit."""
    plain, traced = verdict.plain, verdict.traced
    faults = []
    if not plain.results:
        faults.append(f"the plain run has no results: see {plain.log}")
    if plain.exit_code != traced.exit_code and plain.results == traced.results:
        faults.append(f"exit code {plain.exit_code} plain, {traced.exit_code} traced")
    if verdict.suite.leaves_spans and not traced.span_lines:
        faults.append(f"the traced run recorded nothing: see {traced.log}")
    faults += own_failures(traced.log)
    return faults


def own_failures(log: Path) -> list[str]:
    """A hook that fails is contained, so no test shows it; it is a fault all the same."""
    lines = log.read_text(errors="replace").splitlines() if log.exists() else []
    return sorted({line.strip() for line in lines if line.endswith(OWN_FAILURES)})
