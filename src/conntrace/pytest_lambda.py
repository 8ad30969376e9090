"""For users' own tests: the fixture `lambda_environment`, a function on the local Lambda.

Loaded by every pytest run of an environment that has conntrace, so nothing but pytest is imported
here; the local Lambda is loaded when a test asks for it.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from conntrace.simulator.for_tests import LambdaEnvironment

LAYER = "conntrace_layer"


def pytest_addoption(parser: pytest.Parser) -> None:
    """The setting."""
    parser.addini(LAYER, "The layer for lambda_environment, from the folder of this file.", "paths")


@pytest.fixture
def lambda_environment(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[LambdaEnvironment]:
    """`lambda_environment("app.handler", task_root="src", layer="conntrace-layer.zip")`."""
    from conntrace.simulator.for_tests import LambdaEnvironment

    configured = request.config.getini(LAYER)
    folder = tmp_path_factory.mktemp("lambda")
    environment = LambdaEnvironment(folder, configured[0] if configured else None)
    try:
        yield environment
    finally:
        environment.close()
