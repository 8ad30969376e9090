"""Chromium for the tests of the HTML report: the one on this machine, else Debian's package."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

from scripts.shell import Missing, run, say


def locate() -> Path | None:
    found = shutil.which("chromium")
    return Path(found) if found else None


def make() -> Path:
    apt = shutil.which("apt-get")
    if apt is None:
        raise Missing("chromium is not on PATH: install it with the system's package manager")
    if os.geteuid() != 0:
        raise Missing("chromium is not on PATH, and only root can install it: apt-get install")
    say("installing chromium")
    env = dict(os.environ, DEBIAN_FRONTEND="noninteractive")
    run([apt, "-qq", "update"], env=env, tries=3)
    # Fonts, so that pictures of the report look as they do for people.
    packages = ["chromium", "fonts-dejavu-core"]
    run([apt, "-qq", "install", "-y", "--no-install-recommends", *packages], env=env, tries=3)
    found = locate()
    if found is None:
        raise Missing("the chromium package was installed, yet there is no chromium program")
    return found
