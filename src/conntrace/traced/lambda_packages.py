"""Libraries that are packed into the same folder as the function, or come with a layer.

`pip install --target` puts them beside the handler, where no `site-packages` in a path tells them
from the function's own code. What was installed leaves a folder `name-version.dist-info` there. A
layer holds what several functions use, often without these folders: all of it is a library.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable
from os import listdir, sep
from os.path import dirname

_MARK = ".dist-info"
_MAX_FOLDERS = 100

# This file is OPT/conntrace.d/agent/conntrace/traced/lambda_packages.py.
_IN_LAYERS = f"{dirname(dirname(dirname(dirname(dirname(__file__)))))}{sep}python{sep}"

_libraries: dict[str, frozenset[str]] = {}


def is_packed_library(file: str) -> bool:
    """Whether a module's file came with a layer, or was installed into a folder of `sys.path`."""
    if file.startswith(_IN_LAYERS):
        return True
    folder = _folder_of(file)
    if not folder:
        return False
    name = file[len(folder) + 1 :].partition(sep)[0].removesuffix(".py")
    return _squeezed(name) in _libraries_in(folder)


def handler_package(handler: str) -> str:
    """Top-level package of a handler: `shop` of `shop.orders.put` and of `shop/orders.put`."""
    return handler.replace("/", ".").partition(".")[0]


def library_names(entries: Iterable[str]) -> frozenset[str]:
    """Names of the modules that were installed into a folder with these entries.

    Most have the name of their distribution. Of a distribution without a module of its name each
    word counts: `psycopg2` of `psycopg2_binary`, `dateutil` of `python_dateutil`.
    """
    entries = list(entries)
    present = {_squeezed(entry.removesuffix(".py")) for entry in entries}
    names: set[str] = set()
    for entry in entries:
        if entry.endswith(_MARK):
            distribution = entry.partition("-")[0]
            names.add(_squeezed(distribution))
            if _squeezed(distribution) not in present:
                names.update(distribution.replace(".", "_").lower().split("_"))
    return frozenset(names)


def _squeezed(name: str) -> str:
    return name.replace("_", "").replace(".", "").lower()


def _folder_of(file: str) -> str:
    """The entry of `sys.path` that holds a file; the innermost, when one lies in another."""
    folders = [str(each).rstrip(sep) for each in sys.path]
    return max((each for each in folders if file.startswith(each + sep)), key=len, default="")


def _libraries_in(folder: str) -> frozenset[str]:
    known = _libraries.get(folder)
    if known is None:
        if len(_libraries) >= _MAX_FOLDERS:
            _libraries.clear()
        try:
            known = library_names(listdir(folder))
        except OSError:
            known = frozenset()
        _libraries[folder] = known
    return known
