"""Fixtures: a function on the local Lambda, with the probe as its layer."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from conntrace.simulator import LocalLambda

HERE = Path(__file__).parent
FUNCTION = HERE / "function"
LAYER = HERE / "layer"
Start = Callable[..., LocalLambda]


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Elsewhere there is nothing to test but one message."""
    if sys.platform != "linux":
        for item in items:
            if HERE in item.path.parents:
                item.add_marker(pytest.mark.skip("the local Lambda needs Linux"))


@pytest.fixture
def start() -> Iterator[Start]:
    """`start("app.facts", probe=True, environment={...})` gives a running function."""
    with ExitStack() as stack:

        def make(handler: str = "app.do", *, probe: bool = False, **options: Any) -> LocalLambda:
            options.setdefault("task_root", FUNCTION)
            options.setdefault("timeout_s", 10)
            environment = {"PYTHONDONTWRITEBYTECODE": "1", **options.pop("environment", {})}
            options.setdefault("layer", LAYER if probe else None)
            made = LocalLambda(handler, environment=environment, **options)
            return stack.enter_context(made)

        yield make


def told(log: str, by: str, what: str = "") -> list[dict[str, Any]]:
    """The JSON lines of the probe (`by="probe"`) or the function; only of one kind if named."""
    found = [json.loads(line) for line in log.splitlines() if line.startswith(f'{{"{by}": "')]
    return [each for each in found if not what or each[by] == what]


def alive(pid: int) -> bool:
    """Whether a process runs; one that has ended and was not waited for does not."""
    try:
        with open(f"/proc/{pid}/stat") as file:
            return file.read().rpartition(")")[2].split()[0] not in "ZX"
    except OSError:
        return False


def can_mount() -> bool:
    """Whether this user can lay the layer on /opt: root can."""
    return os.geteuid() == 0
