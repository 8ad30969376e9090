"""Findings in the function's log: one line for each invocation that has any."""

from __future__ import annotations

import json
from typing import Any

import pytest
from tests.unit.analyzer.lambda_streams import LambdaStream
from tests.unit.exporters.spans import make_span

from conntrace.analyzer.exporters.log_line import MAX_HELD_SPANS, MAX_LINE_BYTES, LogLineExporter
from conntrace.analyzer.pipeline import PLATFORM, Pipeline
from conntrace.events import CallStart, encode

HOST = "dynamodb.eu-west-1.amazonaws.com"


def lines_of(stream: LambdaStream, *, lost: bool = False) -> list[dict[str, Any]]:
    """What would stand in the log."""
    written: list[bytes] = []
    exporter = LogLineExporter(written.append)
    pipeline = Pipeline([exporter])
    for process, event in stream.order:
        if process == PLATFORM:
            pipeline.platform(event)
        else:
            pipeline.feed(process, [encode(event)])
    pipeline.finish()
    exporter.close(1)
    assert all(line.endswith(b"}\n") and line.count(b"\n") == 1 for line in written)
    return [json.loads(line) for line in written]


def spans_in(line: dict[str, Any]) -> list[str]:
    """Names of the spans in a line."""
    return [
        span["name"]
        for resource in line["resourceSpans"]
        for scope in resource["scopeSpans"]
        for span in scope["spans"]
    ]


def warm() -> tuple[LambdaStream, int]:
    stream = LambdaStream()
    pool = stream.pool(stream.manager("boto3 dynamodb", "app.py:3"), HOST)
    stream.request(pool)
    return stream, pool


def test_only_an_invocation_with_a_finding_has_a_line() -> None:
    stream, pool = warm()
    with stream.invocation("r-1", cold=True):
        stream.request(pool)
    with stream.invocation("r-2"):
        stream.sleep(3)
        stream.request(pool, stream.server_closed(pool, 2.0))
    with stream.invocation("r-3"):
        stream.request(pool)
    (line,) = lines_of(stream)
    assert (line["type"], line["schema"], line["requestId"]) == ("conntrace.findings", 1, "r-2")
    (finding,) = line["findings"]
    assert finding["cause"] == "server_closed_idle"
    assert finding["destination"] == f"{HOST}:443"
    assert "after 2.0 s" in finding["detail"]
    assert finding["advice"].startswith("Send the next request within 2.0 s")
    assert 10 < finding["cost_ms"] < 30
    assert "orders" in spans_in(line)
    assert f"DNS lookup {HOST}" in spans_in(line)
    assert "spansLeftOut" not in line


def test_the_first_invocation_brings_the_initialisation_along() -> None:
    stream, _ = warm()
    with stream.invocation("r-1", cold=True):
        stream.request(stream.pool(stream.manager("boto3 s3", "app.py:9"), "s3.example"))
    (line,) = lines_of(stream)
    assert [finding["destination"] for finding in line["findings"]] == ["s3.example:443"]
    assert "orders init" in spans_in(line)
    assert spans_in(line)[-1] == "orders"


@pytest.mark.parametrize("reason", ["timeout", "Timeout", "failure"])
def test_what_was_not_finished_is_told(reason: str) -> None:
    """A silent server: nothing was set up, and yet there is something to tell."""
    stream, pool = warm()
    stream.invoke("r-1")
    stream.start_invocation("r-1", cold=True)
    stream.checkout(stream.start(pool), pool)
    stream.sleep(3)
    stream.shutdown(reason)
    (line,) = lines_of(stream)
    (finding,) = line["findings"]
    error = "Runtime.ExitError" if reason == "failure" else "timeout"
    assert (line["requestId"], finding["cause"]) == ("r-1", error)
    assert "waiting for the response" in finding["detail"]
    assert finding["destination"] == f"{HOST}:443"


