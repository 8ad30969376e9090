"""The small OTLP endpoint for reports and tests."""

from __future__ import annotations

import gzip
import http.client
import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from conntrace.simulator.receiver import SpanReceiver

DOCUMENT = {"resourceSpans": [{"resource": {}, "scopeSpans": []}]}


@pytest.fixture
def receiver(tmp_path: Path) -> Iterator[SpanReceiver]:
    """One endpoint."""
    running = SpanReceiver(tmp_path / "spans.jsonl")
    yield running
    running.close()


def post(receiver: SpanReceiver, body: bytes, path: str = "/v1/traces", **headers: str) -> int:
    """The status of one request."""
    connection = http.client.HTTPConnection(receiver.endpoint.removeprefix("http://"), timeout=10)
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    connection.request("POST", path, body, {"Content-Type": "application/json", **named})
    answer = connection.getresponse()
    answer.read()
    connection.close()
    return answer.status


def test_json_becomes_lines(receiver: SpanReceiver) -> None:
    """One line a request, compressed or not, pretty or not."""
    body = json.dumps(DOCUMENT, indent=1).encode()
    assert post(receiver, body) == 200
    assert post(receiver, gzip.compress(body), Content_Encoding="gzip") == 200
    assert receiver.wait(2)
    assert [json.loads(line) for line in receiver.path.read_text().splitlines()] == [DOCUMENT] * 2


@pytest.mark.parametrize(
    ("status", "body", "path", "headers"),
    [
        (404, b"{}", "/v1/metrics", {}),
        (415, b"{}", "/v1/traces", {"Content_Type": "application/x-protobuf"}),
        (400, b"{", "/v1/traces", {}),
        (400, b"no gzip", "/v1/traces", {"Content_Encoding": "gzip"}),
    ],
)
def test_what_it_refuses(
    receiver: SpanReceiver, status: int, body: bytes, path: str, headers: dict[str, str]
) -> None:
    """As a collector does, so that an exporter's fallbacks can be seen."""
    assert post(receiver, body, path, **headers) == status
    assert not receiver.wait(1, seconds=0)
    assert receiver.path.read_bytes() == b""
