"""What an AWS Lambda function is told and tells stays between it and its caller."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import pytest

from conntrace.simulator.for_tests import LambdaEnvironment
from tests.layer.built import built_layer
from tests.servers.loopback import LoopbackServer

PROGRAMS = Path(__file__).parent / "programs"
MARK = "hunter2"
SECRETS = {
    "OTEL_EXPORTER_OTLP_HEADERS": "api-key=hunter2-key",
    "DATABASE_URL": "postgres://hunter2-user:hunter2-password@db.example/orders",
    "AWS_SECRET_ACCESS_KEY": "hunter2-secret",
    "AWS_SESSION_TOKEN": "hunter2-session",
}


def event(query: str) -> dict[str, Any]:
    """What an API Gateway hands to a function (payload format 2.0)."""
    return {
        "version": "2.0",
        "routeKey": "POST /orders/{id}",
        "rawPath": "/orders/7",
        "rawQueryString": f"token=hunter2-query&{query}",
        "cookies": ["session=hunter2-cookie"],
        "headers": {"authorization": "Bearer hunter2-token", "x-api-key": "hunter2-api-key"},
        "queryStringParameters": {"token": "hunter2-query"},
        "requestContext": {
            "http": {"method": "POST", "path": "/orders/7", "sourceIp": "127.0.0.1"},
            "authorizer": {"jwt": {"claims": {"sub": "hunter2-subject"}}},
        },
        "body": "hunter2-body",
    }


@pytest.mark.skipif(sys.platform != "linux", reason="AWS Lambda's environments are Linux")
@pytest.mark.parametrize("endpoint", ["spans", "log"])
@pytest.mark.parametrize("redact", ["", "hosts,paths"])
def test_nothing_secret_leaves_a_function(
    endpoint: str, redact: str, lambda_environment: LambdaEnvironment
) -> None:
    """To an endpoint, and without one into the function's log."""
    environment = {**SECRETS, "CONNTRACE_REDACT": redact}
    if endpoint == "log":
        environment["OTEL_EXPORTER_OTLP_ENDPOINT"] = ""
    with LoopbackServer() as server:
        environment["SHOP_URL"] = server.url()
        function = lambda_environment(
            "lambda_secrets.handler",
            task_root=PROGRAMS,
            layer=built_layer() / "layer.zip",
            environment=environment,
            timeout_s=20,
        )
        answers = [function.invoke(event(query)) for query in ("well", "fail")]
        function.shutdown()
        carried = str([(each.target, each.headers, each.body) for each in server.requests])
    assert carried.count(MARK) >= 10, "the function did send its secrets"
    assert [answer.error for answer in answers] == ["", "ValueError"]
    assert all(MARK in json.dumps(answer.json()) for answer in answers)

    ours = [line for line in function.log.splitlines() if "conntrace" in line]
    assert MARK not in "\n".join(ours)
    if endpoint == "spans":
        sent = lambda_environment.receiver.path.read_text()
        assert len(lambda_environment.spans.invocations) == 2
        assert MARK not in sent
    else:
        told = [json.loads(line) for line in ours if line.startswith("{")]
        assert {line["type"] for line in told} == {"conntrace.findings"}
