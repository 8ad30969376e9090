"""Fixtures: a platform, a back end, and the extension between them."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.extension.function import FunctionProcess
from tests.extension.platform import ExtensionProcess, Platform, make_layer, running_extension
from tests.unit.exporters.collector import Collector, collector

Start = Callable[..., ExtensionProcess]


@pytest.fixture
def platform() -> Iterator[Platform]:
    running = Platform()
    yield running
    running.close()


@pytest.fixture
def backend() -> Iterator[Collector]:
    with collector() as running:
        yield running


@pytest.fixture
def start(platform: Platform, tmp_path: Path) -> Iterator[Start]:
    """`start(**environment)` starts the extension; `without` names what its layer lacks.

    `most_file_bytes` is the largest file that it may write.
    """
    with contextlib.ExitStack() as stack:

        def started(
            *, without: str = "", most_file_bytes: int | None = None, **environment: str
        ) -> ExtensionProcess:
            layer = make_layer(tmp_path, without=without)
            running = running_extension(layer, platform, environment, most_file_bytes)
            return stack.enter_context(running)

        yield started


@pytest.fixture
def function(platform: Platform) -> Iterator[Callable[[], FunctionProcess]]:
    """`function()` is a process of the function, connected to the extension."""
    processes: list[FunctionProcess] = []

    def connected(process: str = "0123456789abcdef") -> FunctionProcess:
        processes.append(FunctionProcess(platform.address, process))
        return processes[-1]

    yield connected
    for each in processes:
        each.close()
