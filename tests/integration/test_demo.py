"""`make demo`, the main job: what it proves, and what Jaeger gets of it."""

from __future__ import annotations

import os
import subprocess
import sys
from collections import Counter
from pathlib import Path

import botocore
import pytest

from conntrace import semantic_names as names
from conntrace.testing import Spans, read_spans
from tests.components.jaeger_server import Jaeger
from tests.integration.running import FIRST, cause
from tests.integration.sound import assert_sound

CHECKOUT = Path(__file__).parents[2]
SERVICE = "conntrace-demo"


def run_program(*words: str | Path, env: dict[str, str]) -> str:
    """What a program of this checkout prints; it must succeed."""
    ended = subprocess.run(
        [sys.executable, *words],
        cwd=CHECKOUT,
        env={**os.environ, **env},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=180,
        check=False,
    )
    assert ended.returncode == 0, ended.stdout
    return ended.stdout


def run_demo(folder: Path, env: dict[str, str]) -> tuple[str, Spans]:
    """What the demo shows, and the spans it leaves."""
    run_program("-m", "lambda_extension.build", "--to", folder, env={})
    spans = folder / "spans.jsonl"
    options = ["--layer", folder / "conntrace-layer.zip", "--spans", spans]
    shown = run_program(CHECKOUT / "examples" / "demo.py", *options, env=env)
    return shown, read_spans(spans)


@pytest.mark.component
@pytest.mark.timeout(400)
def test_demo(jaeger: Jaeger, tmp_path: Path) -> None:
    """The setting had no effect, the server closed, the client made anew was avoidable."""
    if tuple(map(int, botocore.__version__.split(".")[:2])) < (1, 31):
        pytest.skip("botocore before 1.31 knows no AWS_ENDPOINT_URL")
    shown, spans = run_demo(tmp_path, {"OTEL_EXPORTER_OTLP_ENDPOINT": jaeger.otlp_http_endpoint})
    assert_sound(spans, in_lambda=True)
    assert Counter(spans.causes) == {FIRST: 3, "server_closed_idle": 4, "client_recreated": 2}
    assert_invocations(spans)
    assert_keepalive_had_no_effect(spans)
    assert all(
        setup.attributes[names.CAUSE_AVOIDABLE]
        for setup in spans.setups
        if cause(setup) == "client_recreated"
    )
    text = " ".join(shown.split())
    assert "connection reused" in text
    assert "DNS lookup" in text
    assert "The server closes idle connections" in text
    assert "it had no effect here" in text
    assert "2 of 2 with it, 2 of 2 without it" in text
    assert "A new client is built where an old one was" in text
    assert "Traceback" not in shown
    assert_in_jaeger(spans, jaeger)


def assert_invocations(spans: Spans) -> None:
    """Each has its span, and every set-up stands in the trace of one."""
    invocations = [span for span in spans if span.kind == names.SERVER]
    assert Counter(span.name for span in invocations) == {
        "orders": 4,
        "orders-keepalive": 4,
        "orders-new-client": 3,
    }
    assert [span.name for span in spans if span.error] == []
    traces = {span.trace_id for span in invocations}
    assert {setup.trace_id for setup in spans.setups} <= traces


def assert_keepalive_had_no_effect(spans: Spans) -> None:
    """The same losses with SO_KEEPALIVE and without; where nothing was frozen, after 2 s."""
    closed = [setup for setup in spans.setups if cause(setup) == "server_closed_idle"]
    assert [setup.attributes[names.SOCKET_KEEPALIVE] for setup in closed] == [
        False,
        False,
        True,
        True,
    ]
    for setup in closed[1::2]:
        # A busy machine makes the demo's server late, never early.
        assert 1.9 < float(str(setup.attributes[names.CLOSE_SERVER_IDLE_LIMIT_S])) < 3.0


def assert_in_jaeger(spans: Spans, jaeger: Jaeger) -> None:
    """All spans arrived, each below the same parent as in the file."""
    found = jaeger.otlp_spans(SERVICE, spans=len(spans))
    parents = {(one["traceId"], one["spanId"]): one.get("parentSpanId", "") for one in found}
    assert parents == {(span.trace_id, span.span_id): span.parent_span_id for span in spans}
