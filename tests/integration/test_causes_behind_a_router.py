"""A real router in between that forgets a connection: dropped silently, or reset."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from conntrace.testing import Spans, read_spans
from tests.components.processes import wait_until
from tests.components.require import require, require_component
from tests.components.router import Router, can_route
from tests.integration.running import FIRST, PROGRAMS, Runner, cause, confidence
from tests.integration.sound import assert_sound

pytestmark = pytest.mark.component


@pytest.fixture
def router(tmp_path: Path) -> Iterator[Router]:
    """Three network namespaces, with a server in one and the client's place in another."""
    nft = require_component("nftables")
    require(can_route(), "this machine does not let us make network namespaces")
    router = Router(nft, tmp_path)
    try:
        router.start()
        yield router
    finally:
        router.stop()


def pause_behind(router: Router, run: Runner, folder: Path, how: str) -> Spans:
    """A request, a pause in which the router forgets the connection, and another request."""
    output = folder / "spans.jsonl"
    program = [str(PROGRAMS / "with_failures.py"), "pause_between"]
    command = [sys.executable, "-m", "conntrace", "run", "-o", str(output), "--", sys.executable]
    words = [*program, router.url, router.url, "2.0", "2.0"]
    with subprocess.Popen(
        router.inside([*command, *words]),
        env={**os.environ, **run.env},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        wait_until(lambda: bool(router.served()), "the first request to be answered", 30)
        if how:
            router.forget(router.served()[0], how)
        _, complaints = process.communicate(timeout=60)
    assert process.returncode == 0, complaints
    spans = read_spans(output)
    assert_sound(spans)
    return spans


@pytest.mark.parametrize(
    ("how", "name"),
    [("drop", "silent_drop_timeout"), ("reject with tcp reset", "stale_reset_on_reuse")],
)
def test_forgotten_connection(
    run: Runner, router: Router, tmp_path: Path, how: str, name: str
) -> None:
    """The second request meets silence or a reset; the retry goes through the same router."""
    spans = pause_behind(router, run, tmp_path, how)
    assert [(cause(setup), confidence(setup)) for setup in spans.setups] == [
        (FIRST, "proved"),
        (name, "proved"),
    ]
    assert len(set(router.served())) == 2


def test_remembered_connection(run: Runner, router: Router, tmp_path: Path) -> None:
    """Control: a router that forgets nothing."""
    spans = pause_behind(router, run, tmp_path, "")
    assert spans.causes == [FIRST]
    assert len(set(router.served())) == 1
