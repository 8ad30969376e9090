"""Ctrl-C wherever it may come: the program hears of it as it does without us, and goes on."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from conntrace import semantic_names as names
from conntrace.testing import read_spans
from tests.components.private_network import PORT, can_unshare, inside
from tests.components.require import require
from tests.components.unmeasured import unmeasured
from tests.servers.loopback import Behaviour, LoopbackServer

PROGRAMS = Path(__file__).parent / "programs"
LOOKUP = f"""
import signal, socket, sys, urllib3

def interrupt(number, frame):
    raise KeyboardInterrupt

signal.signal(signal.SIGALRM, interrupt)
signal.setitimer(signal.ITIMER_REAL, 0.3)
try:
    print({{}})
except BaseException as error:
    print(type(error).__name__)
print(urllib3.PoolManager().request("GET", "http://other.test:{PORT}/").data)
"""
LOOKUPS = {
    "by itself": f'socket.getaddrinfo("shop.test", {PORT})',
    "for a request": f'urllib3.PoolManager(retries=False).request("GET", "http://shop.test:{PORT}/")',
}


def outcome(*command: str | Path, **environment: str) -> tuple[int, str]:
    ended = subprocess.run(
        command, capture_output=True, text=True, timeout=100, env={**unmeasured(), **environment}
    )
    return ended.returncode, ended.stdout


def test_at_every_moment_of_a_request(tmp_path: Path) -> None:
    """Nothing else comes out of it, and nothing hangs."""
    spans = tmp_path / "spans.jsonl"
    run = [sys.executable, "-m", "conntrace", "run", "-o", spans, "--"]
    program = [sys.executable, PROGRAMS / "interrupts.py"]
    with LoopbackServer(Behaviour(max_connections=10_000)) as server:
        words = [f"127.0.0.1:{server.port}"]
        plain = outcome(*program, *words)
        traced = outcome(*run, *program, *words)
    assert plain == (3, "[\"b'ok'\", 'interrupted']\n{b'ok'}\n")
    assert traced == plain
    assert read_spans(spans).setups


@pytest.mark.parametrize("kind", LOOKUPS)
def test_in_the_middle_of_a_lookup(kind: str, tmp_path: Path) -> None:
    """The name server hears nothing at first, and the resolver waits before it asks again."""
    require(can_unshare(), "network and mount namespaces cannot be made here")
    spans = tmp_path / "spans.jsonl"
    program = [sys.executable, "-c", LOOKUP.format(LOOKUPS[kind])]
    run = [sys.executable, "-m", "conntrace", "run", "-o", str(spans), "--"]
    folders = [tmp_path / "plain", tmp_path / "traced"]
    for folder in folders:
        folder.mkdir()
    quick = {"RES_OPTIONS": "timeout:2"}
    plain = outcome(*inside(folders[0], 1.5, program), **quick)
    traced = outcome(*inside(folders[1], 1.5, [*run, *program]), **quick)
    assert plain == (0, "KeyboardInterrupt\nb'ok'\n")
    assert traced == plain

    shop, other = read_spans(spans).named(names.DNS_LOOKUP)
    assert (shop.name, shop.error) == ("DNS lookup shop.test", True)
    assert (other.name, other.error) == ("DNS lookup other.test", False)
