"""What importing the agent takes after boto3, by `python -X importtime`."""

from __future__ import annotations

import re
import subprocess
import sys

from benchmarks.figures import LAYER
from benchmarks.ways import WAYS

LINE = re.compile(r"import time:\s+(\d+) \|\s+\d+ \|\s+(\S+)")
LAST_OF_OTHERS = "boto3"
RUN = "import boto3; from conntrace.traced import run_start"
# As the layer's start does it: a private copy of wrapt, bytecode that the layer brings.
LAYER_START = f"""
import boto3, sys
sys.path.insert(0, {str(LAYER / "conntrace.d" / "agent")!r})
import conntrace_bytecode
conntrace_bytecode.install()
from conntrace.traced import layer_start
"""


def programs() -> dict[str, str]:
    """By way in; the layer's only when it has been built."""
    return {"run": RUN, **({"layer": LAYER_START} if LAYER.exists() else {})}


def milliseconds(program: str) -> float:
    """The time that the imports after boto3's took in one run."""
    ended = subprocess.run(
        [sys.executable, "-X", "importtime", "-c", program],
        check=True,
        capture_output=True,
        text=True,
        env=WAYS["plain"].environment(""),
    )
    return sum_after(LAST_OF_OTHERS, ended.stderr) / 1000


def sum_after(name: str, lines: str) -> int:
    """Microseconds of all modules below the line of that module, each without those it imports."""
    found = [(int(each[1]), each[2]) for each in LINE.finditer(lines)]
    names = [module for _, module in found]
    return sum(own for own, _ in found[names.index(name) + 1 :])
