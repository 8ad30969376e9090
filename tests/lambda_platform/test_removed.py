"""Switched off or taken off, nothing of conntrace is left in a function."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from conntrace.simulator import LocalLambda

FUNCTIONS = Path(__file__).parent / "function"
# A wrapper is a shell script, whosever it is, as is the platform's own bootstrap.
OF_A_SHELL = ("PWD", "OLDPWD", "SHLVL", "_")
WRAPPER = {"AWS_LAMBDA_EXEC_WRAPPER": "/opt/conntrace"}


def inventory(layer: Path | None, environment: Mapping[str, str]) -> dict[str, Any]:
    variables = {"PYTHONDONTWRITEBYTECODE": "1", **environment}
    function = LocalLambda("inventory.handler", FUNCTIONS, layer, variables, timeout_s=20)
    with function:
        found: dict[str, Any] = json.loads(function.invoke({}).payload)
    expected = {*environment, *OF_A_SHELL}
    found["environment"] = [name for name in found["environment"] if name not in expected]
    return found


@pytest.fixture(scope="module")
def without() -> dict[str, Any]:
    """The function as it is before anyone attaches a layer."""
    return inventory(None, {})


def test_an_attached_layer_is_seen(layer: Path, without: dict[str, Any]) -> None:
    """The comparison below would see it."""
    found = inventory(layer, WRAPPER)
    assert "conntrace" in found["modules"]
    assert found["functions"] != without["functions"]


@pytest.mark.parametrize(
    "environment",
    [
        {},
        {**WRAPPER, "CONNTRACE_ENABLED": "false"},
        {**WRAPPER, "OTEL_SDK_DISABLED": "true"},
    ],
    ids=["variable removed", "CONNTRACE_ENABLED", "OTEL_SDK_DISABLED"],
)
def test_the_same_as_before(
    layer: Path, without: dict[str, Any], environment: Mapping[str, str]
) -> None:
    """Modules, environment, path, flags and functions."""
    found = inventory(layer, environment)
    for what in ("modules", "count", "environment", "arguments", "flags", "meta_path", "functions"):
        assert found[what] == without[what], what
    added = [entry for entry in found["path"] if entry not in without["path"]]
    # Lambda itself puts a layer's folder there, whoever's it is.
    assert added in ([], ["/opt/python"])
