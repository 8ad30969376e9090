"""docs/lambda.md without an endpoint: findings read back by AWS's own command line."""

from __future__ import annotations

import json
import re
import subprocess
import sys
import time
from pathlib import Path

import pytest
from scripts.cache import CHECKOUT

from conntrace.simulator import LocalLambda
from tests.deploy.workbench import Workbench
from tests.layer.built import built_layer
from tests.servers.loopback import LoopbackServer

pytestmark = pytest.mark.timeout(300)
GROUP = "/aws/lambda/my-function"
FUNCTION = """
import os
import urllib.request

def handler(event, context):
    print("an ordinary line")
    return urllib.request.urlopen(os.environ["SHOP_URL"]).status
"""


def documented() -> str:
    """The command as the page has it."""
    page = (CHECKOUT / "docs" / "lambda.md").read_text(encoding="utf-8").replace("\\\n", " ")
    (found,) = re.findall(r"^ +(aws logs filter-log-events .*> log\.json)$", page, re.MULTILINE)
    return str(found)


def log_of_a_run(folder: Path) -> list[str]:
    """What a function with the layer, and no endpoint, leaves in its log."""
    (folder / "app.py").write_text(FUNCTION)
    with LoopbackServer() as server:
        variables = {"AWS_LAMBDA_EXEC_WRAPPER": "/opt/conntrace", "SHOP_URL": server.url(path="/")}
        layer = built_layer() / "layer.zip"
        with LocalLambda("app.handler", folder, layer, variables, timeout_s=30) as function:
            for _ in range(2):
                function.invoke({}).finished()
        return [line for line in function.log.splitlines() if line.strip()]


def write_log(workbench: Workbench, url: str, lines: list[str]) -> None:
    """Into the loopback AWS, as Lambda does it."""
    aws, stream = workbench.programs / "aws", "2026/01/01/[1]0123456789abcdef"
    now_ms = int(time.time() * 1000)
    events = [{"timestamp": now_ms + number, "message": line} for number, line in enumerate(lines)]
    where = ["--log-group-name", GROUP, "--log-stream-name", stream]
    for words in (
        ["create-log-group", *where[:2]],
        ["create-log-stream", *where],
        ["put-log-events", *where, "--log-events", json.dumps(events)],
    ):
        workbench.output(aws, "logs", *words, AWS_ENDPOINT_URL=url)


@pytest.mark.component
def test_findings_from_the_log(workbench: Workbench, aws: str, tmp_path: Path) -> None:
    """The second call makes a connection for one request, and the report of the log says so."""
    lines = log_of_a_run(tmp_path)
    write_log(workbench, aws, lines)
    workbench.output("sh", "-c", documented(), AWS_ENDPOINT_URL=aws)

    log = workbench.examples / "log.json"
    shown = subprocess.run(
        [sys.executable, "-m", "conntrace", "report", str(log)],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert shown.returncode == 0, shown.stderr
    assert "app.py:7 in handler()" in shown.stdout
    assert "one_shot_api" in shown.stdout
    assert "Traceback" not in shown.stderr
