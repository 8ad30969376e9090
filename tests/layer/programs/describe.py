"""Prints all that a program can see of how it was started."""

import json
import multiprocessing
import sys
from typing import Any

main = sys.modules["__main__"]


def described(value: Any) -> Any:
    if value is None or isinstance(value, (str, int, list, dict)):
        return value
    name = getattr(value, "name", "")
    origin = getattr(value, "origin", "") or getattr(value, "path", "")
    kind = value.__qualname__ if isinstance(value, type) else type(value).__qualname__
    return [kind, name, origin]


def description() -> Any:
    names = sorted(vars(main))
    frame, depth = sys._getframe(), 0
    while frame.f_back and frame.f_globals is vars(main):
        frame, depth = frame.f_back, depth + 1
    return {
        "argv": sys.argv,
        "orig_argv": sys.orig_argv,
        "path": sys.path,
        "flags": str(sys.flags),
        "warnoptions": sys.warnoptions,
        "xoptions": sys._xoptions,
        "executable": sys.executable,
        "names": names,
        "main": {name: described(vars(main)[name]) for name in names if name.startswith("__")},
        "code": sys._getframe().f_code.co_filename,
        "own": __name__,
        "method": multiprocessing.get_start_method(),
    }


if __name__ == "__main__":
    shown = description()
    shown["main"].pop("__builtins__")
    print(json.dumps(shown, indent=1))
