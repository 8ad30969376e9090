"""What only the local Lambda can show: paused networks, restores, workers, DynamoDB Local."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import boto3
import pytest

from conntrace import semantic_names as names
from conntrace.simulator import LocalLambda
from tests.components.dynamodb_server import DynamoDBLocal
from tests.components.require import require_component
from tests.integration.running import cause
from tests.integration.sound import assert_sound
from tests.lambda_platform.conftest import FUNCTIONS, Aws, Serve, Traces
from tests.lambda_platform.reading import invocations, setups_of

Run = Callable[..., LocalLambda]


@pytest.fixture
def run(layer: Path, traces: Traces) -> Iterator[Callable[..., LocalLambda]]:
    """`run("shop.put", {...}, **options)` is a function with the layer and an endpoint."""
    with ExitStack() as stack:

        def start(handler: str, variables: Mapping[str, str], **options: Any) -> LocalLambda:
            environment = {
                "PYTHONDONTWRITEBYTECODE": "1",
                "AWS_LAMBDA_EXEC_WRAPPER": "/opt/conntrace",
                "OTEL_EXPORTER_OTLP_ENDPOINT": traces.receiver.endpoint,
                **variables,
            }
            options.setdefault("timeout_s", 20)
            made = LocalLambda(handler, FUNCTIONS, layer, environment, **options)
            return stack.enter_context(made)

        yield start


def test_a_connection_lost_while_frozen(run: Run, serve: Serve, aws: Aws, traces: Traces) -> None:
    """A paused machine acknowledges no FIN: the connection looks alive, and is not.

    The function's own retry hides it; the span tells.
    """
    require_component("nftables")
    if os.geteuid() != 0:
        pytest.skip("only root can filter packets")
    server = serve(idle_limit_s=0.7)
    function = run("shop.put", aws(server.port), pause_network=True)
    function.invoke({"id": 1})
    assert function.invoke({"id": 2}, gap_s=3.0).json()["stored"] == 2
    function.shutdown()
    assert_sound(traces.spans, in_lambda=True)
    [again] = setups_of(traces.spans, invocations(traces.spans)[1])
    assert cause(again) == "thaw_after_freeze"
    assert again.attributes[names.CONNECTION_FROZEN_S] == pytest.approx(3.0, abs=1.0)


def test_started_without_the_wrapper(run: Run, serve: Serve, aws: Aws, traces: Traces) -> None:
    """By the layer's .pth file, when the runtime client has been imported already."""
    server = serve()
    wrapper = {"AWS_LAMBDA_EXEC_WRAPPER": "", "CONNTRACE_ENABLED": "true"}
    function = run("shop.put", {**aws(server.port), **wrapper})
    assert [function.invoke({"id": number}).json()["stored"] for number in (1, 2)] == [1, 2]
    function.shutdown()
    spans = traces.spans
    assert_sound(spans, in_lambda=True)
    cold, warm = invocations(spans)
    assert [cause(each) for each in setups_of(spans, cold)] == ["first_use_of_destination"]
    assert warm.attributes[names.LEDGER_REUSED] == 1


def test_a_restored_snapshot(run: Run, serve: Serve, aws: Aws, traces: Traces) -> None:
    """A connection made before the snapshot does not survive it."""
    server = serve(idle_limit_s=0.7)
    function = run(
        "shop.put", {**aws(server.port), "PUT_EARLY": "1"}, initialization_type="snap-start"
    )
    assert function.invoke({"id": 1}, gap_s=1.6).json()["stored"] == 1
    function.invoke({"id": 2})
    function.shutdown()
    first, second = invocations(traces.spans)
    assert [cause(each) for each in setups_of(traces.spans, first)] == ["sandbox_restored"]
    assert setups_of(traces.spans, second) == []


def test_managed_instances(run: Run, serve: Serve, aws: Aws, traces: Traces) -> None:
    """Workers at the same time, each with spans of its own, and none is lost."""
    server = serve()
    function = run(
        "shop.put",
        aws(server.port),
        initialization_type="lambda-managed-instances",
        max_concurrency=2,
    )
    threads = [threading.Thread(target=function.invoke, args=({"id": n},)) for n in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    function.shutdown()
    spans = traces.spans
    assert_sound(spans, in_lambda=True)
    assert len(invocations(spans)) == 6
    assert len(spans.requests) == 6
    assert len(spans.setups) == server.accepts


def test_provisioned_concurrency(run: Run, serve: Serve, aws: Aws, traces: Traces) -> None:
    """INIT came long before: a span of its own, which does not reach up to the invocation."""
    server = serve()
    function = run(
        "shop.put",
        aws(server.port),
        initialization_type="provisioned-concurrency",
    )
    function.invoke({"id": 1}, gap_s=1.0)
    function.shutdown()
    [span] = invocations(traces.spans)
    [init] = traces.spans.named("local-function init")
    assert init.end_ns < span.start_ns
    assert span.start_ns - init.end_ns > 0.8e9


def test_dynamodb_local(run: Run, dynamodb_local: DynamoDBLocal, traces: Traces) -> None:
    """The real program answers: one connection for all invocations of one environment."""
    table = {
        "TableName": "orders",
        "KeySchema": [{"AttributeName": "pk", "KeyType": "HASH"}],
        "AttributeDefinitions": [{"AttributeName": "pk", "AttributeType": "S"}],
        "BillingMode": "PAY_PER_REQUEST",
    }
    boto3.client("dynamodb", **dynamodb_local.client_options()).create_table(**table)
    before = dynamodb_local.accepted_connections()
    variables = {**dynamodb_local.environment(), "AWS_REGION": "eu-central-1"}
    function = run("shop.put", variables, region="eu-central-1")
    for number in range(3):
        assert function.invoke({"id": number}, gap_s=0.1).json()["stored"] == number
    function.shutdown()
    spans = traces.spans
    assert_sound(spans, in_lambda=True)
    assert dynamodb_local.accepted_connections() - before == 1 == len(spans.setups)
    assert [cause(each) for each in spans.setups] == ["first_use_of_destination"]
    totals = [span.attributes[names.LEDGER_REUSED] for span in invocations(spans)]
    assert totals == [0, 1, 1]
