"""Starts conntrace in a Python that `conntrace run` started, then steps aside.

This folder comes first on PYTHONPATH. `site` imports this module in place of the `sitecustomize`
that the environment may have of its own; that one is imported right after, as if this were not
here.
"""

import sys


def _step_aside(folder: str) -> None:
    """Take this folder off `sys.path`, so that the program finds its path as it left it."""
    while folder in sys.path:
        sys.path.remove(folder)


def _start(folder: str) -> None:
    import os

    if "CONNTRACE_CHANNEL" not in os.environ:
        return
    home = os.path.dirname(os.path.dirname(folder))
    borrowed = False
    try:
        import conntrace  # noqa: F401 - only asks whether it is there
    except ImportError:
        # This interpreter has no conntrace: use the one that `conntrace run` came from.
        sys.path.append(home)
        borrowed = True
    try:
        from conntrace.traced import run_start

        run_start.start()
    finally:
        if borrowed:
            sys.path.remove(home)


def _chain() -> None:
    """Import the environment's own sitecustomize under its own name."""
    import importlib.machinery
    import importlib.util

    spec = importlib.machinery.PathFinder.find_spec("sitecustomize")
    if spec is None or spec.loader is None:
        # What `site` understands as "there is none".
        raise ImportError("no other sitecustomize", name="sitecustomize")
    module = importlib.util.module_from_spec(spec)
    sys.modules["sitecustomize"] = module
    spec.loader.exec_module(module)


_folder = __file__.rpartition("/")[0]
_step_aside(_folder)
try:
    _start(_folder)
except Exception:  # The program is a guest's host: whatever fails here is not its business.
    pass
_chain()
