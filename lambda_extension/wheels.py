"""Other people's packages for the layer: wheels pinned by hash, kept in the cache."""

from __future__ import annotations

import sys
import zipfile
from collections.abc import Iterator, Sequence
from pathlib import Path

from scripts.cache import cache_root, digest, locked
from scripts.shell import run, say

MINORS = range(10, 15)
ARCHITECTURES = ("x86_64", "aarch64")

_REQUIREMENTS = Path(__file__).resolve().parent / "requirements"


def wrapt_wheels() -> list[Path]:
    """wrapt for each Python and architecture of Lambda, in the order of their names."""
    platforms = [
        (
            "--implementation=cp",
            f"--python-version=3.{minor}",
            f"--abi=cp3{minor}",
            f"--platform=manylinux2014_{architecture}",
        )
        for minor in MINORS
        for architecture in ARCHITECTURES
    ]
    return _downloaded("wrapt", platforms)


def protobuf_wheels() -> list[Path]:
    """OpenTelemetry's encoder of OTLP as protobuf, and all it needs, in Python only."""
    anywhere = (
        "--implementation=py",
        f"--python-version=3.{MINORS[0]}",
        "--abi=none",
        "--platform=any",
    )
    return _downloaded("protobuf", [anywhere])


def _downloaded(name: str, downloads: Sequence[tuple[str, ...]]) -> list[Path]:
    """The wheels of requirements/NAME.txt; pip refuses what has another hash."""
    requirements = _REQUIREMENTS / f"{name}.txt"
    folder = cache_root() / "layer" / f"{name}-{digest(requirements, repr(downloads))}"
    with locked(folder):
        if not (folder / "done").exists():
            say(f"downloading {name} for the layer")
            for options in downloads:
                command = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps"]
                command += ["--require-hashes", "--only-binary=:all:", *options]
                command += ["--dest", str(folder), "--requirement", str(requirements)]
                run(command, tries=3)
            (folder / "done").write_text("")
    return sorted(folder.glob("*.whl"))


def files_of(wheel: Path) -> Iterator[tuple[str, bytes]]:
    """Names and contents of the files in a wheel."""
    with zipfile.ZipFile(wheel) as archive:
        for name in sorted(archive.namelist()):
            if not name.endswith("/"):
                yield name, archive.read(name)
