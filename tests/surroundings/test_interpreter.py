"""What the interpreter and the system may do to a program: with conntrace it fares the same."""

from __future__ import annotations

import resource
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest

from conntrace.testing import Spans, read_spans
from tests.components.unmeasured import unmeasured
from tests.servers.loopback import LoopbackServer

PROGRAMS = Path(__file__).parent / "programs"


class Way(NamedTuple):
    """A program and the interpreter's options."""

    program: str
    options: tuple[str, ...] = ()
    connections: int = 1
    """At least so many set-ups are recorded."""
    unexplained: int = 0
    """At most so many of them."""


WAYS = (
    Way("plain"),
    Way("plain", ("-O",)),
    Way("plain", ("-OO", "-B")),
    Way("plain", ("-X", "dev", "-W", "error")),
    Way("plain", ("-u", "-X", "utf8=1")),
    Way("plain", ("-X", "tracemalloc=5", "-X", "faulthandler")),
    Way("plain", ("-b", "-q", "-s")),
    # Where conntrace cannot start it leaves the program alone, and says why at the end.
    Way("plain", ("-I",), connections=0),
    Way("plain", ("-E", "-O"), connections=0),
    Way("recursion", ("-S",), connections=0),
    Way("recursion", ("-O", "-I", "-S"), connections=0),
    Way("recursion"),
    Way("descriptors", connections=3),
    Way("memory_limit", connections=2),
    Way("signals", connections=50),
    # At exit urllib3 empties its living pools; what the program does after that is not explained.
    Way("shutdown", unexplained=1),
    Way("tracing"),
    Way("subinterpreter", connections=12),
    Way("collected", connections=40),
)


@pytest.fixture
def server() -> Iterator[LoopbackServer]:
    with LoopbackServer() as running:
        yield running


@pytest.fixture
def silent() -> Iterator[socket.socket]:
    """A port that takes connections and never says a word."""
    with socket.create_server(("127.0.0.1", 0), backlog=64) as listener:
        yield listener


def ended(command: list[str]) -> tuple[int, str, str]:
    result = subprocess.run(
        command, capture_output=True, text=True, timeout=100, check=False, env=unmeasured()
    )
    ours = [line for line in result.stderr.splitlines() if not line.startswith("conntrace: ")]
    return result.returncode, result.stdout, "\n".join(ours)


def both_ways(way: Way, words: list[str], output: Path) -> tuple[object, object, Spans]:
    command = [sys.executable, *way.options, str(PROGRAMS / f"{way.program}.py"), *words]
    plain = ended(command)
    traced = ended([sys.executable, "-m", "conntrace", "run", "-o", str(output), "--", *command])
    return plain, traced, read_spans(output)


@pytest.mark.parametrize("way", WAYS, ids=lambda way: " ".join([way.program, *way.options]))
def test_a_program_fares_the_same(
    way: Way, server: LoopbackServer, silent: socket.socket, tmp_path: Path
) -> None:
    """Output, errors and exit code, word for word; and it is recorded."""
    limits = resource.getrlimit(resource.RLIMIT_AS)
    words = [server.url(path="/"), str(silent.getsockname()[1])]
    plain, traced, spans = both_ways(way, words, tmp_path / "spans.jsonl")
    assert traced == plain
    assert plain[0] == 0, plain
    assert len(spans.setups) >= way.connections
    assert spans.causes.count("unexplained") <= way.unexplained
    assert resource.getrlimit(resource.RLIMIT_AS) == limits
