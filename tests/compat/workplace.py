"""Where a suite runs: its unpacked source, its virtualenv with conntrace beside, a clean env."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tarfile
from dataclasses import dataclass
from pathlib import Path

from scripts.cache import CHECKOUT, cache_root, digest, locked
from scripts.installer import install, new_virtualenv
from scripts.shell import Missing, run, say

from tests.compat.suites import Suite

REQUIREMENTS = Path(__file__).resolve().parent / "requirements"
# Everything else stays out: proxies, certificate stores, credentials, coverage of our own tests.
KEPT_VARIABLES = ("PATH", "LANG", "LC_ALL", "LC_CTYPE", "TZ", "TMPDIR", "USER", "LOGNAME")


class NotHere(Exception):
    """This interpreter cannot run the suite at all; the text says why."""


@dataclass(frozen=True)
class Workplace:
    suite: Suite
    python: Path
    source: Path
    scratch: Path

    def environment(self, side: str) -> dict[str, str]:
        home = self.scratch / f"home-{side}"
        home.mkdir(parents=True, exist_ok=True)
        kept = {name: os.environ[name] for name in KEPT_VARIABLES if name in os.environ}
        # The same order of sets and dicts on both sides.
        return {**kept, **self.suite.environment, "HOME": str(home), "PYTHONHASHSEED": "0"}


def prepare(suite: Suite) -> Workplace:
    if suite.runner == "regrtest":
        require_test_package(suite.full.targets[0])
    scratch = cache_root() / "compat" / "runs" / suite.name.replace(" ", "-")
    scratch.mkdir(parents=True, exist_ok=True)
    source = unpacked(suite.sdist) if suite.sdist else scratch
    return Workplace(suite, virtualenv(suite.requirements), source, scratch)


def require_test_package(module: str) -> None:
    probe = f"import importlib.util as u, sys; sys.exit(u.find_spec('test.{module}') is None)"
    if subprocess.run([sys.executable, "-c", probe], capture_output=True).returncode:
        raise NotHere(f"{sys.executable} comes without its own tests (no test.{module})")


def virtualenv(name: str) -> Path:
    """The Python of a ready virtualenv: pinned requirements, and this checkout by a .pth file."""
    requirements = REQUIREMENTS / f"{name}.txt"
    key = digest(requirements, str(CHECKOUT), sys.version)
    folder = cache_root() / "compat" / "venvs" / f"{name}-{key}"
    python = folder / "bin" / "python"
    with locked(folder):
        if not (python.exists() and (folder / "ready").exists()):
            say(f"compat: making the {name} environment in {folder}")
            shutil.rmtree(folder, ignore_errors=True)
            new_virtualenv(folder)
            install(folder, "-r", requirements)
            (site_packages(folder) / "conntrace_checkout.pth").write_text(f"{CHECKOUT / 'src'}\n")
            (folder / "ready").touch()
    return python


def site_packages(folder: Path) -> Path:
    return next((folder / "lib").glob("python*/site-packages"))


def unpacked(pinned: str) -> Path:
    """The folder of an unpacked source distribution, downloaded once."""
    folder = cache_root() / "compat" / "sources" / pinned.replace("==", "-")
    with locked(folder):
        if not folder.exists():
            say(f"compat: downloading {pinned}")
            unpack(download(pinned, folder.with_name(f"{folder.name}.download")), folder)
    return folder


def download(pinned: str, target: Path) -> Path:
    """The archive, by pip alone: `pip download` runs the build backend only for metadata."""
    shutil.rmtree(target, ignore_errors=True)
    command = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps"]
    name = pinned.partition("==")[0]
    run([*command, "--no-binary", name, "--dest", target, pinned], tries=3)
    archives = list(target.glob("*.tar.gz"))
    if len(archives) != 1:
        raise Missing(f"{pinned} has no source distribution")
    return archives[0]


def unpack(archive: Path, folder: Path) -> None:
    """All or nothing: the folder gets its name when it is complete."""
    with tarfile.open(archive) as content:
        if hasattr(tarfile, "data_filter"):
            content.extractall(archive.parent, filter="data")
        else:
            content.extractall(archive.parent)
    top = next(entry for entry in archive.parent.iterdir() if entry.is_dir())
    top.rename(folder)
    shutil.rmtree(archive.parent)