@pytest.mark.parametrize("asked", [True, False])
def test_an_sdk_call_that_hangs_is_told_once(asked: bool) -> None:
    """By its request, or, when it has none at the time, by itself."""
    stream, pool = warm()
    stream.invoke("r-1")
    stream.start_invocation("r-1", cold=True)
    stream.send(CallStart(call=77, service="DynamoDB", operation="PutItem"))
    if asked:
        stream.checkout(stream.start(pool, call=77), pool)
    stream.sleep(3)
    stream.shutdown("timeout")
    (line,) = lines_of(stream)
    (finding,) = line["findings"]
    assert finding["destination"] == (f"{HOST}:443" if asked else "")


def test_a_handler_that_hangs_by_itself_is_told() -> None:
    stream, _ = warm()
    stream.invoke("r-1")
    stream.start_invocation("r-1")
    stream.sleep(3)
    stream.shutdown("timeout")
    (line,) = lines_of(stream)
    (finding,) = line["findings"]
    assert finding["detail"] == "orders was not finished: in the function's own code"


def test_a_hang_after_a_connection_was_made_is_told_beside_it() -> None:
    """What hangs may be what no span shows, such as the answer that `urllib.request` waits for."""
    stream = LambdaStream()
    pool = stream.pool(stream.manager(), HOST)
    stream.invoke("r-1")
    stream.start_invocation("r-1")
    stream.request(pool)
    stream.sleep(3)
    stream.shutdown("timeout")
    (line,) = lines_of(stream)
    assert [found["cause"] for found in line["findings"]] == ["timeout", "first_use_of_destination"]


def test_beside_another_tool_the_line_comes_at_a_flush() -> None:
    """There is no span of ours that would end the invocation."""
    written: list[bytes] = []
    exporter = LogLineExporter(written.append)
    setup = make_span(
        "HTTP connection_setup a.example:443",
        "2" * 16,
        parent="9" * 16,
        foreign=True,
        conntrace__cause__name="first_use_of_destination",
    )
    exporter.export([setup])
    assert written == []
    exporter.flush("r-7")
    assert json.loads(written[0])["requestId"] == "r-7"
    exporter.close(1)
    assert len(written) == 1


def test_a_line_never_grows_too_long_for_the_log() -> None:
    """Thousands of spans: those that tell a cause stay, the rest is counted."""
    stream, pool = warm()
    with stream.invocation("r-1"):
        for _ in range(900):
            stream.request(pool)
        stream.sleep(3)
        stream.request(pool, stream.server_closed(pool, 2.0))
    (line,) = lines_of(stream)
    kept = spans_in(line)
    assert len(json.dumps(line)) < MAX_LINE_BYTES
    assert f"HTTP connection_setup {HOST}:443" in kept
    assert kept[-1] == "orders"
    assert line["spansLeftOut"] >= 900


def test_even_too_many_findings_have_a_bound() -> None:
    stream, _ = warm()
    with stream.invocation("r-1"):
        for index in range(400):
            stream.request(stream.pool(stream.manager(), f"host-{index}.example"))
    (line,) = lines_of(stream)
    assert len(json.dumps(line)) < MAX_LINE_BYTES
    assert (len(line["findings"]), line["findingsLeftOut"]) == (50, 350)
    assert spans_in(line)[-1] == "orders"


def test_what_waits_is_bounded_and_counted() -> None:
    exporter = LogLineExporter(lambda line: None)
    for index in range(MAX_HELD_SPANS + 10):
        exporter.export(
            [make_span("GET", f"{index:016x}", parent="1" * 16, trace=f"{index % 3:032x}")]
        )
    assert exporter.dropped > 0
    assert exporter._held_spans <= MAX_HELD_SPANS


def test_a_log_that_cannot_be_written_costs_only_the_line() -> None:
    def broken(line: bytes) -> None:
        raise OSError("no")

    exporter = LogLineExporter(broken)
    exporter.export([make_span("orders", "1" * 16, conntrace__unfinished_phase="handler")])
    exporter.close(1)
    assert exporter.dropped == 1


def test_it_prints_whole_lines(capfd: pytest.CaptureFixture[str]) -> None:
    exporter = LogLineExporter()
    exporter.export([make_span("orders", "1" * 16, conntrace__unfinished_phase="handler")])
    exporter.close(1)
    assert json.loads(capfd.readouterr().out)["type"] == "conntrace.findings"
