"""nginx: the one on this machine, else the distribution's package."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

from scripts.shell import Missing, run, say


def locate() -> Path | None:
    # Distributions put it into sbin, which is often not on an ordinary user's PATH.
    path = os.pathsep.join([os.environ.get("PATH", os.defpath), "/usr/sbin", "/usr/local/sbin"])
    found = shutil.which("nginx", path=path)
    return Path(found) if found else None


def make() -> Path:
    apt = shutil.which("apt-get")
    if apt is None:
        raise Missing("nginx is not on PATH: install it with the system's package manager")
    if os.geteuid() != 0:
        raise Missing("nginx is not on PATH, and only root can install it: apt-get install nginx")
    say("installing nginx")
    # At run level 1 the package installs without starting its own server on port 80.
    env = dict(os.environ, DEBIAN_FRONTEND="noninteractive", RUNLEVEL="1")
    run([apt, "-qq", "update"], env=env, tries=3)
    install = [apt, "-qq", "install", "-y", "--no-install-recommends", "nginx"]
    run(install, env=env, tries=3)
    found = locate()
    if found is None:
        raise Missing("the nginx package was installed, yet there is no nginx program")
    return found
