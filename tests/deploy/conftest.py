"""The workbench, and an AWS on loopback."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.components.processes import Server, free_port, listens, start_server
from tests.deploy.workbench import Workbench, make_workbench


@pytest.fixture
def workbench(tmp_path: Path) -> Workbench:
    return make_workbench(tmp_path)


@pytest.fixture
def aws(workbench: Workbench, tmp_path: Path) -> Iterator[str]:
    """The address of a server that answers as AWS's APIs do, in an account that is empty."""
    drawn: list[int] = []

    def start() -> tuple[Server, Callable[[], bool]]:
        port = free_port()
        drawn.append(port)
        command = [workbench.programs / "moto_server", "-H", "127.0.0.1", "-p", str(port)]
        return Server(command, tmp_path / "moto.log"), lambda: listens(port)

    server = start_server(start)
    try:
        yield f"http://127.0.0.1:{drawn[-1]}"
    finally:
        server.stop()
