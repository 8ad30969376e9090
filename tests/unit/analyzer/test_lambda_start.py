"""The extension loads the analyzer after a response: nothing heavy comes with it."""

from __future__ import annotations

import subprocess
import sys

import conntrace

HEAVY = {
    "asyncio",
    "concurrent",
    "email",
    "gzip",
    "hashlib",
    "http",
    "json",
    "logging",
    "multiprocessing",
    "opentelemetry",
    "pathlib",
    "random",
    "socket",
    "ssl",
    "subprocess",
    "tempfile",
    "threading",
    "urllib",
    "wrapt",
}


def test_the_analyzer_brings_nothing_heavy_along() -> None:
    """In an interpreter like the extension's, without site and without the environment."""
    root = str(conntrace.__path__[0]).rpartition("/")[0]
    program = (
        f"import sys; sys.path.insert(0, {root!r})\n"
        "import conntrace.analyzer.pipeline\n"
        "print(*{name.partition('.')[0] for name in sys.modules})"
    )
    command = [sys.executable, "-I", "-S", "-c", program]
    ended = subprocess.run(command, capture_output=True, text=True, check=True, timeout=60)
    assert set(ended.stdout.split()) & HEAVY == set()
