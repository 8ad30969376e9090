"""nft, with which a test makes a router that drops or resets a connection: this machine's, else the
distribution's package (and `ip`, from iproute2, with it)."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

from scripts.components import debian

_PATH = os.pathsep.join([os.environ.get("PATH", os.defpath), "/usr/sbin", "/sbin"])


def locate() -> Path | None:
    found = shutil.which("nft", path=_PATH)
    return Path(found) if found and shutil.which("ip", path=_PATH) else None


def make() -> Path:
    debian.install("nftables", "iproute2")
    debian.installed("ip", _PATH)
    return Path(debian.installed("nft", _PATH))
