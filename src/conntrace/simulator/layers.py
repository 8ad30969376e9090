"""Layers: unpacked into one folder, as the platform does on /opt."""

from __future__ import annotations

import os
import shutil
import zipfile
from collections.abc import Sequence
from pathlib import Path

from conntrace.errors import ConntraceError
from conntrace.simulator.sandbox import Mount

OPT = Path("/opt")

MAX_EXTENSIONS = 10


def unpack(layers: Sequence[Path], folder: Path) -> Path:
    """Where the layers' content stands: a single unpacked layer itself, else all in `folder`.

    Later layers win, as on the platform. Raises ConntraceError for what is no layer.
    """
    for layer in layers:
        if not layer.exists():
            raise ConntraceError(
                "lambda-no-layer",
                f"there is no layer {layer}; `make layer` in conntrace's repository writes"
                " dist/conntrace-layer.zip",
            )
    if len(layers) == 1 and layers[0].is_dir():
        return layers[0].resolve()
    folder.mkdir(parents=True, exist_ok=True)
    for layer in layers:
        if layer.is_dir():
            shutil.copytree(layer, folder, symlinks=True, dirs_exist_ok=True)
        else:
            _unzip(layer, folder)
    return folder.resolve()


def _unzip(layer: Path, folder: Path) -> None:
    """With the modes that the zip holds: wrappers and extensions must stay executable."""
    try:
        with zipfile.ZipFile(layer) as archive:
            for entry in archive.infolist():
                path = Path(archive.extract(entry, folder))
                mode = entry.external_attr >> 16 & 0o777
                if mode and not entry.is_dir():
                    path.chmod(mode)
    except (OSError, zipfile.BadZipFile) as error:
        raise ConntraceError(
            "lambda-no-layer", f"{layer} is no layer's zip file and no folder: {error}"
        ) from error


def extensions_in(layer: Path | None) -> list[str]:
    """Names of the external extensions: every file of the folder `extensions`."""
    folder = layer / "extensions" if layer else None
    if folder is None or not folder.is_dir():
        return []
    return sorted(entry.name for entry in os.scandir(folder) if not entry.is_dir())


def mounts(layer: Path, needed: Sequence[Path], folder: Path) -> list[Mount]:
    """How the layer gets to /opt in the environment's own view of the file system.

    What the machine itself has in /opt disappears from that view, as on the platform, unless a
    needed path (the Python, the function's code) stands there: then it stays visible beside it.
    """
    if not any(str(path).startswith("/opt/") for path in needed):
        return [Mount(layer, OPT)]
    both = folder / "opt"
    shutil.copytree(layer, both, symlinks=True, dirs_exist_ok=True)
    kept = []
    for entry in os.scandir(OPT):
        place = both / entry.name
        if entry.is_dir() and not place.exists():
            place.mkdir()
            kept.append(Mount(Path(entry.path), place))
    return [*kept, Mount(both, OPT)]
