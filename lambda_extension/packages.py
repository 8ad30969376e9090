"""Other people's packages: where their files stand in the layer, and what they are."""

from __future__ import annotations

import email
import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from lambda_extension.shared_objects import loaded_part
from lambda_extension.tree import AGENT, LICENSES, PROTOBUF, File, Tree
from lambda_extension.wheels import files_of

_WRAPT_LICENSE = "licenses/LICENSE"


@dataclass(frozen=True, slots=True)
class Package:
    """A package whose code is in the layer."""

    name: str
    version: str
    license: str
    wheels: tuple[tuple[str, str], ...]
    """File name and SHA-256 of each wheel that its code was taken from."""


def wrapt(wheels: Sequence[Path]) -> tuple[Tree, Package]:
    """The private copy: its wrappers in Python once, and compiled for each Python and machine."""
    tree: Tree = {}
    for wheel in wheels:
        for name, content in files_of(wheel):
            base = name.rpartition("/")[2]
            if base.endswith(".so"):
                tree[f"{AGENT}/conntrace_wrapt/{base}"] = File(loaded_part(content))
            elif name == "wrapt/wrappers.py":
                tree[f"{AGENT}/conntrace_wrapt/{base}"] = File(content)
            elif name.endswith(_WRAPT_LICENSE):
                tree[f"{LICENSES}/wrapt.txt"] = File(content)
    return tree, _described(wheels)


def protobuf(wheels: Sequence[Path]) -> tuple[Tree, list[Package]]:
    """The encoder and its dependencies, as an installation would lay them out."""
    tree: Tree = {}
    for wheel in wheels:
        package = _described([wheel])
        for name, content in files_of(wheel):
            top, _, rest = name.partition("/")
            if top.endswith(".dist-info") and "LICEN" in rest.upper():
                tree[f"{LICENSES}/{package.name}-{rest.replace('/', '-')}"] = File(content)
            # OpenTelemetry finds its parts by entry points, and its version in the metadata.
            elif not top.endswith(".dist-info") or rest in ("METADATA", "entry_points.txt"):
                tree[f"{PROTOBUF}/{name}"] = File(content)
    return tree, [_described([wheel]) for wheel in wheels]


def _described(wheels: Sequence[Path]) -> Package:
    metadata = next(
        email.message_from_bytes(content)
        for name, content in files_of(wheels[0])
        if name.endswith(".dist-info/METADATA")
    )
    return Package(
        name=metadata["Name"],
        version=metadata["Version"],
        license=metadata["License-Expression"] or metadata["License"] or "",
        wheels=tuple((wheel.name, _sha256(wheel)) for wheel in wheels),
    )


def _sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()
