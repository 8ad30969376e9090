"""Bytecode for each Python found here, so that a cold start compiles nothing.

The files are of the unchecked-hash kind: the source's time does not count (all times in the layer
are the same), and /opt is read-only, so what is not compiled here is compiled on every cold start.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path

from lambda_extension.tree import File, Tree, python_files
from lambda_extension.wheels import MINORS
from scripts.matrix import newest_python
from scripts.shell import Missing

# Runs in each Python: sources below the first folder, as if they stood below /opt.
_COMPILE = """
import importlib.util, py_compile, sys
root, *paths = sys.argv[1:]
for path in paths:
    py_compile.compile(
        root + "/" + path,
        cfile=importlib.util.cache_from_source(root + "/" + path, optimization=""),
        dfile="/opt/" + path,
        doraise=True,
        optimize=2,
        invalidation_mode=py_compile.PycInvalidationMode.UNCHECKED_HASH,
    )
print(sys.version.split()[0])
"""


def add_bytecode(tree: Tree) -> dict[str, str]:
    """Add `__pycache__` files; returns the exact Python for each minor version compiled for.

    Raises:
        Missing: A Python that was found cannot compile the sources.
    """
    versions = {}
    for minor in MINORS:
        python = newest_python(minor)
        if python is None and sys.version_info.minor == minor:
            python = sys.executable
        if python is not None:
            versions[f"3.{minor}"] = _compile(tree, python)
    return versions


def _compile(tree: Tree, python: str) -> str:
    paths = python_files(tree)
    with tempfile.TemporaryDirectory(prefix="conntrace-layer-") as root:
        for path in paths:
            source = Path(root, path)
            source.parent.mkdir(parents=True, exist_ok=True)
            source.write_bytes(tree[path].content)
        version = _run([python, "-I", "-S", "-X", "no_debug_ranges", "-c", _COMPILE, root, *paths])
        tree.update(_compiled(Path(root)))
    return version


def _compiled(root: Path) -> Mapping[str, File]:
    return {
        str(path.relative_to(root)): File(path.read_bytes()) for path in sorted(root.rglob("*.pyc"))
    }


def _run(command: list[str]) -> str:
    # Without a fixed seed, the order of a set among the constants would change each time.
    environment = {"PATH": os.defpath, "PYTHONHASHSEED": "0"}
    ended = subprocess.run(
        command, env=environment, stdin=subprocess.DEVNULL, capture_output=True, text=True
    )
    if ended.returncode:
        raise Missing(f"{command[0]} cannot compile the layer's sources: {ended.stderr.strip()}")
    return ended.stdout.strip()
