"""Instructions that the agent adds to a start, a reused request and a new connection.

`python -m benchmarks.instructions [--accept] [--all] [--docs]`. Unlike times, counts repeat on a
busy machine. What is added, as a share of the plain program's, is compared with
benchmarks/instructions.json, and the exit code is 1 when it has grown. `--accept` writes that file
anew; `--all` also counts conntrace's analyzer, and OpenTelemetry's agent with an OTLP exporter;
`--docs` puts that into docs/overhead.md. All is kept in build/benchmarks/instructions.json.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import sys
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from benchmarks.ways import WAYS, Way

from benchmarks import baseline, counters, goals, page, serving, sink

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
# Variables that are added to the environment. They shift the stack and the heap, and where objects
# come to lie changes what the allocator does by up to 5 % of what the agent adds.
LAYOUTS = (0, 50, 200)
Step = tuple[int, int]
Counts = dict[str, dict[str, float]]
"""By way and figure."""


def environment(way: Way, collector: str, layout: int) -> dict[str, str]:
    """The same every time: the hashes of strings are part of what is counted."""
    return {
        **way.environment(collector),
        **{f"LAYOUT_{number}": "x" for number in range(layout)},
        "PYTHONHASHSEED": "0",
        # OpenTelemetry sends by number, every 512 spans, not by the clock: the count repeats.
        "OTEL_BSP_SCHEDULE_DELAY": "600000",
    }


def count(counter: counters.Counter, name: str, layout: int, port: str, step: Step) -> int:
    """Instructions of one process. Raises RuntimeError when a tool did not do its work."""
    way = WAYS["conntrace" if name == "analyzer" else name]
    before, command = list(way.before), [*PROGRAM, port, *map(str, step)]
    if name == "analyzer":
        before, command = [], [*before, *command]
    with sink.listening() as collector:
        variables = environment(way, collector.url, layout)
        found = counters.count(counter, before, command, variables)
        if way.before and collector.take_spans() < 1 + sum(step):
            raise RuntimeError(f"{name}: fewer spans than requests: the count would say nothing")
    return found


def count_all(counter: counters.Counter, names: Sequence[str]) -> Counts:
    """Instructions by way and figure; the mean of the layouts."""
    with serving.server() as port, ThreadPoolExecutor(os.cpu_count()) as pool:

        def figures(job: tuple[str, int]) -> dict[str, float]:
            name, layout = job
            found = {START: float(count(counter, name, layout, port, (0, 0)))}
            for figure, (fewer, more) in STEPS.items():
                beyond = count(counter, name, layout, port, more)
                beyond -= count(counter, name, layout, port, fewer)
                found[figure] = beyond / (sum(more) - sum(fewer))
            return found

        # Whatever has no bytecode file yet gets one.
        list(pool.map(lambda name: count(counter, name, 0, port, (1, 1)), names))
        jobs = [(name, layout) for name in names for layout in LAYOUTS]
        found = dict(zip(jobs, pool.map(figures, jobs), strict=True))
    return {
        name: {
            figure: statistics.mean(found[name, layout][figure] for layout in LAYOUTS)
            for figure in FIGURES
        }
        for name in names
    }


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
    """Beside OpenTelemetry, with the goals, as Markdown."""
    lines = [
        "| thousands of instructions | plain | conntrace | its analyzer | OpenTelemetry |",
        "|---|---:|---:|---:|---:|",
    ]
    told = []
    for figure in FIGURES:
        plain, analyzer = counts["plain"][figure], counts["analyzer"][figure]
        ours, theirs = (counts[way][figure] - plain for way in ("conntrace", "opentelemetry"))
        cells = [f"{part / 1000:+,.0f}" for part in (ours, analyzer, theirs)]
        lines.append(f"| {figure} | {plain / 1000:,.0f} | {' | '.join(cells)} |")
        told += [
            f"- {figure}: {goal.shown((ours + analyzer * goal.with_analyzer) / theirs)}"
            for goal in goals.GOALS
            if goal.figure == figure
        ]
    return [*lines, "", *told]


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
    parser.add_argument("--docs", action="store_true", help="the same, into docs/overhead.md")
    options = parser.parse_args()
    counter = counters.available()
    if counter is None:
        print("instructions are counted by valgrind or perf, and neither works here: not compared")
        return int(os.environ.get("CI") == "true")
    everything = options.all or options.docs
    counts = count_all(counter, EVERYTHING if everything else COMPARED)
    kind = baseline.kind_of_python()
    before = baseline.recorded(kind)
    OUTPUT.parent.mkdir(parents=True, exist_ok=True)
    OUTPUT.write_text(json.dumps({"by": counter.name, "python": kind, "counts": counts}, indent=1))
    print("\n".join(table(counts, before)))
    if everything:
        compared = comparison(counts)
        print("\n".join(["", *compared]))
        if options.docs:
            page.write_into(page.PAGE, "make instructions", compared)
    shares = shares_added(counts)
    if options.accept:
        baseline.accept(kind, shares)
        return 0
    return verdict(shares, before, kind)


if __name__ == "__main__":
    sys.exit(main())
