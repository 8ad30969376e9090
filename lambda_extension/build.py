"""Builds the AWS Lambda layer: `make layer`, or `make layer FLAVOUR=protobuf`.

Makes dist/conntrace-layer.zip, and the same files in dist/layer/opt for container images. The
flavour `protobuf` (dist/conntrace-layer-protobuf.zip, dist/layer-protobuf/opt) also brings
OpenTelemetry's encoder, for backends that take no JSON.
"""

from __future__ import annotations

import argparse
import re
import sys
from pathlib import Path

from lambda_extension import packages, wheels
from lambda_extension.archive import write_folder, write_zip
from lambda_extension.bytecode import add_bytecode
from lambda_extension.inventory import add_inventory
from lambda_extension.tree import CHECKOUT, Tree, own_files
from scripts.shell import Missing, say

FLAVOURS = ("json", "protobuf")


def build(flavour: str) -> Tree:
    """All files of the layer.

    Raises:
        Missing: A wheel cannot be had, or a Python here cannot compile the sources.
    """
    tree = own_files()
    files, wrapt = packages.wrapt(wheels.wrapt_wheels())
    tree |= files
    used = [wrapt]
    if flavour == "protobuf":
        files, encoder = packages.protobuf(wheels.protobuf_wheels())
        tree |= files
        used += encoder
    bytecode = add_bytecode(tree)
    add_inventory(tree, version(), flavour, bytecode, used)
    return tree


def version() -> str:
    """conntrace's own version."""
    text = (CHECKOUT / "src" / "conntrace" / "__init__.py").read_text(encoding="utf-8")
    found = re.search(r'^__version__ = "(.+)"$', text, re.MULTILINE)
    assert found is not None
    return found[1]


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m lambda_extension.build", description=__doc__)
    parser.add_argument("--flavour", choices=FLAVOURS, default=FLAVOURS[0])
    parser.add_argument("--to", type=Path, default=CHECKOUT / "dist", help="default: dist")
    options = parser.parse_args()
    name = "layer" if options.flavour == FLAVOURS[0] else f"layer-{options.flavour}"
    archive = options.to / f"conntrace-{name}.zip"
    try:
        tree = build(options.flavour)
    except Missing as problem:
        say(str(problem))
        return 1
    write_folder(tree, options.to / name / "opt")
    write_zip(tree, archive)
    say(f"{archive}: {len(tree)} files, {archive.stat().st_size:,} bytes")
    return 0


if __name__ == "__main__":
    sys.exit(main())
