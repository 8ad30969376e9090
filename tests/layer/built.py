"""The layer as it is built from this checkout, once for all workers and runs."""

from __future__ import annotations

import shutil
import sys
from pathlib import Path

from lambda_extension.archive import write_folder, write_zip
from lambda_extension.build import build
from scripts.cache import CHECKOUT, cache_root, digest, locked

SOURCES = (CHECKOUT / "src" / "conntrace", CHECKOUT / "lambda_extension")


def built_layer(flavour: str = "json") -> Path:
    """A folder with `layer.zip` and, unpacked, `opt`; nobody may change what is in it."""
    files = sorted(path for folder in SOURCES for path in folder.rglob("*") if _counts(path))
    key = digest(*(str(path) for path in files), *files, sys.version)
    folder = cache_root() / "layer" / f"unpacked-{flavour}-{key}"
    with locked(folder):
        if not (folder / "done").exists():
            shutil.rmtree(folder, ignore_errors=True)
            tree = build(flavour)
            write_folder(tree, folder / "opt")
            write_zip(tree, folder / "layer.zip")
            (folder / "done").write_text("")
    return folder


def _counts(path: Path) -> bool:
    return path.is_file() and "__pycache__" not in path.parts
