"""Programs that the distribution has: installed by apt-get, where there is one and we may."""

from __future__ import annotations

import os
import shutil

from scripts.shell import Missing, run, say


def install(*packages: str) -> None:
    """Install packages. Raises Missing, with what the user can do, when that is not possible."""
    names = " ".join(packages)
    apt = shutil.which("apt-get")
    if apt is None:
        raise Missing(f"install {names} with the system's package manager")
    if os.geteuid() != 0:
        raise Missing(f"only root can install it: apt-get install {names}")
    say(f"installing {names}")
    # At run level 1 a server's package installs without starting the server.
    env = dict(os.environ, DEBIAN_FRONTEND="noninteractive", RUNLEVEL="1")
    run([apt, "-qq", "update"], env=env, tries=3)
    run([apt, "-qq", "install", "-y", "--no-install-recommends", *packages], env=env, tries=3)


def installed(program: str, path: str | None = None) -> str:
    """Where a program is, now that its package is there. Raises Missing when it is not."""
    found = shutil.which(program, path=path)
    if found is None:
        raise Missing(f"its package was installed, yet there is no program {program}")
    return found
