"""Installs pinned packages into a virtualenv: with uv where it can be had, else with plain pip."""

from __future__ import annotations

import functools
import os
import subprocess
import sys
from pathlib import Path

from scripts.cache import cache_root, locked
from scripts.shell import Missing, run, say

UV_VERSION = "0.13.8"


def new_virtualenv(folder: Path, python: str = sys.executable) -> None:
    can = subprocess.run(
        [python, "-c", "import venv, ensurepip"], stdin=subprocess.DEVNULL, capture_output=True
    )
    if can.returncode:
        raise Missing(f"{python} lacks the venv module (Debian and Ubuntu: install python3-venv)")
    run([python, "-m", "venv", "--clear", folder])


def install(virtualenv: Path, *arguments: str | Path) -> None:
    """``pip install ARGUMENTS`` into ``virtualenv``."""
    python = virtualenv / "bin" / "python"
    uv = uv_program()
    if uv is not None:
        try:
            run(
                [uv, "pip", "install", "--quiet", "--python", python, *arguments], env=uv_settings()
            )
            return
        except Missing as problem:
            say(f"{problem}; using pip instead")
    run([python, "-m", "pip", "install", "--quiet", *arguments], tries=3)


@functools.cache
def uv_program() -> Path | None:
    """A pinned uv in the cache, several times faster than pip; None when it cannot be had."""
    folder = cache_root() / "tools" / f"uv-{UV_VERSION}"
    program = folder / "bin" / "uv"
    with locked(folder):
        if not program.exists():
            try:
                new_virtualenv(folder)
                run([folder / "bin" / "pip", "install", "--quiet", f"uv=={UV_VERSION}"])
            except Missing as problem:
                say(f"no uv ({problem})")
                return None
    return program


def uv_settings() -> dict[str, str]:
    """uv reads no pip configuration, so what matters of it is handed over."""
    env = dict(os.environ, UV_CACHE_DIR=str(cache_root() / "uv"), UV_PYTHON_DOWNLOADS="never")
    # The machine's own certificates: a network may have one that no list of uv's knows.
    env.setdefault("UV_SYSTEM_CERTS", "1")
    handed_over = {
        "SSL_CERT_FILE": ("PIP_CERT", "cert"),
        "UV_DEFAULT_INDEX": ("PIP_INDEX_URL", "index-url"),
        "UV_INDEX": ("PIP_EXTRA_INDEX_URL", "extra-index-url"),
        "UV_HTTP_TIMEOUT": ("PIP_DEFAULT_TIMEOUT", "timeout"),
    }
    for name, (variable, key) in handed_over.items():
        value = os.environ.get(variable) or pip_setting(key)
        if value and name not in env:
            env[name] = value
    return env


def pip_setting(key: str) -> str | None:
    answer = subprocess.run(
        [sys.executable, "-m", "pip", "config", "get", f"global.{key}"],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
    )
    return answer.stdout.strip() if answer.returncode == 0 else None
