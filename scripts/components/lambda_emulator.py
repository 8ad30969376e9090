"""AWS's Lambda Runtime Interface Emulator: a program that the wheel of the SAM CLI carries."""

from __future__ import annotations

import platform
import sys
import zipfile
from pathlib import Path

from scripts.cache import CHECKOUT, cache_root, digest
from scripts.shell import Missing, run, say

REQUIREMENT = CHECKOUT / "tests" / "components" / "lambda_emulator.txt"
# The machine as Python names it, and as the wheel does.
PROGRAMS = {"x86_64": "aws-lambda-rie-x86_64", "aarch64": "aws-lambda-rie-arm64"}


def folder() -> Path:
    return cache_root() / "components" / f"lambda_emulator-{digest(REQUIREMENT)}"


def locate() -> Path | None:
    found = folder() / "aws-lambda-rie"
    return found if found.exists() else None


def make() -> Path:
    name = PROGRAMS.get(platform.machine())
    if name is None or not sys.platform.startswith("linux"):
        raise Missing(f"there is no emulator of AWS Lambda for {platform.platform()}")
    say("fetching AWS's Lambda emulator")
    command: list[str | Path] = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps"]
    command += ["--require-hashes", "--only-binary=:all:", "--dest", folder()]
    run([*command, "--requirement", REQUIREMENT], tries=3, timeout=600)
    [wheel] = folder().glob("*.whl")
    program = folder() / "aws-lambda-rie"
    partial = program.with_suffix(".partial")
    with zipfile.ZipFile(wheel) as archive:
        partial.write_bytes(archive.read(f"samcli/local/rapid/{name}"))
    partial.chmod(0o755)
    partial.rename(program)
    wheel.unlink()
    return program
