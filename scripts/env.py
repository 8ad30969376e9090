"""Makes a virtualenv with pinned packages and this checkout, once, and prints where it is.

One folder per Python, pinned list and checkout: the editable install (needed for the console script
and the entry point) names the checkout, so two checkouts must not share it.
"""

from __future__ import annotations

import argparse
import platform
import shutil
import subprocess
import sys
from pathlib import Path

from scripts.cache import CHECKOUT, cache_root, digest, locked
from scripts.installer import install, new_virtualenv
from scripts.shell import Missing, say

REQUIREMENTS = CHECKOUT / "requirements"
PROJECT = CHECKOUT / "pyproject.toml"


def virtualenv_for(requirements: Path, python: str = sys.executable) -> Path:
    """The ready virtualenv; makes or completes it when needed."""
    key = digest(requirements, str(CHECKOUT))
    folder = cache_root() / "venvs" / f"{requirements.stem}-py{version_of(python)}-{key}"
    with locked(folder):
        if not is_ready(folder / ".requirements", "done"):
            say(f"making the {requirements.stem} environment in {folder}")
            shutil.rmtree(folder, ignore_errors=True)
            new_virtualenv(folder, python)
            install(folder, "-r", requirements)
            (folder / ".requirements").write_text("done")
        wanted = digest(PROJECT)
        if not is_ready(folder / ".project", wanted):
            install(folder, "--no-deps", "--no-build-isolation", "-e", CHECKOUT)
            (folder / ".project").write_text(wanted)
    return folder


def is_ready(stamp: Path, wanted: str) -> bool:
    """The interpreter is looked at too: the Python it points to may have been removed."""
    alive = (stamp.parent / "bin" / "python").exists()
    return alive and stamp.exists() and stamp.read_text() == wanted


def version_of(python: str) -> str:
    if python == sys.executable:
        return platform.python_version()
    command = [python, "-c", "import platform; print(platform.python_version())"]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()


def remove_all() -> None:
    """Remove this checkout's virtualenvs: their names end in a key made from its path."""
    for requirements in REQUIREMENTS.glob("*.txt"):
        key = digest(requirements, str(CHECKOUT))
        for found in (cache_root() / "venvs").glob(f"{requirements.stem}-py*-{key}*"):
            found.unlink() if found.is_file() else shutil.rmtree(found)


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m scripts.env", description=__doc__)
    parser.add_argument("--set", default="dev", help="a list under requirements/ (default: dev)")
    parser.add_argument("--python", default=sys.executable, help="the Python to build on")
    parser.add_argument("--remove", action="store_true", help="remove this checkout's folders")
    options = parser.parse_args()
    if options.remove:
        remove_all()
        return 0
    requirements = REQUIREMENTS / f"{options.set}.txt"
    try:
        if not requirements.exists():
            raise Missing(f"there is no list {requirements.name} under requirements/")
        print(virtualenv_for(requirements, options.python))
    except Missing as problem:
        say(str(problem))
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
