"""What the agent costs: plain, conntrace and OpenTelemetry's urllib3 instrumentation, interleaved.

`python benchmarks/cost.py [RUNS]`. Quote the ratios: absolute times differ by machine and by hour.
Added CPU is that of the traced process; the analyzer's own, in the parent, is shown apart.
"""

from __future__ import annotations

import json
import os
import resource
import statistics
import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).parent
MODES = ("plain", "conntrace", "opentelemetry")
WORK = ("reused", "new")
REQUESTS = 2000 * 4 + 400 * 3


def run(mode: str, port: str) -> tuple[dict[str, float], float]:
    """CPU microseconds by kind of work, and CPU seconds of all processes of the run."""
    command = [sys.executable, str(HERE / "client.py"), mode, port]
    if mode == "conntrace":
        command = [sys.executable, "-m", "conntrace", "run", "-o", os.devnull, "--", *command]
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    output = subprocess.run(
        command, check=True, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    ).stdout
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    cpu_s = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return json.loads(output), cpu_s


def measure(runs: int) -> dict[str, dict[str, list[float]]]:
    """All modes in turn, again and again, so that a slow minute hits all of them."""
    found: dict[str, dict[str, list[float]]] = {
        mode: {work: [] for work in (*WORK, "total_s")} for mode in MODES
    }
    server = subprocess.Popen(
        [sys.executable, str(HERE / "server.py")],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        assert server.stdout is not None
        port = server.stdout.readline().strip()
        for _ in range(runs):
            for mode in MODES:
                figures, cpu_s = run(mode, port)
                for work in WORK:
                    found[mode][work].append(figures[work])
                found[mode]["total_s"].append(cpu_s)
    finally:
        server.communicate()
    return found


def main() -> None:
    """Print a table of medians and the ratios of what was added."""
    runs = int(sys.argv[1]) if len(sys.argv) > 1 else 5
    found = measure(runs)
    median = {
        mode: {work: statistics.median(values) for work, values in figures.items()}
        for mode, figures in found.items()
    }
    print(f"CPU in the traced process, microseconds, medians of {runs} interleaved runs")
    print(f"{'':16}{'reused request':>16}{'new connection':>16}")
    for mode in MODES:
        print(f"{mode:16}{median[mode]['reused']:16.1f}{median[mode]['new']:16.1f}")
    for work in WORK:
        ours = median["conntrace"][work] - median["plain"][work]
        theirs = median["opentelemetry"][work] - median["plain"][work]
        print(f"{work}: conntrace adds {ours:.1f}, OpenTelemetry {theirs:.1f}: {ours / theirs:.2f}")
    whole = median["conntrace"]["total_s"] - median["plain"]["total_s"]
    print(f"all processes, start included: {whole / REQUESTS * 1e6:.1f} us a request added")


if __name__ == "__main__":
    main()
