"""Imports modules from bytecode made when the layer was built, for this Python and four others.

A `__pycache__` file for each module and Python would be twice the size of all the rest: the five
forms of a module have much in common, and a zip file compresses each of its files alone. So one
file, `modules`, has them all, form beside form, and one index for each Python says where its own
stand. Without an index for this Python the sources beside this file are imported, as anywhere.
"""

from __future__ import annotations

import _imp
import marshal
import sys

# What `importlib` itself gets these from: it costs a start nothing.
from _frozen_importlib_external import (  # type: ignore[import-not-found]
    MAGIC_NUMBER,
    SourceFileLoader,
    spec_from_file_location,
)

TYPE_CHECKING = False
if TYPE_CHECKING:
    from types import CodeType
    from typing import Any

_HOME = __file__.rpartition("/")[0].rpartition("/")[0]
_FOLDER = f"{_HOME}/bytecode/"


class _Loader(SourceFileLoader):  # type: ignore[misc]
    """A source file's loader that takes its code from elsewhere."""

    def __init__(self, name: str, path: str, start: int, length: int) -> None:
        super().__init__(name, path)
        self._start = start
        self._length = length

    def get_code(self, fullname: str) -> CodeType:
        with open(_FOLDER + "modules", "rb", buffering=0) as file:
            file.seek(self._start)
            code: CodeType = marshal.loads(file.read(self._length))
        # As for any bytecode: the layer may be unpacked elsewhere than where it was compiled for.
        _imp._fix_co_filename(code, self.path)  # type: ignore[attr-defined]
        return code


class _Finder:
    """Knows the modules of the index, and no others."""

    def __init__(self, index: dict[str, str]) -> None:
        self._index = index

    def find_spec(self, name: str, path: object = None, target: object = None) -> Any:
        place = self._index.get(name)
        if place is None:
            return None
        below, start, length = place.split("\t")
        file = f"{_HOME}/{below}"
        packages = [file.rpartition("/")[0]] if file.endswith("/__init__.py") else None
        loader = _Loader(name, file, int(start), int(length))
        return spec_from_file_location(
            name, file, loader=loader, submodule_search_locations=packages
        )


def install() -> None:
    """Let this process import from the bytecode; does nothing when there is none for it."""
    try:
        with open(f"{_FOLDER}{sys.implementation.cache_tag}", encoding="ascii") as file:
            magic, *lines = file.read().splitlines()
    except OSError:
        return
    if magic == MAGIC_NUMBER.hex():
        # Of each line: module, then source file below the private folder, start, length.
        index = dict(line.split("\t", 1) for line in lines)
        sys.meta_path.insert(0, _Finder(index))  # type: ignore[arg-type]
