"""Runs other people's test suites plain and under `conntrace run`; no test may change its result.

python tests/compat/run.py [--suite NAME]... [--full] [--list]
"""

from __future__ import annotations

import argparse
import signal
import sys
from collections.abc import Iterable
from pathlib import Path

if not __package__:
    # As a script this folder is first on the path; the packages `tests` and `scripts` lie above.
    sys.path[0] = str(Path(__file__).resolve().parents[2])

from scripts.shell import Missing

from tests.compat.comparing import Verdict, judge
from tests.compat.suites import SUITES, Suite, chosen
from tests.compat.workplace import NotHere

# A suite that falls over as a whole must not bury the others.
MOST_NAMED = 20


def main() -> int:
    # So that the suites' processes end with this one.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))
    options = parse()
    if options.list:
        for suite in SUITES:
            print(suite.name if suite.fast else f"{suite.name} (only with --full)")
        return 0
    try:
        suites = chosen(options.suite, options.full)
    except LookupError as problem:
        print(f"compat: {problem.args[0]}", file=sys.stderr)
        return 2
    verdicts = [verdict for suite in suites if (verdict := judged(suite, options.full))]
    return conclude(verdicts)


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--suite", action="append", default=[], help="only this one (repeatable)")
    parser.add_argument("--full", action="store_true", help="the whole suites, and the slow ones")
    parser.add_argument("--list", action="store_true", help="name the suites and stop")
    return parser.parse_args()


def judged(suite: Suite, full: bool) -> Verdict | None:
    try:
        verdict = judge(suite, full)
    except (NotHere, Missing) as problem:
        print(f"{suite.name}: skipped, {problem}", flush=True)
        return None
    print("\n".join(lines_of(verdict)), flush=True)
    return verdict


def lines_of(verdict: Verdict) -> Iterable[str]:
    plain, traced = verdict.plain, verdict.traced
    yield (
        f"{verdict.suite.name}: {len(verdict.tests)} tests, {verdict.same} same, "
        f"{len(verdict.different)} different, {verdict.skipped} skipped, "
        f"{plain.seconds:.1f} s plain, {traced.seconds:.1f} s traced"
    )
    for fault in verdict.faults:
        yield f"  fault: {fault}"
    for test, what in list(verdict.different.items())[:MOST_NAMED]:
        yield f"  different: {test} ({what})"
    if len(verdict.different) > MOST_NAMED:
        yield f"  different: {len(verdict.different) - MOST_NAMED} more; see {traced.log}"
    for test, what in verdict.settled.items():
        yield f"  unsteady, agrees when run again: {test} ({what})"
    for test in verdict.plain_failures:
        if test not in verdict.different:
            yield f"  fails plainly: {test} ({verdict.plain.results[test]})"


def conclude(verdicts: list[Verdict]) -> int:
    """The last line counts tests: a test passes here when its result is the same on both sides."""
    skipped = sum(verdict.skipped for verdict in verdicts)
    passed = sum(verdict.same for verdict in verdicts) - skipped
    failed = sum(verdict.failed for verdict in verdicts)
    print(f"{passed} passed, {failed} failed, {skipped} skipped")
    return 1 if failed or not verdicts else 0


if __name__ == "__main__":
    sys.exit(main())
