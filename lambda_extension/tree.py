"""What the layer consists of: each file with its path below /opt, in memory until it is written."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

CHECKOUT = Path(__file__).resolve().parent.parent
HOME = "conntrace.d"
AGENT = f"{HOME}/agent"
EXTENSION = f"{HOME}/extension"
PROTOBUF = f"{HOME}/protobuf"
LICENSES = f"{HOME}/licenses"

_LAYER = CHECKOUT / "lambda_extension" / "layer"
_PACKAGE = CHECKOUT / "src" / "conntrace"
_EXTENSION = CHECKOUT / "lambda_extension" / "src" / "conntrace_extension"
# What runs in a function and in the extension; with it comes what it imports, and nothing else.
_ROOTS = ("traced", "analyzer", "in_process", "instrumentor")


@dataclass(frozen=True, slots=True)
class File:
    """One file of the layer."""

    content: bytes
    executable: bool = False


Tree = dict[str, File]
"""Files by their paths below /opt."""


def own_files() -> Tree:
    """All that stands in this checkout: scripts, agent, analyzer, extension, licence."""
    tree: Tree = {}
    tree.update(_below(_LAYER, "."))
    for module, path in _needed_modules().items():
        tree[f"{AGENT}/{module}"] = File(path.read_bytes())
    tree.update(_below(_EXTENSION, f"{EXTENSION}/conntrace_extension"))
    tree[f"{LICENSES}/conntrace.txt"] = File((CHECKOUT / "LICENSE").read_bytes())
    return tree


def _needed_modules() -> dict[str, Path]:
    """The modules of the package that the roots import, directly or not, by their paths in it."""
    waiting = [path for root in _ROOTS for path in _module_files(f"conntrace.{root}")]
    needed: dict[str, Path] = {}
    while waiting:
        path = waiting.pop()
        name = str(path.relative_to(_PACKAGE.parent))
        if name not in needed:
            needed[name] = path
            waiting += _imports(path)
    return needed


def _module_files(name: str) -> list[Path]:
    """The files of a root: one module, or all of a package."""
    path = _PACKAGE.parent.joinpath(*name.split("."))
    return sorted(path.rglob("*.py")) if path.is_dir() else [path.with_suffix(".py")]


def _imports(path: Path) -> Iterator[Path]:
    for node in ast.walk(ast.parse(path.read_bytes())):
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.module:
            names = [node.module, *(f"{node.module}.{alias.name}" for alias in node.names)]
        else:
            continue
        for name in names:
            yield from _importable(name)


def _importable(name: str) -> Iterator[Path]:
    """The file of a module of ours, and those of the packages that it stands in."""
    parts = name.split(".")
    if parts[0] == _PACKAGE.name:
        for length in range(1, len(parts) + 1):
            base = _PACKAGE.parent.joinpath(*parts[:length])
            found = (base / "__init__.py", base.with_suffix(".py"))
            yield from (path for path in found if path.is_file())


def _below(folder: Path, prefix: str) -> Tree:
    return {
        str(PurePosixPath(prefix) / path.relative_to(folder)): _file(path)
        for path in _files(folder)
    }


def _files(folder: Path) -> Iterator[Path]:
    for path in sorted(folder.rglob("*")):
        if path.is_file() and "__pycache__" not in path.parts and path.suffix != ".pyc":
            yield path


def _file(path: Path) -> File:
    content = path.read_bytes()
    # What starts with `#!` is run as a program; a checkout's modes depend on the umask.
    return File(content, executable=content.startswith(b"#!"))


def python_files(tree: Mapping[str, File]) -> list[str]:
    """The modules that Python compiles when it imports them; what it runs as a script is not."""
    return sorted(path for path in tree if path.endswith(".py") and path.count("/") > 1)
