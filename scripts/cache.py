"""Where everything that is built or downloaded lives: outside the checkout, shared between them."""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import os
from collections.abc import Iterator
from pathlib import Path

CHECKOUT = Path(__file__).resolve().parent.parent


def cache_root() -> Path:
    """The folder that CONNTRACE_CACHE names, else the user's cache folder."""
    named = os.environ.get("CONNTRACE_CACHE")
    if named:
        return Path(named).expanduser().resolve()
    base = os.environ.get("XDG_CACHE_HOME")
    return (Path(base) if base else Path.home() / ".cache") / "conntrace"


def digest(*parts: str | bytes | Path) -> str:
    """A short key over texts and the content of files."""
    total = hashlib.sha256()
    for part in parts:
        if isinstance(part, Path):
            part = part.read_bytes()
        elif isinstance(part, str):
            part = part.encode()
        total.update(len(part).to_bytes(8, "big"))
        total.update(part)
    return total.hexdigest()[:12]


@contextlib.contextmanager
def locked(target: Path) -> Iterator[None]:
    """One maker of ``target`` at a time: several makes and test workers may ask for it at once."""
    target.parent.mkdir(parents=True, exist_ok=True)
    with open(target.with_name(target.name + ".lock"), "w") as handle:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield
