"""Bytecode for each Python found here, so that a cold start compiles nothing.

What conntrace itself consists of goes into one file, which `conntrace_bytecode` reads; everything
else gets `__pycache__` files of the unchecked-hash kind. Times do not count: all are the same in
the layer, and /opt is read-only, so what is not compiled here is compiled on every cold start.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path, PurePosixPath

from lambda_extension.tree import AGENT, EXTENSION, HOME, PROTOBUF, File, Tree, python_files
from lambda_extension.wheels import MINORS
from scripts.matrix import newest_python
from scripts.shell import Missing

BYTECODE = f"{HOME}/bytecode"

_PACKED = (f"{AGENT}/conntrace/", f"{AGENT}/conntrace_wrapt/", f"{EXTENSION}/")
_MAGIC_BYTES, _HEADER_BYTES = 4, 16
# Runs in each Python: sources below the first folder, as if they stood below /opt. Of ours, the
# docstrings and the annotations of functions are left out, and of all the columns of tracebacks:
# nobody reads them there, and they are more than a third of the bytecode.
_COMPILE = """
import ast, importlib.util, marshal, sys

class WithoutAnnotations(ast.NodeTransformer):
    def visit_arg(self, node):
        node.annotation = None
        return node

    def visit_FunctionDef(self, node):
        node.returns = None
        return self.generic_visit(node)

UNCHECKED_HASH = b"\\1\\0\\0\\0"
root, others, *paths = sys.argv[1:]
for path in paths:
    with open(f"{root}/{path}", "rb") as file:
        source = file.read()
    tree, level = ast.parse(source), 0
    if not path.startswith(others):
        tree, level = WithoutAnnotations().visit(tree), 2
    code = compile(tree, f"/opt/{path}", "exec", dont_inherit=True, optimize=level)
    header = importlib.util.MAGIC_NUMBER + UNCHECKED_HASH + importlib.util.source_hash(source)
    with open(f"{root}/{path}c", "wb") as file:
        file.write(header + marshal.dumps(code))
print(sys.version.split()[0])
"""


def add_bytecode(tree: Tree) -> dict[str, str]:
    """Add the bytecode; returns the exact Python for each minor version compiled for.

    Raises:
        Missing: A Python that was found cannot compile the sources.
    """
    versions = {}
    compiled = {}
    paths = python_files(tree)
    for minor in MINORS:
        python = newest_python(minor)
        if python is None and sys.version_info.minor == minor:
            python = sys.executable
        if python is not None:
            versions[f"3.{minor}"], compiled[minor] = _compile(tree, paths, python)
    packed = [path for path in paths if path.startswith(_PACKED)]
    tree.update(_pack(packed, compiled))
    for path in set(paths).difference(packed):
        for minor, files in compiled.items():
            tree[_cache_file(path, minor)] = File(files[path])
    return versions


def _compile(tree: Tree, paths: list[str], python: str) -> tuple[str, Mapping[str, bytes]]:
    """The exact version of this Python, and the content of the .pyc file of each source."""
    with tempfile.TemporaryDirectory(prefix="conntrace-layer-") as root:
        for path in paths:
            source = Path(root, path)
            source.parent.mkdir(parents=True, exist_ok=True)
            source.write_bytes(tree[path].content)
        options = ["-s", "-S", "-X", "no_debug_ranges"]
        version = _run([python, *options, "-c", _COMPILE, root, f"{PROTOBUF}/", *paths])
        return version, {path: Path(root, f"{path}c").read_bytes() for path in paths}


def _run(command: list[str]) -> str:
    # Without a fixed seed, 3.10 would write a set among the constants in another order each time;
    # `-I` would ignore the seed.
    environment = {"PATH": os.defpath, "PYTHONHASHSEED": "0"}
    ended = subprocess.run(
        command, env=environment, stdin=subprocess.DEVNULL, capture_output=True, text=True
    )
    if ended.returncode:
        raise Missing(f"{command[0]} cannot compile the layer's sources: {ended.stderr.strip()}")
    return ended.stdout.strip()


def _pack(paths: list[str], compiled: Mapping[int, Mapping[str, bytes]]) -> Tree:
    """One file with all code, the forms of a module beside each other, and the indexes to it."""
    modules = bytearray()
    lines: dict[int, list[str]] = {minor: [] for minor in compiled}
    for path in paths:
        for minor, files in compiled.items():
            code = files[path][_HEADER_BYTES:]
            place = (_module(path), path.removeprefix(f"{HOME}/"), len(modules), len(code))
            lines[minor].append("\t".join(map(str, place)))
            modules += code
    tree = {f"{BYTECODE}/modules": File(bytes(modules))}
    for minor, files in compiled.items():
        magic = files[paths[0]][:_MAGIC_BYTES].hex()
        text = "\n".join([magic, *lines[minor]]) + "\n"
        tree[f"{BYTECODE}/cpython-3{minor}"] = File(text.encode())
    return tree


def _module(path: str) -> str:
    """The module's name: what stands below agent/ or extension/."""
    parts = PurePosixPath(path).with_suffix("").parts[2:]
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def _cache_file(path: str, minor: int) -> str:
    return str(
        PurePosixPath(path).parent / "__pycache__" / f"{Path(path).stem}.cpython-3{minor}.pyc"
    )
