"""Instructions that the agent adds to a start, a reused request and a new connection.

`python -m benchmarks.instructions [--accept] [--all]`. Unlike times, counts repeat to well under
one per cent on a busy machine. What is added, as a share of the plain program's, is compared with
benchmarks/instructions.json, and the exit code is 1 when it has grown. `--accept` writes that file
anew; `--all` also counts conntrace's analyzer, and OpenTelemetry's agent with an OTLP exporter.
Everything counted is kept in build/benchmarks/instructions.json.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from benchmarks.ways import WAYS, Way

from benchmarks import baseline, counters, goals, serving, sink

HERE = Path(__file__).resolve().parent
OUTPUT = HERE.parent / "build" / "benchmarks" / "instructions.json"
PROGRAM = (sys.executable, str(HERE / "counted.py"))
START = "start to first reply"
# Figure -> requests on the kept connection and on new ones: fewer, then more. The difference
# leaves out the start and what is done a first time only.
STEPS = {"reused request": ((200, 0), (600, 0)), "new connection": ((0, 50), (0, 250))}
FIGURES = (START, *STEPS)


# Those that the baseline is about, and all; the analyzer is counted in place of the program.
COMPARED = ("plain", "conntrace")
EVERYTHING = (*COMPARED, "analyzer", "opentelemetry")
Counts = dict[str, dict[str, float]]
"""By way and figure."""


def environment(way: Way, collector: str) -> dict[str, str]:
    """The same every time: its size and the hashes of strings are part of what is counted."""
    return {
        **way.environment(collector),
        "PYTHONHASHSEED": "0",
        # OpenTelemetry sends by number, every 512 spans, not by the clock: the count repeats.
        "OTEL_BSP_SCHEDULE_DELAY": "600000",
    }


def count_all(counter: counters.Counter, names: Sequence[str]) -> Counts:
    """Instructions by way and figure."""
    with serving.server() as port, sink.listening() as collector:

        def one(name: str, reused: int, new: int) -> int:
            way = WAYS["conntrace" if name == "analyzer" else name]
            command = [*PROGRAM, port, str(reused), str(new)]
            before = list(way.before)
            if name == "analyzer":
                before, command = [], [*before, *command]
            return counters.count(counter, before, command, environment(way, collector.url))

        def figures(name: str) -> dict[str, float]:
            one(name, 1, 1)  # whatever has no bytecode file yet gets one
            found: dict[str, float] = {START: one(name, 0, 0)}
            for figure, (fewer, more) in STEPS.items():
                requests = sum(more) - sum(fewer)
                found[figure] = (one(name, *more) - one(name, *fewer)) / requests
            return found

        with ThreadPoolExecutor(os.cpu_count()) as pool:
            return dict(zip(names, pool.map(figures, names), strict=True))


def shares_added(counts: Counts) -> dict[str, float]:
    """What conntrace adds in the traced process, as a share of the plain program's."""
    plain, ours = counts["plain"], counts["conntrace"]
    return {figure: ours[figure] / plain[figure] - 1 for figure in FIGURES}


def table(counts: Counts, before: baseline.Shares | None) -> list[str]:
    """The counts in thousands, and the shares."""
    lines = [
        f"{'thousands of instructions':26}{'plain':>10}{'conntrace':>11}{'share':>8}{'was':>8}"
    ]
    for figure, share in shares_added(counts).items():
        plain, ours = counts["plain"][figure] / 1000, counts["conntrace"][figure] / 1000
        was = f"{before[figure]:8.3f}" if before else f"{'-':>8}"
        lines.append(f"{figure:26}{plain:10.0f}{ours - plain:+11.0f}{share:8.3f}{was}")
    return lines


def comparison(counts: Counts) -> list[str]:
    """Beside OpenTelemetry, with the goals."""
    lines = [f"{'added, in thousands':26}{'OpenTelemetry':>14}{'conntrace':>11}{'analyzer':>10}"]
    for figure in FIGURES:
        plain = counts["plain"][figure]
        theirs, ours = (counts[way][figure] - plain for way in ("opentelemetry", "conntrace"))
        analyzer = counts["analyzer"][figure]
        lines.append(
            f"{figure:26}{theirs / 1000:+14.0f}{ours / 1000:+11.0f}{analyzer / 1000:+10.0f}"
        )
        for goal in goals.GOALS:
            if goal.figure == figure:
                part = (ours + analyzer * goal.with_analyzer) / theirs
                lines.append(f"    {goal.shown(part)}")
    return lines


def verdict(shares: dict[str, float], before: baseline.Shares | None, kind: str) -> int:
    """Say what has changed; the exit code."""
    accept = "make instructions ARGS=--accept"
    if before is None:
        print(f"no baseline for {kind}: not compared. To record one: {accept}")
        return 0
    if worse := baseline.grown(shares, before):
        limit = f"{baseline.TOLERANCE:.0%}"
        print(f"GROWN by more than {limit}: {', '.join(worse)}. Make it cheaper, or, when it is")
        print(f"worth its price, accept it and say why in the commit: {accept}")
        return 1
    if better := baseline.shrunk(shares, before):
        print(f"cheaper than the baseline: {', '.join(better)}. To keep it so: {accept}")
    return 0


def main() -> int:
    """Count, compare, keep."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.instructions", description=__doc__)
    parser.add_argument("--accept", action="store_true", help="the baseline is what is counted now")
    parser.add_argument("--all", action="store_true", help="the analyzer and OpenTelemetry too")
    options = parser.parse_args()
    counter = counters.available()
    if counter is None:
        print("instructions are counted by valgrind or perf, and neither works here: not compared")
        return int(os.environ.get("CI") == "true")
    counts = count_all(counter, EVERYTHING if options.all else COMPARED)
    kind = baseline.kind_of_python()
    before = baseline.recorded(kind)
    OUTPUT.parent.mkdir(parents=True, exist_ok=True)
    OUTPUT.write_text(json.dumps({"by": counter.name, "python": kind, "counts": counts}, indent=1))
    print("\n".join(table(counts, before)))
    if options.all:
        print("\n".join(["", *comparison(counts)]))
    shares = shares_added(counts)
    if options.accept:
        baseline.accept(kind, shares)
        return 0
    return verdict(shares, before, kind)


if __name__ == "__main__":
    sys.exit(main())
