"""The layer as a zip file and as a folder, the same bits each time."""

from __future__ import annotations

import shutil
import zipfile
from pathlib import Path

from lambda_extension.tree import Tree

# The first moment that a zip file can name.
_TIME = (1980, 1, 1, 0, 0, 0)
_REGULAR_FILE = 0o100000


def write_zip(tree: Tree, target: Path) -> None:
    """Write the zip file: sorted, one time for all, modes 755 and 644."""
    target.parent.mkdir(parents=True, exist_ok=True)
    beside = target.with_name(f".{target.name}.part")
    with zipfile.ZipFile(beside, "w") as archive:
        for path in sorted(tree):
            entry = zipfile.ZipInfo(path, _TIME)
            entry.create_system = 3
            entry.external_attr = (_REGULAR_FILE | _mode(tree, path)) << 16
            archive.writestr(entry, tree[path].content, zipfile.ZIP_DEFLATED, compresslevel=9)
    beside.replace(target)


def write_folder(tree: Tree, target: Path) -> None:
    """Write the files below `target`, which is emptied first."""
    shutil.rmtree(target, ignore_errors=True)
    for path in sorted(tree):
        file = target / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(tree[path].content)
        file.chmod(_mode(tree, path))
    for folder in [target, *target.rglob("*")]:
        if folder.is_dir():
            folder.chmod(0o755)


def _mode(tree: Tree, path: str) -> int:
    return 0o755 if tree[path].executable else 0o644
