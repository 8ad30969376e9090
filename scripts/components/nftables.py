"""nft, with which a test makes a router that drops or resets a connection: this machine's, else the
distribution's package (and `ip`, from iproute2, with it)."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

from scripts.shell import Missing, run, say

_PATH = os.pathsep.join([os.environ.get("PATH", os.defpath), "/usr/sbin", "/sbin"])


def locate() -> Path | None:
    found = shutil.which("nft", path=_PATH)
    return Path(found) if found and shutil.which("ip", path=_PATH) else None


def make() -> Path:
    apt = shutil.which("apt-get")
    if apt is None:
        raise Missing("nft or ip is not on PATH: install nftables and iproute2")
    if os.geteuid() != 0:
        raise Missing("only root can install nftables and make network namespaces")
    say("installing nftables and iproute2")
    env = dict(os.environ, DEBIAN_FRONTEND="noninteractive", RUNLEVEL="1")
    run([apt, "-qq", "update"], env=env, tries=3)
    packages = ["nftables", "iproute2"]
    run([apt, "-qq", "install", "-y", "--no-install-recommends", *packages], env=env, tries=3)
    found = locate()
    if found is None:
        raise Missing("the packages were installed, yet nft or ip is not there")
    return found
