"""From `python start.py PROGRAM…` to what `python PROGRAM…` would have been.

Three forms of PROGRAM: `script.py words`, `-m module words`, `-c code words`. What the program can
look at is as in a plain start: `sys.argv`, `sys.orig_argv`, `sys.path`, `__main__` and its names.
Anything that fails before the agent has started is raised: the caller then starts plain Python.
"""

from __future__ import annotations

import functools
import os
import sys

import conntrace_bytecode

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    Names = dict[str, Any]

# As it stands on `sys.path`.
_PRIVATE = os.path.dirname(__file__)
_OLDEST = (3, 10)

program: Callable[[], object]
"""Runs the program in `__main__`; set by `prepare`."""


def prepare(main: Names) -> None:
    """Make `__main__`, whose names are `main`, and `sys` ready for the program; start the agent."""
    global program
    if sys.version_info < _OLDEST:
        raise RuntimeError
    words = sys.argv[1:]
    option = words[0][:2]
    if option == "-m":
        program = _module(words)
    elif option == "-c":
        program = _code(words, main)
    else:
        program = _script(words, main)
    sys.orig_argv.remove(sys.argv[0])
    sys.argv[:] = words
    for name in [name for name in main if not name.startswith("__")]:
        del main[name]
    start_agent()


def start_agent() -> None:
    """Start recording; the agent's own folder is taken off `sys.path`.

    A function whose own code has our name gets its own, and so is left alone.
    """
    try:
        taken = _name_taken()
        if taken:
            print(
                f"conntrace: not started: its name is taken by {taken} [layer-name]",
                file=sys.stderr,
            )
            return
        conntrace_bytecode.install()
        from conntrace.traced import layer_start

        layer_start.start()
    except Exception as error:
        print(f"conntrace: not started: {error!r} [layer-start-failed]", file=sys.stderr)
    finally:
        sys.path.remove(_PRIVATE)
        sys.path_importer_cache.pop(_PRIVATE, None)


def _name_taken() -> str:
    """What the function would import as `conntrace`, unless it is a copy of conntrace itself."""
    layers = os.path.dirname(os.path.dirname(_PRIVATE)) + "/python"
    for folder in (os.environ.get("LAMBDA_TASK_ROOT", ""), layers, *sys.path):
        path = f"{folder or '.'}/conntrace"
        if folder == _PRIVATE:
            continue
        if os.path.isfile(path + ".py"):
            return path + ".py"
        if os.path.isdir(path):
            return "" if os.path.isfile(path + "/channel.py") else path
    return ""


def _module(words: list[str]) -> Callable[[], object]:
    name = _value_of("-m", words)
    # What Python itself calls for `-m`.
    from runpy import _run_module_as_main  # type: ignore[attr-defined]

    _set_first_path(os.getcwd())
    return functools.partial(_run_module_as_main, name)


def _code(words: list[str], main: Names) -> Callable[[], object]:
    source = _value_of("-c", words)
    code = compile(source, "<string>", "exec", dont_inherit=True)
    main.pop("__file__", None)
    main.pop("__cached__", None)
    main["__loader__"] = sys.__loader__
    _set_first_path("")
    return functools.partial(exec, code, main)


def _value_of(option: str, words: list[str]) -> str:
    """What `-m` or `-c` has behind it, joined or as the next word; `words` becomes `sys.argv`."""
    value = words[0][2:] or words.pop(1)
    words[0] = option
    return value


def _script(words: list[str], main: Names) -> Callable[[], object]:
    path = words[0]
    whole = path if path.startswith("/") else f"{os.getcwd()}/{path}"
    if _holds_modules(path):
        from runpy import _run_module_as_main  # type: ignore[attr-defined]

        # Python puts it first even when it is told to put no script's folder there.
        if _has_first_path():
            sys.path[1] = whole
        else:
            sys.path.insert(1, whole)
        return functools.partial(_run_module_as_main, "__main__", False)
    if path.endswith(".pyc"):
        raise ValueError(path)
    with open(path, "rb") as file:
        code = compile(file.read(), whole, "exec", dont_inherit=True)
    main["__file__"] = whole
    main["__loader__"] = type(main["__loader__"])("__main__", whole)
    _set_first_path(os.path.dirname(os.path.realpath(path)))
    return functools.partial(exec, code, main)


def _holds_modules(path: str) -> bool:
    """Whether it is a folder or a zip file: some importer knows what to do with it."""
    for hook in sys.path_hooks:
        try:
            hook(path)
        except ImportError:
            continue
        return True
    return False


def _set_first_path(folder: str) -> None:
    # In front of it is the agent's folder, which goes away again.
    if _has_first_path():
        sys.path_importer_cache.pop(sys.path[1], None)
        sys.path[1] = folder


def _has_first_path() -> bool:
    """Whether Python put the folder of the script first on `sys.path`; not with -I or -P."""
    return not (sys.flags.isolated or getattr(sys.flags, "safe_path", False))
