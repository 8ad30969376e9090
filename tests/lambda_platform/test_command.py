"""`conntrace lambda` and `lambda_environment` with the real layer."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from conntrace.simulator.for_tests import LambdaEnvironment
from conntrace.testing import read_spans
from tests.integration.running import cause
from tests.lambda_platform.conftest import FUNCTIONS, Aws, Serve
from tests.lambda_platform.reading import invocations


def test_the_report_at_the_end(layer: Path, serve: Serve, aws: Aws, tmp_path: Path) -> None:
    """A table of the invocations, then why they connected; the spans are kept on request."""
    server = serve(idle_limit_s=0.7)
    output = tmp_path / "spans.jsonl"
    command = [sys.executable, "-m", "conntrace", "lambda", "shop.put", "--layer", str(layer)]
    command += ["--task-root", str(FUNCTIONS), "--gaps", "0,0,1.6", "--timeout", "20"]
    command += ["-o", str(output), "-e", "PYTHONDONTWRITEBYTECODE=1"]
    for name, value in aws(server.port).items():
        command += ["-e", f"{name}={value}"]
    foreign = ("AWS_", "CONNTRACE_", "OTEL_")
    kept = {name: value for name, value in os.environ.items() if not name.startswith(foreign)}
    done = subprocess.run(command, capture_output=True, text=True, timeout=100, env=kept)
    assert done.returncode == 0, done.stderr
    table, _, report = done.stdout.partition("\n\n")
    assert [row.split()[0] for row in table.splitlines()[1:]] == ["1", "2", "3"]
    assert "server closed" in report.lower()
    assert [cause(each) for each in read_spans(output).setups] == [
        "first_use_of_destination",
        "server_closed_idle",
    ]


def test_the_fixture_with_the_layer(layer: Path, serve: Serve, aws: Aws, tmp_path: Path) -> None:
    """As the documentation has it: one connection for all invocations."""
    environment = LambdaEnvironment(tmp_path, layer)
    try:
        function = environment(
            "shop.put", task_root=FUNCTIONS, environment=aws(serve().port), timeout_s=20
        )
        for number in range(3):
            assert function.invoke({"id": number}, gap_s=0.2).json()["stored"] == number
        assert len(environment.wait_for_spans("HTTP connection_setup")) > 0
        function.shutdown()
        assert len(environment.spans.setups) == 1
        assert len(invocations(environment.spans)) == 3
    finally:
        environment.close()
