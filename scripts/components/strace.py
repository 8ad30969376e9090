"""strace, the witness of every connect: this machine's, else the distribution's package."""

from __future__ import annotations

import shutil
from pathlib import Path

from scripts.components import debian


def locate() -> Path | None:
    found = shutil.which("strace")
    return Path(found) if found else None


def make() -> Path:
    debian.install("strace")
    return Path(debian.installed("strace"))
