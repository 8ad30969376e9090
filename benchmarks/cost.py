"""What agents cost: plain, conntrace, OpenTelemetry, Datadog and Sentry, interleaved in one run.

`python -m benchmarks.cost [RUNS] [--docs]`. Each tool is started as its users start it, and sends
what it makes to a loopback back end. Quote the ratios: absolute times differ by machine and hour.
Everything measured is kept in build/benchmarks/cost.json; with --docs the table and the plot of
docs/overhead.md are made of it.
"""

from __future__ import annotations

import argparse
import importlib.metadata
import json
import os
import platform
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

from benchmarks.costs import Costs
from benchmarks.table import goal_lines, import_lines, table
from benchmarks.ways import WAYS, Way

from benchmarks import importing, page, serving, sink

HERE = Path(__file__).resolve().parent
RAW = HERE.parent / "build" / "benchmarks" / "cost.json"
RUNS = 7
WARM_UP_PART = 16
IMPORTS_EACH_RUN = 3
TIME_LIMIT_S = 300


def run_once(way: Way, port: str, collector: sink.Sink, part: int = 1) -> Costs:
    """One process, from its start to its end, and what it sent; `part` makes it do less."""
    program = [sys.executable, str(HERE / "client.py"), port, str(way.settle_s / part), str(part)]
    began_s = time.monotonic()
    ended = subprocess.run(
        [*way.before, *program],
        check=True,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
        env=way.environment(collector.url),
        timeout=TIME_LIMIT_S,
    )
    told = json.loads(ended.stdout.splitlines()[-1])
    own: dict[str, float] = told["own"]
    own["start_clock"] = (told["first_reply_s"] - began_s) * 1000
    own["spans"] = collector.take_spans()
    return Costs(own, told["analyzer"], told["requests"])


def measure(runs: int) -> Iterator[tuple[str, Costs]]:
    """All ways in turn, again and again, so that a slow minute hits all of them.

    A short first turn is not counted: it writes bytecode files and fills the disk's cache.
    """
    with serving.server() as port, sink.listening() as collector:
        for name, way in WAYS.items():
            _progress(f"warming up: {name}")
            if not run_once(way, port, collector, WARM_UP_PART).own["spans"] and way.before:
                sys.exit(f"no span of {way.title} arrived: what it costs would say nothing")
        for number in range(runs):
            for name, way in WAYS.items():
                _progress(f"run {number + 1} of {runs}: {name}")
                yield name, run_once(way, port, collector)


def _progress(text: str) -> None:
    if sys.stderr.isatty():
        print(f"\r{text:40}", end="", file=sys.stderr, flush=True)


def versions() -> dict[str, str]:
    """Of what is compared."""
    packages = [package for way in WAYS.values() for package in way.packages]
    return {name: importlib.metadata.version(name) for name in packages}


def surroundings() -> dict[str, object]:
    """What the figures belong to."""
    return {
        "python": platform.python_version(),
        "system": platform.platform(),
        "cores": os.cpu_count(),
        "load": os.getloadavg(),
        "packages": versions(),
    }


def main() -> None:
    """Measure, keep everything, show the table."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.cost", description=__doc__)
    parser.add_argument("runs", nargs="?", type=int, default=RUNS, help=f"default: {RUNS}")
    parser.add_argument("--docs", action="store_true", help="write docs/overhead.md and its plot")
    options = parser.parse_args()
    found: dict[str, list[Costs]] = {name: [] for name in WAYS}
    imports: dict[str, list[float]] = {name: [] for name in importing.programs()}
    for name, costs in measure(options.runs):
        found[name].append(costs)
        for way, program in importing.programs().items() if name == "plain" else ():
            imports[way] += [importing.milliseconds(program) for _ in range(IMPORTS_EACH_RUN)]
    _progress("")
    raw = {name: [each.raw() for each in costs] for name, costs in found.items()}
    RAW.parent.mkdir(parents=True, exist_ok=True)
    RAW.write_text(
        json.dumps({"about": surroundings(), "runs": raw, "imports_ms": imports}, indent=1)
    )
    lines = [*table(found), "", *goal_lines(found), *import_lines(imports)]
    print("\n".join(lines))
    if options.docs:
        from benchmarks.plot import draw

        packages = ", ".join(f"{name} {version}" for name, version in versions().items())
        ran = f"Interleaved runs: {options.runs}. Python {platform.python_version()}; {packages}."
        page.write_into(page.PAGE, "make bench", [*lines, "", ran])
        draw(found, page.PICTURE)


if __name__ == "__main__":
    main()
