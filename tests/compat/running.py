"""One run of a suite, plain or traced, and what it left behind."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from tests.compat.results import Results, from_junit, from_report_log
from tests.compat.suites import Part
from tests.compat.workplace import Workplace

PLAIN, TRACED = SIDES = ("plain", "traced")
SECONDS_PER_TEST = 120
SECONDS_PER_RUN = 1500


@dataclass(frozen=True)
class Run:
    results: Results
    # None: it ran out of time.
    exit_code: int | None
    seconds: float
    log: Path
    span_lines: int


def run_side(place: Workplace, part: Part, side: str, name: str = "all") -> Run:
    """``name`` keeps the files of re-runs apart from those of the whole run."""
    stem = place.scratch / f"{name}-{side}"
    outcome, spans, log = (stem.with_suffix(end) for end in (".results", ".spans", ".log"))
    for left_over in (outcome, spans, log):
        left_over.unlink(missing_ok=True)
    command = suite_command(place, part, outcome)
    if side == TRACED:
        command = [str(place.python), "-m", "conntrace", "run", "-o", str(spans), "--", *command]
    started = time.monotonic()
    exit_code = call(command, place, side, log)
    read = from_report_log if place.suite.runner == "pytest" else from_junit
    return Run(read(outcome), exit_code, time.monotonic() - started, log, count_lines(spans))


def call(command: Sequence[str], place: Workplace, side: str, log: Path) -> int | None:
    with log.open("wb") as output:
        child = subprocess.Popen(
            command,
            cwd=place.source,
            env=place.environment(side),
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
        try:
            return child.wait(SECONDS_PER_RUN)
        except BaseException as problem:
            os.killpg(child.pid, signal.SIGKILL)
            child.wait()
            if isinstance(problem, subprocess.TimeoutExpired):
                return None
            raise


def count_lines(path: Path) -> int:
    return len(path.read_bytes().splitlines()) if path.exists() else 0


def suite_command(place: Workplace, part: Part, outcome: Path) -> list[str]:
    build = pytest_command if place.suite.runner == "pytest" else regrtest_command
    return [str(place.python), "-m", *build(part, outcome)]


def pytest_command(part: Part, outcome: Path) -> list[str]:
    """The pinned environments hold no plugin that changes the order."""
    command = ["pytest", "-q", "-p", "no:cacheprovider", f"--report-log={outcome}"]
    command += [f"--timeout={SECONDS_PER_TEST}", "-m", "not requires_network"]
    if part.left_out:
        command += ["-k", f"not ({' or '.join(part.left_out)})"]
    return [*command, *part.targets]


def regrtest_command(part: Part, outcome: Path) -> list[str]:
    """``-u none``: no network, no large files, no walking of the system."""
    command = ["test", "-v", "-u", "none", "--timeout", str(SECONDS_PER_TEST)]
    command += ["--junit-xml", str(outcome)]
    for pattern in part.only:
        command += ["-m", pattern]
    for pattern in part.left_out:
        command += ["-i", pattern]
    return [*command, *part.targets]


def alone(place: Workplace, part: Part, test: str) -> Part:
    """The part that is this one test."""
    if place.suite.runner == "pytest":
        return Part((test,))
    return Part(part.targets, only=(test,))
