"""How long a report on much input takes, and how much memory.

`python -m benchmarks.report [SPANS] [FILES]`: a folder of span files, one for each function
(10 million spans of a thousand functions, about 6 GB in a temporary folder), then one file of 1 GB.
"""

from __future__ import annotations

import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterable
from pathlib import Path

from tests.unit.report.many import SPANS, TEMPLATE, function_lines, line

GIGABYTE = 1024**3


def report(folder: Path) -> float:
    """Seconds that `conntrace report` takes."""
    command = [sys.executable, "-m", "conntrace", "report", str(folder), "--counts"]
    began = time.monotonic()
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    return time.monotonic() - began


def largest() -> float:
    """Megabytes of the largest process so far, workers included."""
    return resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024


def measure(what: str, files: Iterable[tuple[str, Iterable[str]]]) -> None:
    """Write the files into a folder of their own, and read them."""
    with tempfile.TemporaryDirectory(prefix="conntrace-bench-") as name:
        folder = Path(name)
        lines = 0
        for file, content in files:
            with open(folder / file, "w") as stream:
                for each in content:
                    stream.write(each)
                    lines += 1
        size = sum(file.stat().st_size for file in folder.iterdir()) / GIGABYTE
        took = report(folder)
    spans = lines * SPANS
    print(
        f"{what}: {spans:,} spans, {size:.1f} GB: {took:.0f} s,"
        f" {spans / took:,.0f} spans/s, largest process {largest():.0f} MB",
        flush=True,
    )


def main() -> None:
    spans = int(sys.argv[1]) if sys.argv[1:] else 10_000_000
    functions = int(sys.argv[2]) if sys.argv[2:] else 1000
    each = max(1, spans // SPANS // functions)
    measure(
        f"{functions:,} functions",
        ((f"{number}.jsonl", function_lines(number, each)) for number in range(functions)),
    )
    lines = GIGABYTE // len(TEMPLATE) * spans // 10_000_000
    one = (line(number, "function-0") for number in range(lines))
    measure("one file", [("spans.jsonl", one)])


if __name__ == "__main__":
    main()
