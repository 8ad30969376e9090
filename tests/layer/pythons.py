"""The Pythons of this machine that Lambda has too."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from functools import cache

from scripts.matrix import MINORS, newest_python

RUNNING = f"3.{sys.version_info.minor}"


@cache
def pythons() -> Mapping[str, str]:
    """Paths by minor version, this one first: it has the packages that tests use."""
    found = {f"3.{minor}": newest_python(minor) for minor in MINORS}
    return {RUNNING: sys.executable} | {
        version: path for version, path in found.items() if path and version != RUNNING
    }
