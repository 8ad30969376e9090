"""Jaeger: built from the Go modules that tests/components/jaeger pins; once, in some minutes."""

from __future__ import annotations

import os
from pathlib import Path

from scripts.cache import CHECKOUT, cache_root, digest
from scripts.shell import need, run, say

MODULE = CHECKOUT / "tests" / "components" / "jaeger"
PACKAGE = "github.com/jaegertracing/jaeger/cmd/jaeger"


def program() -> Path:
    key = digest(MODULE / "go.mod", MODULE / "go.sum")
    return cache_root() / "components" / f"jaeger-{key}" / "jaeger"


def locate() -> Path | None:
    return program() if program().exists() else None


def make() -> Path:
    go = need("go", "building Jaeger")
    say("building Jaeger, which takes about 8 minutes the first time")
    # go.sum is committed and complete; one of the modules is unknown to the public checksum
    # database, so asking that would only fail. Read-only: a build never changes the pins.
    env = dict(os.environ, GOSUMDB="off", GOFLAGS="-mod=readonly -buildvcs=false", CGO_ENABLED="0")
    partial = program().with_suffix(".partial")
    partial.parent.mkdir(parents=True, exist_ok=True)
    run([go, "build", "-trimpath", "-o", partial, PACKAGE], cwd=MODULE, env=env, tries=3)
    partial.rename(program())
    return program()
