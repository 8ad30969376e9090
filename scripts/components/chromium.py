"""Chromium for the tests of the HTML report: the one on this machine, else Debian's package."""

from __future__ import annotations

import shutil
from pathlib import Path

from scripts.components import debian


def locate() -> Path | None:
    found = shutil.which("chromium")
    return Path(found) if found else None


def make() -> Path:
    # Fonts, so that pictures of the report look as they do for people.
    debian.install("chromium", "fonts-dejavu-core")
    return Path(debian.installed("chromium"))
