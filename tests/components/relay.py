"""A relay in front of a server that cannot tell how many connections it accepted."""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.components.processes import Server

PROGRAM = Path(__file__).with_name("relay_program.py")


class CountingRelay:
    """Clients connect to ``port``; their bytes go to ``upstream_port`` on loopback and back."""

    def __init__(self, upstream_port: int) -> None:
        self._folder = tempfile.TemporaryDirectory(prefix="ct-relay-")
        self._notes = Path(self._folder.name) / "notes"
        command: list[str | Path] = [
            sys.executable,
            "-I",
            "-S",
            PROGRAM,
            self._notes,
            str(upstream_port),
        ]
        self._server = Server(command, Path(self._folder.name) / "log")
        if not self._server.wait_ready(lambda: len(self._lines()) > 0):
            raise RuntimeError(f"the relay ended: {self._server.last_words()}")
        self.port = int(self._lines()[0])

    def accepted_connections(self) -> int:
        return len(self._lines()) - 1

    def stop(self) -> None:
        self._server.stop()
        self._folder.cleanup()

    def _lines(self) -> list[str]:
        return self._notes.read_text().splitlines() if self._notes.exists() else []


StartRelay = Callable[[int], CountingRelay]


@pytest.fixture
def counting_relay() -> Iterator[StartRelay]:
    """Start relays: ``counting_relay(upstream_port)``."""
    running: list[CountingRelay] = []

    def start(upstream_port: int) -> CountingRelay:
        running.append(CountingRelay(upstream_port))
        return running[-1]

    yield start
    for relay in running:
        relay.stop()
