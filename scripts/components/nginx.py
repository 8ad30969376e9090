"""nginx: the one on this machine, else the distribution's package."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

from scripts.components import debian

# Distributions put it into sbin, which is often not on an ordinary user's PATH.
_PATH = os.pathsep.join([os.environ.get("PATH", os.defpath), "/usr/sbin", "/usr/local/sbin"])


def locate() -> Path | None:
    found = shutil.which("nginx", path=_PATH)
    return Path(found) if found else None


def make() -> Path:
    debian.install("nginx")
    return Path(debian.installed("nginx", _PATH))
