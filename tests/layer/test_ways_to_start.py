"""All ways to start on the local Lambda, with AWS's own runtime client."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from conntrace.simulator import LocalLambda

PROGRAMS = Path(__file__).parent / "programs"
WRAPPER = {"AWS_LAMBDA_EXEC_WRAPPER": "/opt/conntrace"}
ASKED = {"CONNTRACE_ENABLED": "true"}


def told(opt: Path, environment: Mapping[str, str]) -> Any:
    """What the function says of its start."""
    with LocalLambda(
        handler="handler.handle", task_root=PROGRAMS, layer=opt, environment=environment
    ) as function:
        result = function.invoke({})
    assert result.error == ""
    return json.loads(result.payload)


@pytest.fixture(scope="module")
def plain(opt: Path) -> Any:
    """The layer is attached and nothing else is set: nothing of ours starts."""
    said = told(opt, {})
    assert (said.pop("traced"), said.pop("client")) == (False, False)
    return said


@pytest.mark.parametrize(
    "environment",
    [WRAPPER, ASKED, WRAPPER | ASKED],
    ids=["wrapper", "pth", "wrapper and pth"],
)
def test_traced(environment: Mapping[str, str], opt: Path, plain: Any) -> None:
    """The runtime client is patched, and the function sees what it sees without us."""
    said = told(opt, environment)
    assert (said.pop("traced"), said.pop("client")) == (True, True)
    assert plain == said


@pytest.mark.parametrize(
    "environment",
    [WRAPPER | {"CONNTRACE_ENABLED": "false"}, WRAPPER | {"OTEL_SDK_DISABLED": "true"}],
    ids=["CONNTRACE_ENABLED", "OTEL_SDK_DISABLED"],
)
def test_switched_off(environment: Mapping[str, str], opt: Path, plain: Any) -> None:
    """The function runs as if the layer were not there."""
    said = told(opt, environment)
    assert (said.pop("traced"), said.pop("client")) == (False, False)
    assert plain == said
