"""The Serverless Framework, in its maintained form osls: from the npm registry."""

from __future__ import annotations

import shutil
from pathlib import Path

from scripts.cache import CHECKOUT, cache_root, digest
from scripts.shell import need, run, say

PINS = CHECKOUT / "tests" / "deploy" / "npm"


def program() -> Path:
    key = digest(PINS / "package.json", PINS / "package-lock.json")
    return cache_root() / "components" / f"serverless-{key}" / "node_modules" / ".bin" / "osls"


def locate() -> Path | None:
    # Without a Node the scripts are of no use, even when an earlier run left them in the cache.
    return program() if program().exists() and shutil.which("node") else None


def make() -> Path:
    need("node", "the Serverless Framework")
    npm = need("npm", "installing the Serverless Framework")
    say("installing the Serverless Framework")
    home = program().parents[2]
    partial = home.with_suffix(".partial")
    shutil.rmtree(partial, ignore_errors=True)
    partial.mkdir(parents=True)
    for name in ("package.json", "package-lock.json"):
        shutil.copy(PINS / name, partial)
    run([npm, "ci", "--silent", "--ignore-scripts"], cwd=partial, tries=3, timeout=600)
    shutil.rmtree(home, ignore_errors=True)
    partial.rename(home)
    return program()
