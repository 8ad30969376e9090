"""Large input: bounded memory, every line counted once."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.unit.report import many

MEGABYTE = 1024 * 1024
FILE_BYTES = 1024 * MEGABYTE
MEMORY_BYTES = 110 * MEGABYTE
"""A tenth of the file: one that grows with its input does not get by."""


def written(folder: Path) -> int:
    """A file with one broken line; returns how many connections it tells of."""
    lines = FILE_BYTES // len(many.TEMPLATE)
    with open(folder / "spans.jsonl", "w") as stream:
        stream.write("broken\n")
        stream.writelines(many.line(number, "put-order") for number in range(lines))
    return lines


# A process inherits the largest size of the one that spawned it, which the tests' own would be:
# so a small one stands between, and tells the largest of its children (KiB on Linux).
MEASURE = """
import resource, subprocess, sys
code = subprocess.run(sys.argv[1:]).returncode
print(code, resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss)
"""


def measured(*arguments: str) -> int:
    """Run `conntrace report`; returns the largest size of any of its processes, in bytes."""
    command = [sys.executable, "-m", "conntrace", "report", *arguments]
    ended = subprocess.run(
        [sys.executable, "-c", MEASURE, *command], capture_output=True, text=True, check=True
    )
    code, largest_kib = map(int, ended.stdout.split())
    assert code == 0, ended.stderr
    return largest_kib * 1024


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[Path]:
    """A folder whose large file goes at once: pytest keeps those of several runs."""
    yield tmp_path
    (tmp_path / "spans.jsonl").unlink(missing_ok=True)


@pytest.mark.timeout(900)
def test_a_file_of_a_gigabyte_in_bounded_memory(folder: Path) -> None:
    """Neither the command nor one of its workers holds the file; no line counts twice."""
    connections = written(folder)
    assert (folder / "spans.jsonl").stat().st_size > 0.95 * FILE_BYTES
    out = folder / "report.json"
    size = measured(str(folder), "--counts", "--format", "json", "-o", str(out))
    assert size < MEMORY_BYTES
    told = json.loads(out.read_text())
    # A few are taken for spans that were there before: what is seen is kept in a table of bits.
    assert told["totals"]["connections"] == pytest.approx(connections, rel=1e-4)
    assert told["totals"]["requests"] == pytest.approx(connections * many.REUSED, rel=1e-4)
    assert told["totals"]["destinations"] == 300
    assert told["input"]["problem_count"] == 1
    assert told["input"]["problems"][0]["line"] == 1


FUNCTIONS = 1000


def test_a_folder_of_a_thousand_functions(tmp_path: Path) -> None:
    """Each function with its sums; `make bench-report` does the same with 10 million spans."""
    folder = tmp_path / "spans"
    folder.mkdir()
    for number in range(FUNCTIONS):
        (folder / f"{number}.jsonl").write_text("".join(many.function_lines(number, 4)))
    out = tmp_path / "report.json"
    size = measured(str(folder), "--counts", "--format", "json", "-o", str(out))
    assert size < MEMORY_BYTES
    told = json.loads(out.read_text())
    assert told["totals"]["connections"] == FUNCTIONS * 4
    assert told["totals"]["invocations"] == FUNCTIONS * 4
    assert len(told["services"]) == FUNCTIONS
    assert {each["invocations"] for each in told["services"]} == {4}
    assert told["services"][0]["avoidable_ms"] == pytest.approx(4 * 34.2)
    assert told["verdicts"][0]["count"] == FUNCTIONS * 4
