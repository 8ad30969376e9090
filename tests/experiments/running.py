"""An experiment run as its one command, and what it tells."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

CHECKOUT = Path(__file__).resolve().parents[2]
COMMAND = [sys.executable, str(CHECKOUT / "examples" / "experiments" / "experiment.py")]
FIRST = {"first_use_of_destination": 1}


def run(*words: str, **more: str) -> subprocess.CompletedProcess[str]:
    """The command, with more variables."""
    ended = subprocess.run(
        [*COMMAND, *words],
        capture_output=True,
        text=True,
        timeout=110,
        check=False,
        cwd=CHECKOUT,
        env={**os.environ, **more},
    )
    assert ended.returncode == 0, ended.stdout + ended.stderr
    return ended


def experiment(name: str, *words: str, **more: str) -> dict[str, dict[str, Any]]:
    """Label -> figures."""
    return {row["label"]: row for row in json.loads(run(name, "--json", *words, **more).stdout)}


def counts(row: dict[str, Any]) -> tuple[int, int, int]:
    return row["requests"], row["connections"], row["reused"]


def tables_of_gaps(*words: str, **more: str) -> dict[str, dict[float, dict[str, Any]]]:
    """What the server does -> gap in seconds -> row of the table."""
    documents = json.loads(run("gaps", "--json", *words, **more).stdout)
    return {each["url"]: {row["gap_s"]: row for row in each["gaps"]} for each in documents}
