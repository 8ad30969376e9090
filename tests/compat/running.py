"""One run of a suite, plain or traced, and what it left behind."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from dataclasses import dataclass, replace
from pathlib import Path

from tests.compat.results import Results, from_junit, from_report_log
from tests.compat.suites import Part
from tests.compat.workplace import Workplace

PLAIN, TRACED = SIDES = ("plain", "traced")
SECONDS_PER_TEST = 120
SECONDS_PER_RUN = 1500
# From SIGTERM, which `conntrace run` forwards, to SIGKILL.
SECONDS_TO_END = 10


@dataclass(frozen=True)
class Run:
    results: Results
    # None: it ran out of time.
    exit_code: int | None
    seconds: float
    log: Path
    span_lines: int


class Side:
    """A run that is going on. ``name`` keeps the files of re-runs apart from the whole run's."""

    def __init__(self, place: Workplace, part: Part, side: str, name: str) -> None:
        stem = place.scratch / f"{name}-{side}"
        self.outcome, self.spans, self.log = (
            stem.with_suffix(end) for end in (".results", ".spans", ".log")
        )
        for left_over in (self.outcome, self.spans, self.log):
            left_over.unlink(missing_ok=True)
        command = suite_command(place, part, self.outcome)
        if side == TRACED:
            command = [*conntrace_run(place, self.spans), *command]
        self.read = from_report_log if place.suite.runner == "pytest" else from_junit
        self.started = time.monotonic()
        self.seconds: float | None = None
        with self.log.open("wb") as output:
            self.child = subprocess.Popen(
                command,
                cwd=place.source,
                env=place.environment(side),
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )

    def is_over(self) -> bool:
        elapsed = time.monotonic() - self.started
        if self.seconds is None and (self.child.poll() is not None or elapsed > SECONDS_PER_RUN):
            self.seconds = elapsed
        return self.seconds is not None

    def stop(self) -> None:
        """End whatever is left, with the whole session: a traced run is two processes."""
        if self.child.poll() is None:
            self.child.terminate()
            try:
                self.child.wait(SECONDS_TO_END)
            except subprocess.TimeoutExpired:
                os.killpg(self.child.pid, signal.SIGKILL)
                self.child.wait()

    def result(self) -> Run:
        exit_code = self.child.poll()
        self.stop()
        results = self.read(self.outcome)
        return Run(results, exit_code, self.seconds or 0.0, self.log, count_lines(self.spans))


def run_both(place: Workplace, part: Part, name: str) -> tuple[Run, Run]:
    """At the same time: these suites mostly wait."""
    sides: list[Side] = []
    try:
        for side in SIDES:
            sides.append(Side(place, part, side, name))
        while sum(side.is_over() for side in sides) < len(sides):
            time.sleep(0.05)
        plain, traced = (side.result() for side in sides)
        return plain, traced
    finally:
        for started in sides:
            started.stop()


def conntrace_run(place: Workplace, spans: Path) -> list[str]:
    return [str(place.python), "-m", "conntrace", "run", "-o", str(spans), "--"]


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


def around(place: Workplace, part: Part, test: str) -> Part:
    """The file (pytest) or class (regrtest) of one test: what a test does may show in another."""
    if place.suite.runner == "pytest":
        return replace(part, targets=(test.partition("::")[0],))
    return replace(part, only=(f"{test.rpartition('.')[0]}.*",))
