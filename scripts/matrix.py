"""The same tests with other libraries, or on other Pythons; each in an environment of its own.

``python -m scripts.matrix libraries`` runs the integration tests with old and new urllib3, botocore
and requests. ``python -m scripts.matrix pythons`` runs unit and integration tests on every other
Python found here. ``python -m scripts.matrix surroundings`` runs conntrace beside other tools.
Names of sessions may follow, to run only those.
"""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from scripts.cache import CHECKOUT
from scripts.env import REQUIREMENTS, virtualenv_for
from scripts.shell import Missing, say

MINORS = range(10, 15)
# pytest's exit code when tests ran and some failed.
TESTS_FAILED = 1
ALONE = ("-n", "0", "--last-failed", "--last-failed-no-failures=none")


@dataclass(frozen=True)
class Session:
    """``pins`` is a list under requirements/; ``folders`` are the tests to run."""

    pins: str
    folders: tuple[str, ...]
    python: str = sys.executable
    words: tuple[str, ...] = ()


def library_sessions() -> dict[str, Session]:
    pins = {"urllib3-1.26": "urllib3-1.26", "urllib3-2-oldest": "urllib3-2-oldest"}
    pins["current"] = "dev"
    return {name: Session(pin, ("tests/integration",)) for name, pin in pins.items()}


def python_sessions() -> dict[str, Session]:
    folders = ("tests/unit", "tests/integration")
    return {
        f"python3.{minor}": Session("dev", folders, found)
        for minor in MINORS
        if minor != sys.version_info.minor
        for found in [newest_python(minor)]
        if found is not None
    }


def surroundings_sessions() -> dict[str, Session]:
    # pytest-socket's plugin patches the tests' own process for good; its functions do not need it.
    words = ("-p", "no:socket")
    folders = ("tests/surroundings/test_tools.py", "tests/surroundings/test_workers.py")
    return {"tools": Session("surroundings", folders, words=words)}


def newest_python(minor: int) -> str | None:
    """A working Python 3.``minor``: pyenv's newest, else the one on PATH."""
    return next((path for path in candidates(minor) if works(path, minor)), None)


def candidates(minor: int) -> Iterator[str]:
    root = Path(os.environ.get("PYENV_ROOT") or Path.home() / ".pyenv")
    found = root.glob(f"versions/3.{minor}.*/bin/python")
    # "3.12.10" is newer than "3.12.9"; names such as 3.12.1-debug are left out.
    patches = {p: p.parent.parent.name.rpartition(".")[2] for p in found}
    numbered = [path for path, patch in patches.items() if patch.isdigit()]
    yield from map(str, sorted(numbered, key=lambda path: -int(patches[path])))
    on_path = shutil.which(f"python3.{minor}")
    if on_path:
        yield on_path


def works(python: str, minor: int) -> bool:
    """pyenv's stand-ins on PATH exist for versions that are not active, and then only complain."""
    check = f"import sys, venv; sys.exit(sys.version_info[:2] != (3, {minor}))"
    answer = subprocess.run(
        [python, "-c", check], stdin=subprocess.DEVNULL, capture_output=True, timeout=60
    )
    return answer.returncode == 0


def run_session(name: str, session: Session, words: list[str]) -> bool:
    say(f"session {name}")
    try:
        folder = virtualenv_for(REQUIREMENTS / f"{session.pins}.txt", session.python)
    except Missing as problem:
        say(f"session {name}: {problem}")
        return False
    command = [str(folder / "bin" / "python"), "-m", "pytest", "-q", *session.folders]
    command += [*session.words, *words]
    environment = os.environ | {
        "PATH": f"{folder / 'bin'}{os.pathsep}{os.environ.get('PATH', os.defpath)}",
        "VIRTUAL_ENV": str(folder),
    }
    code = subprocess.run(command, cwd=CHECKOUT, env=environment).returncode
    if code == TESTS_FAILED and os.environ.get("CI"):
        # As `.ci/run` says of its own tests.
        say(f"session {name}: what failed is run once more, without other tests beside it")
        code = subprocess.run([*command, *ALONE], cwd=CHECKOUT, env=environment).returncode
    return code == 0


def chosen(sessions: Mapping[str, Session], names: list[str]) -> dict[str, Session]:
    for name in names:
        if name not in sessions:
            raise Missing(f"no session {name!r} here; there are: {', '.join(sessions)}")
    return {name: sessions[name] for name in names or sessions}


KINDS = {
    "libraries": library_sessions,
    "pythons": python_sessions,
    "surroundings": surroundings_sessions,
}


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m scripts.matrix", description=__doc__)
    parser.add_argument("kind", choices=list(KINDS))
    parser.add_argument("sessions", nargs="*", help="only these")
    parser.add_argument("--pytest", default="-n 2", help="words for pytest (default: %(default)s)")
    options = parser.parse_args()
    available = KINDS[options.kind]()
    try:
        sessions = chosen(available, options.sessions)
    except Missing as problem:
        say(str(problem))
        return 2
    if not sessions:
        say("no other Python from 3.10 on was found here, so there is nothing to run")
        return 0
    results = {
        name: run_session(name, session, options.pytest.split())
        for name, session in sessions.items()
    }
    for name, passed in results.items():
        say(f"session {name}: {'passed' if passed else 'FAILED'}")
    return 0 if all(results.values()) else 1


if __name__ == "__main__":
    sys.exit(main())
