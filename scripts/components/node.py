"""Node, whose HTTP server has an idle limit of its own: this machine's, else the package."""

from __future__ import annotations

import shutil
from pathlib import Path

from scripts.components import debian


def locate() -> Path | None:
    found = shutil.which("node")
    return Path(found) if found else None


def make() -> Path:
    debian.install("nodejs")
    return Path(debian.installed("node"))
