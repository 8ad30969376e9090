"""`lambda_environment`, as a user's own tests have it."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from conntrace.simulator.for_tests import LambdaEnvironment
from tests.simulator.conftest import FUNCTION, LAYER

TESTS = """
def test_orders(lambda_environment):
    function = lambda_environment("app.facts", task_root={function!r}, timeout_s=10)
    variables = function.invoke({{"id": 1}}).json()["environment"]
    assert variables["AWS_LAMBDA_EXEC_WRAPPER"] == "/opt/conntrace"
"""


def test_functions_end_with_the_test(tmp_path: Path) -> None:
    """Several functions, one endpoint; without a layer neither wrapper nor endpoint is set."""
    environment = LambdaEnvironment(tmp_path)
    plain = environment("app.facts", task_root=FUNCTION, timeout_s=10)
    variables = plain.invoke().json()["environment"]
    assert "AWS_LAMBDA_EXEC_WRAPPER" not in variables
    assert "OTEL_EXPORTER_OTLP_ENDPOINT" not in variables
    settings = {"AWS_LAMBDA_EXEC_WRAPPER": "/opt/wrapper"}
    layered = environment(
        "app.facts", task_root=FUNCTION, layer=LAYER, environment=settings, timeout_s=10
    )
    variables = layered.invoke().json()["environment"]
    assert variables["WRAPPED_BY"].endswith("/wrapper")
    assert variables["OTEL_EXPORTER_OTLP_ENDPOINT"] == environment.receiver.endpoint
    assert environment.spans == []
    assert environment.wait_for_spans("DNS lookup", seconds=0.1) == []
    environment.close()
    assert '"probe": "exit"' in layered.log


def test_in_a_project_of_its_own(tmp_path: Path) -> None:
    """The setting names the layer, from the folder of the configuration."""
    layer = tmp_path / "layer"
    layer.mkdir()
    wrapper = layer / "conntrace"
    wrapper.write_text('#!/bin/sh\nexec "$@"\n')
    wrapper.chmod(0o755)
    (tmp_path / "pytest.ini").write_text("[pytest]\nconntrace_layer = layer\n")
    (tmp_path / "test_shop.py").write_text(TESTS.format(function=str(FUNCTION)))
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=100,
        check=False,
    )
    assert done.returncode == 0, done.stdout


def test_other_test_runs_pay_nothing() -> None:
    """The plugin loads nothing but pytest until a test asks."""
    program = (
        "import sys, pytest; before = set(sys.modules)\n"
        "import conntrace.pytest_lambda\n"
        "print(*sorted(set(sys.modules) - before))"
    )
    command = [sys.executable, "-c", program]
    done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=60)
    assert done.stdout.split() == ["conntrace", "conntrace.pytest_lambda"]
