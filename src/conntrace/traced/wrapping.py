"""The wrapt that the agent uses: its own private copy where there is one, else the installed one.

The AWS Lambda layer brings wrapt under the name `conntrace_wrapt`, so that a function that imports
wrapt gets its own, of whatever version. Of an installed wrapt only the compiled part is loaded: the
package imports asyncio and more, which took 19 ms (wrapt 2.5) and is seen in the program.
"""

from __future__ import annotations

import _thread
import os
import sys
from types import ModuleType

_COMPILED = "_wrappers"
_OWN_NAME = f"{__name__}.{_COMPILED}"


def _compiled_part() -> ModuleType | None:
    """wrapt's extension module alone, or None where that is not to be had."""
    if "wrapt" in sys.modules or os.environ.get("WRAPT_DISABLE_EXTENSIONS") or _thread._count():
        return None
    from importlib.machinery import ExtensionFileLoader, PathFinder

    package = PathFinder.find_spec("wrapt")
    folders = list(package.submodule_search_locations or ()) if package is not None else []
    found = PathFinder.find_spec(_COMPILED, folders)
    if found is None or found.origin is None or not isinstance(found.loader, ExtensionFileLoader):
        return None
    return _load(folders, found.origin)


def _load(folders: list[str], file: str) -> ModuleType | None:
    from importlib.machinery import ExtensionFileLoader, ModuleSpec

    loader = ExtensionFileLoader(_OWN_NAME, file)
    # It asks for `wrapt.exceptions` while it is made. There is no other thread to see the stand-in.
    stand_in = ModuleType("wrapt")
    stand_in.__path__ = folders
    sys.modules["wrapt"] = stand_in
    try:
        module = loader.create_module(ModuleSpec(_OWN_NAME, loader, origin=file))
        if module is not None:
            loader.exec_module(module)
        return module
    except ImportError:
        return None
    finally:
        for name in ("wrapt", "wrapt.exceptions", _OWN_NAME):
            sys.modules.pop(name, None)


# For type checkers: the private copy has the same classes, and exists in the layer only.
TYPE_CHECKING = False
if TYPE_CHECKING:
    from wrapt import BoundFunctionWrapper, FunctionWrapper
else:
    try:
        from conntrace_wrapt import BoundFunctionWrapper, FunctionWrapper
    except ImportError:
        _part = _compiled_part()
        if _part is not None:
            BoundFunctionWrapper = _part.BoundFunctionWrapper
            FunctionWrapper = _part.FunctionWrapper
        else:
            from wrapt import BoundFunctionWrapper, FunctionWrapper

__all__ = ["BoundFunctionWrapper", "FunctionWrapper"]
