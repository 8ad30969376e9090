"""Fixtures: the layer, each Python of this machine, and a way to start programs."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path

import pytest

from tests.layer.built import built_layer
from tests.layer.listening import Listening
from tests.layer.pythons import pythons

Ended = subprocess.CompletedProcess[str]
Run = Callable[..., Ended]


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The layer is for Lambda's Linux: its wrapper asks /proc, its channel has an abstract name."""
    if sys.platform != "linux":
        for item in items:
            if Path(__file__).parent in item.path.parents:
                item.add_marker(pytest.mark.skip("AWS Lambda's environments are Linux"))


@pytest.fixture(scope="session")
def layer() -> Path:
    """The built layer, as zip file and as folder."""
    return built_layer()


@pytest.fixture(scope="session")
def opt(layer: Path) -> Path:
    """The unpacked layer; not to be changed."""
    return layer / "opt"


@pytest.fixture(scope="session")
def archive(layer: Path) -> Path:
    """The layer's zip file."""
    return layer / "layer.zip"


@pytest.fixture
def own_opt(opt: Path, tmp_path: Path) -> Path:
    """A copy of the unpacked layer, to be damaged."""
    return Path(shutil.copytree(opt, tmp_path / "damaged opt"))


@pytest.fixture(params=pythons())
def python(request: pytest.FixtureRequest) -> str:
    """Each Python that is here and in Lambda, one after the other."""
    return pythons()[request.param]


@pytest.fixture
def run(tmp_path: Path) -> Run:
    """Runs a command in an empty folder of its own and with a bare environment."""

    def run_command(
        command: Sequence[str | Path],
        environment: Mapping[str, str] | None = None,
        cwd: Path = tmp_path,
    ) -> Ended:
        # A worker's coverage of child processes would make the plain start another one.
        bare = {"PATH": os.environ.get("PATH", os.defpath), "PYTHONDONTWRITEBYTECODE": "1"}
        return subprocess.run(
            [str(word) for word in command],
            env=bare | dict(environment or {}),
            cwd=cwd,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=60,
        )

    return run_command


@pytest.fixture
def listening() -> Iterator[Listening]:
    """An extension that listens."""
    with Listening() as extension:
        yield extension
