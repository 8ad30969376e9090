"""All ways to start on the local Lambda, with AWS's own runtime client."""

from __future__ import annotations

import json
import shutil
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


TELLS = """\
import sys

def handle(event, context):
    import conntrace
    return [getattr(conntrace, "OWN", 0), "conntrace.traced" in sys.modules]
"""


@pytest.mark.parametrize("environment", [WRAPPER, ASKED], ids=["wrapper", "pth"])
@pytest.mark.parametrize("own", ["conntrace.py", "conntrace/__init__.py"])
def test_a_function_that_has_the_name_itself(
    own: str, environment: Mapping[str, str], opt: Path, tmp_path: Path
) -> None:
    """It gets its own module, is left alone, and the log says so."""
    (tmp_path / own).parent.mkdir(exist_ok=True)
    (tmp_path / own).write_text("OWN = 7\n")
    (tmp_path / "handler.py").write_text(TELLS)
    with LocalLambda("handler.handle", tmp_path, opt, environment) as function:
        assert function.invoke({}).payload == b"[7, false]"
    taken = tmp_path / Path(own).parts[0]
    assert f"conntrace: not started: its name is taken by {taken} [layer-name]" in function.log


def test_a_function_that_packs_conntrace_itself(opt: Path, tmp_path: Path) -> None:
    """Another copy is no reason not to start."""
    copy = opt / "conntrace.d" / "agent" / "conntrace"
    shutil.copytree(copy, tmp_path / "conntrace")
    (tmp_path / "handler.py").write_text(TELLS)
    with LocalLambda("handler.handle", tmp_path, opt, WRAPPER) as function:
        assert function.invoke({}).payload == b"[0, true]"
    assert "layer-name" not in function.log
