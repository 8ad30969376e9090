"""Real servers for the tests: installed or built once, into the cache.

``provide`` does the work (make components); ``locate`` only looks, and is what the tests call.
"""

from __future__ import annotations

from pathlib import Path
from types import ModuleType

from scripts.cache import cache_root, locked
from scripts.components import (
    chromium,
    deploy_tools,
    dynamodb_local,
    jaeger,
    lambda_emulator,
    nftables,
    nginx,
    node,
    serverless,
    strace,
)
from scripts.shell import Missing

# Quick ones first, so that a failure among them is seen before the long build.
COMPONENTS: dict[str, ModuleType] = {
    "nginx": nginx,
    "nftables": nftables,
    "strace": strace,
    "lambda_emulator": lambda_emulator,
    "node": node,
    "deploy_tools": deploy_tools,
    "serverless": serverless,
    "chromium": chromium,
    "dynamodb_local": dynamodb_local,
    "jaeger": jaeger,
}


def reason_file(name: str) -> Path:
    return cache_root() / "components" / f"{name}.missing"


def provide(name: str) -> Path:
    """Have the component, and where it is. Raises Missing, and keeps the reason for the tests."""
    with locked(reason_file(name)):
        try:
            found: Path = COMPONENTS[name].locate() or COMPONENTS[name].make()
        except Missing as problem:
            reason_file(name).write_text(str(problem))
            raise
        reason_file(name).unlink(missing_ok=True)
        return found


def locate(name: str) -> Path:
    """Where the component is, without installing anything. Raises Missing with the reason."""
    found: Path | None = COMPONENTS[name].locate()
    if found is not None:
        return found
    if reason_file(name).exists():
        raise Missing(reason_file(name).read_text())
    raise Missing(f"{name} is not installed for the tests: run `make components`")
