"""DynamoDB Local: its jars, copied together by Maven."""

from __future__ import annotations

import shutil
from pathlib import Path

from scripts.cache import CHECKOUT, cache_root, digest
from scripts.shell import need, run, say

POM = CHECKOUT / "tests" / "components" / "dynamodb_local" / "pom.xml"


def folder() -> Path:
    return cache_root() / "components" / f"dynamodb_local-{digest(POM)}"


def locate() -> Path | None:
    # Without a Java the jars are of no use, even when an earlier run left them in the cache.
    return folder() if folder().exists() and shutil.which("java") else None


def make() -> Path:
    need("java", "DynamoDB Local")
    maven = need("mvn", "fetching DynamoDB Local")
    say("fetching DynamoDB Local")
    partial = folder().with_suffix(".partial")
    shutil.rmtree(partial, ignore_errors=True)
    command: list[str | Path] = [maven, "-q", "-B", "-f", POM, "dependency:copy-dependencies"]
    # Maven writes beside the pom otherwise, which may be read-only.
    run([*command, f"-DoutputDirectory={partial}"], cwd=cache_root(), tries=3, timeout=900)
    shutil.rmtree(folder(), ignore_errors=True)
    partial.rename(folder())
    return folder()
