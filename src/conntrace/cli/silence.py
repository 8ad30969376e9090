"""Why no process of a run said hello: nothing recorded must never look like nothing wrong."""

from __future__ import annotations

import os
import re
import shutil
from itertools import dropwhile

_PYTHON_NAME = re.compile(r"python(?:(\d)(?:\.(\d+))?)?$")
# Options of the interpreter that keep the start-up folder away: -I and -E ignore PYTHONPATH, -S
# leaves `site` out, which imports it.
_SILENCING = {"I": "ignores PYTHONPATH", "E": "ignores PYTHONPATH", "S": "does not import site"}
_WITH_VALUE = "WX"
_OLDEST = (3, 10)


def why_silent(command: list[str]) -> str:
    """One sentence: what about this command keeps its processes from being recorded."""
    path = shutil.which(command[0]) or command[0]
    interpreter, words = _interpreter(path, command[1:])
    if not interpreter:
        return (
            f"{os.path.basename(path)} is not a Python program, or started none; "
            "conntrace sees Python 3.10 or newer only"
        )
    flag = _silencing_flag(words)
    if flag:
        return (
            f"the option -{flag} of Python {_SILENCING[flag]}, which conntrace needs to start; "
            "leave it out"
        )
    version = _version(interpreter)
    if version and version < _OLDEST:
        shown = ".".join(map(str, version))
        return f"{interpreter} is Python {shown}; conntrace needs Python 3.10 or newer"
    return (
        f"conntrace could not start in {interpreter}: it must be Python 3.10 or newer and have "
        "conntrace's dependencies installed (pip install conntrace), and must not end before its "
        "start-up is done"
    )


def _interpreter(path: str, words: list[str]) -> tuple[str, list[str]]:
    """The Python that runs this file, with its own words; empty when it is none."""
    if _PYTHON_NAME.match(os.path.basename(path)):
        return path, words
    first_line = _first_line(path)
    if not first_line.startswith("#!"):
        return "", []
    parts = first_line[2:].split()
    if parts and os.path.basename(parts[0]) == "env":
        # Its own options and variables go before the program.
        parts = list(dropwhile(lambda part: part.startswith("-") or "=" in part, parts[1:]))
    if parts and _PYTHON_NAME.match(os.path.basename(parts[0])):
        return shutil.which(parts[0]) or parts[0], parts[1:]
    return "", []


def _first_line(path: str) -> str:
    try:
        with open(path, "rb") as file:
            return file.readline(512).decode("utf-8", "replace")
    except OSError:
        return ""


def _silencing_flag(words: list[str]) -> str:
    """The letter of the first such option before the script, `-c` or `-m`."""
    rest = iter(words)
    for word in rest:
        if not word.startswith("-") or word in ("-", "--") or word.startswith("--"):
            return ""
        for position, letter in enumerate(word[1:], start=1):
            if letter in _SILENCING:
                return letter
            if letter in "cm":
                return ""
            if letter in _WITH_VALUE:
                if position == len(word) - 1:
                    next(rest, None)
                break
    return ""


def _version(interpreter: str) -> tuple[int, int] | None:
    """From its real name, or from the virtualenv that it stands in; None when neither tells."""
    match = _PYTHON_NAME.match(os.path.basename(os.path.realpath(interpreter)))
    if match and match[2]:
        return int(match[1]), int(match[2])
    configuration = os.path.join(os.path.dirname(os.path.dirname(interpreter)), "pyvenv.cfg")
    try:
        with open(configuration, encoding="utf-8") as file:
            found = re.search(r"^version(?:_info)?\s*=\s*(\d+)\.(\d+)", file.read(), re.MULTILINE)
    except OSError:
        return None
    return (int(found[1]), int(found[2])) if found else None
