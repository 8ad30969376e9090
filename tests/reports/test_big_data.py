"""Large input: bounded memory, every line counted once."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from tests.unit.report.builder import Story, request_of

MEGABYTE = 1024 * 1024
FILE_BYTES = 160 * MEGABYTE
MEMORY_BYTES = 110 * MEGABYTE
"""Less than the file: one that grows with its input does not get by."""


def written(folder: Path) -> int:
    """A file with one broken line; returns how many connections it tells of."""
    story = Story()
    story.connect("c1", 0.0, "client_recreated", conntrace__cause__avoidable=True)
    for number in range(14):
        story.reuse("c1", 1.0 + number, idle_s=0.9)
    line = json.dumps(request_of(story.spans)) + "\n"
    lines = FILE_BYTES // len(line)
    with open(folder / "spans.jsonl", "w") as stream:
        stream.write("broken\n")
        for number in range(lines):
            stream.write(line.replace("dynamodb.", f"table-{number % 300}."))
    return lines


# A process inherits the largest size of the one that spawned it, which the tests' own would be:
# so a small one stands between, and tells the largest of its children (KiB on Linux).
MEASURE = """
import resource, subprocess, sys
code = subprocess.run(sys.argv[1:]).returncode
print(code, resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss)
"""


@pytest.mark.timeout(240)
def test_a_large_file_in_bounded_memory(tmp_path: Path) -> None:
    """Neither the command nor one of its workers holds the file."""
    connections = written(tmp_path)
    out = tmp_path / "report.json"
    command = [sys.executable, "-m", "conntrace", "report", str(tmp_path), "--counts"]
    measured = subprocess.run(
        [sys.executable, "-c", MEASURE, *command, "--format", "json", "-o", str(out)],
        capture_output=True,
        text=True,
        check=True,
    )
    code, largest_kib = map(int, measured.stdout.split())
    assert code == 0, measured.stderr
    assert largest_kib * 1024 < MEMORY_BYTES
    told = json.loads(out.read_text())
    assert told["totals"]["connections"] == connections
    assert told["totals"]["requests"] == connections * 14
    assert told["totals"]["destinations"] == 300
    assert told["input"]["problem_count"] == 1
    assert told["input"]["problems"][0]["line"] == 1
