"""Under `opentelemetry-instrument`, beside its urllib3, requests and botocore instrumentations."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from conntrace import semantic_names as names
from conntrace.testing import run_program
from tests.integration.conftest import Serve
from tests.integration.running import FIRST, PROGRAMS, Runner

BIN = Path(sys.executable).parent
CONSOLE = {
    "OTEL_TRACES_EXPORTER": "console",
    "OTEL_METRICS_EXPORTER": "none",
    "OTEL_LOGS_EXPORTER": "none",
}

Span = dict[str, Any]


@pytest.fixture
def agent() -> str:
    """The `opentelemetry-instrument` command of this environment."""
    found = shutil.which("opentelemetry-instrument", path=str(BIN))
    if found is None:
        pytest.skip("opentelemetry-instrument is not in this environment")
    return found


def traced(agent: str, run: Runner, *words: str) -> list[Span]:
    """The spans that a program's own OpenTelemetry set-up exports, in order of their start."""
    program, *rest = words
    ended = subprocess.run(
        [agent, sys.executable, str(PROGRAMS / f"{program}.py"), *rest],
        env={**os.environ, **run.env, **CONSOLE},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert ended.returncode == 0, ended.stderr
    decoder, text, spans = json.JSONDecoder(), ended.stdout.strip(), []
    while text:
        span, end = decoder.raw_decode(text)
        spans.append(span)
        text = text[end:].lstrip()
    return sorted(spans, key=lambda span: str(span["start_time"]))


def is_request(span: Span) -> bool:
    """A span that stands for one HTTP request, whoever made it."""
    attributes = span["attributes"]
    return names.HTTP_REQUEST_METHOD in attributes or "http.method" in attributes


def setups_in(spans: list[Span]) -> list[Span]:
    """Our set-up spans."""
    return [span for span in spans if span["name"].startswith(names.CONNECTION_SETUP)]


@pytest.mark.parametrize("client", ["with_urllib3", "with_requests"])
def test_their_request_span(agent: str, run: Runner, serve: Serve, client: str) -> None:
    """No request span is doubled; ours hang below theirs, which carry the connection's facts."""
    server = serve(tls="1.3")
    spans = traced(agent, run, client, "reuse", server.url("a.test"), "2")
    requests = [span for span in spans if is_request(span)]
    assert len(requests) == len(server.requests) == 2
    (setup,) = setups_in(spans)
    assert setup["attributes"][names.CAUSE_NAME] == FIRST
    assert setup["parent_id"] == requests[0]["context"]["span_id"]
    reused = [span["attributes"][names.CONNECTION_REUSED] for span in requests]
    assert reused == [False, True]
    assert requests[0]["attributes"][names.CAUSE_NAME] == FIRST
    below = [span for span in spans if span["parent_id"] == setup["context"]["span_id"]]
    assert len(below) == 4
    assert {span["context"]["trace_id"] for span in below} == {setup["context"]["trace_id"]}


def test_their_sdk_span(agent: str, run: Runner, serve: Serve) -> None:
    """boto3: the SDK call's span is theirs and stands once; everything of ours is below it."""
    server = serve(tls="1.3")
    spans = traced(agent, run, "with_boto3", "reuse", server.url("a.test"), "2")
    calls = [span for span in spans if span["attributes"].get("rpc.method") == "PutItem"]
    assert len(calls) == len(server.requests) == 2
    (setup,) = setups_in(spans)
    by_id = {span["context"]["span_id"]: span for span in spans}
    above = by_id[setup["parent_id"]]
    while above["parent_id"] in by_id:
        above = by_id[above["parent_id"]]
    assert above == calls[0]
    at_the_end = [span for span in spans if span["name"].startswith(names.CONNECTION_CLOSE)]
    traces = {span["context"]["trace_id"] for span in spans if span not in at_the_end}
    assert traces == {call["context"]["trace_id"] for call in calls}


def test_below_conntrace_run(agent: str, run: Runner, serve: Serve) -> None:
    """Two ways in at once: `conntrace run` wins, once; its spans name their parents' ids."""
    server = serve()
    words = [agent, sys.executable, str(PROGRAMS / "with_requests.py"), "reuse"]
    both = run_program([*words, server.url("a.test")], env={**run.env, **CONSOLE})
    assert both.exit_code == 0, both.stderr
    (setup,) = both.spans.setups
    assert setup.parent_span_id
    assert both.spans.parent(setup) is None, "the parent is a span of theirs, not in our file"
    assert f"0x{setup.parent_span_id}" in both.stdout
    assert setups_named_in(both.stdout) == 0
    told = re.findall(rf'"{names.CONNECTION_ID}": "(.*)"', both.stdout)
    reused = re.findall(rf'"{names.CONNECTION_REUSED}": (\w+)', both.stdout)
    assert reused == ["false", "true"]
    assert told == [setup.attributes[names.CONNECTION_ID]] * 2, "the one that made it has it too"


def setups_named_in(text: str) -> int:
    """How often their exporter wrote a set-up span of ours."""
    return text.count(f'"name": "{names.CONNECTION_SETUP}')
