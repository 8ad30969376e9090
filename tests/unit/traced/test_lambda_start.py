"""The layer's start: what it reads, and that nothing of it can hurt the function."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from conntrace.config import Settings, load
from conntrace.settings_table import PROPAGATORS


def started(**variables: str) -> str:
    """What `start()` answers in a process with these variables, or how it failed."""
    program = (
        "import sys\n"
        "from conntrace.traced import layer_start\n"
        "before = list(sys.meta_path)\n"
        "print(layer_start.start(), sys.meta_path == before)\n"
    )
    environment = {name: value for name, value in os.environ.items() if "AWS_" not in name}
    ended = subprocess.run(
        [sys.executable, "-c", program],
        env={**environment, "CONNTRACE_TESTING": "0", **variables},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    return ended.stdout.strip() or ended.stderr


@pytest.mark.parametrize(
    "runtime_api",
    ["", "127.0.0.1:1", "garbage", ":", "127.0.0.1:99999999999999999999", "x" * 5000, "\udcff:1"],
    ids=lambda text: ascii(text)[:30],
)
def test_a_start_without_a_listener_leaves_no_trace(runtime_api: str) -> None:
    """Whatever stands in AWS_LAMBDA_RUNTIME_API: no hook, no exception, no output."""
    assert started(AWS_LAMBDA_RUNTIME_API=runtime_api) == "False True"


def test_a_start_outside_of_lambda_leaves_no_trace() -> None:
    """No Runtime API, no function."""
    assert started() == "False True"


@pytest.mark.parametrize(
    ("text", "reads"),
    [
        ("", True),
        ("tracecontext", True),
        ("baggage, TraceContext", True),
        ("xray-lambda", False),
        ("none", False),
        (",".join(PROPAGATORS), True),
        ("tracecontext,unknown", True),
    ],
)
def test_which_propagators_read_the_event(text: str, reads: bool) -> None:
    """Not set means `tracecontext`; a name that is not known counts as not set."""
    assert Settings({"OTEL_PROPAGATORS": text}).reads_traceparent is reads


def test_a_propagator_that_is_not_known_is_told() -> None:
    """With the variable, its value and what it takes."""
    _, problems = load({"OTEL_PROPAGATORS": "tracecontext,unknown"})
    (problem,) = problems
    assert problem.startswith("OTEL_PROPAGATORS=tracecontext,unknown is not accepted")
    assert "xray-lambda" in problem
    assert problem.endswith("[wrong-setting]")
