"""A day of invocations, compressed: nothing grows, nothing is lost, the causes stay right.

`make long-run` asks for more than the short run of every test session.
"""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from conntrace.simulator import LocalLambda
from conntrace.simulator.receiver import SpanReceiver
from conntrace.testing import read_spans
from tests.lambda_platform.conftest import FUNCTIONS
from tests.servers.loopback import Behaviour, LoopbackServer

INVOCATIONS = int(os.environ.get("LONG_RUN_INVOCATIONS", "400"))
# Every so many invocations the environment is frozen for longer than the server waits.
FREEZE_EVERY = 80
IDLE_LIMIT_S = 0.4
MAX_GROWTH_KB = 6 * 1024


@pytest.mark.timeout(max(120, INVOCATIONS // 5))
def test_a_day_of_invocations(layer: Path, tmp_path: Path) -> None:
    receiver = SpanReceiver(tmp_path / "spans.jsonl")
    behaviour = Behaviour(idle_limit_s=IDLE_LIMIT_S, max_connections=100_000)
    resident: list[dict[str, int]] = []
    with LoopbackServer(behaviour) as server:
        environment = {
            "AWS_LAMBDA_EXEC_WRAPPER": "/opt/conntrace",
            "OTEL_EXPORTER_OTLP_ENDPOINT": receiver.endpoint,
            "SHOP_URL": server.url(path="/"),
        }
        function = LocalLambda("steady.handler", FUNCTIONS, layer, environment, timeout_s=20)
        with function:
            for number in range(INVOCATIONS):
                frozen = number % FREEZE_EVERY == FREEZE_EVERY - 1
                answer = function.invoke({}, gap_s=2 * IDLE_LIMIT_S if frozen else 0)
                told = json.loads(answer.payload)
                assert told["answer"] == "ok"
                if number in (INVOCATIONS // 4, INVOCATIONS - 1):
                    resident.append(told["resident_kb"])
    receiver.close()

    after_warm_up, at_the_end = resident
    assert set(after_warm_up) == {"function", "extension"}
    for process, before in after_warm_up.items():
        assert at_the_end[process] - before < MAX_GROWTH_KB, process

    spans = read_spans(tmp_path / "spans.jsonl")
    freezes = INVOCATIONS // FREEZE_EVERY
    assert len(spans.invocations) == INVOCATIONS
    assert len(spans.requests) == INVOCATIONS
    assert len(spans.setups) == server.accepts == 1 + freezes
    assert spans.causes == ["first_use_of_destination", *["server_closed_idle"] * freezes]
