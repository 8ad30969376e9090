"""Back ends that answer nonsense, slowly or not at all: spans are counted, nobody waits or hears
what he should not.
"""

from __future__ import annotations

import json
import os
import time
from collections.abc import Iterator, Sequence

import pytest
from tests.servers.garbage import ACCEPTED, ANSWERS, GarbageServer
from tests.unit.exporters.collector import Collector, Reply, collector
from tests.unit.exporters.spans import make_span

from conntrace.analyzer.exporters import background, otlp_http
from conntrace.analyzer.exporters.background import BackgroundExporter
from conntrace.analyzer.exporters.choose import otlp_exporter
from conntrace.analyzer.span import Span
from conntrace.config import Settings
from conntrace.errors import ConntraceError

SECRET = "hunter2"


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(otlp_http, "FIRST_PAUSE_S", 0.01)
    monkeypatch.setattr(background, "LINGER_S", 0.01)
    for name in list(os.environ):
        if name.lower().endswith("_proxy"):
            monkeypatch.delenv(name)


@pytest.fixture
def server() -> Iterator[Collector]:
    with collector() as running:
        yield running


def sent_to(url: str, spans: int = 2, **environment: str) -> BackgroundExporter:
    """An exporter that has had its time with this endpoint."""
    exporter = otlp_exporter(Settings({"OTEL_EXPORTER_OTLP_ENDPOINT": url, **environment}))
    exporter.export([make_span()] * spans)
    exporter.close(5)
    return exporter


@pytest.mark.parametrize("name", ANSWERS)
def test_garbage_costs_spans_at_most(name: str) -> None:
    with GarbageServer(ANSWERS[name]) as server:
        exporter = sent_to(server.url)
    assert server.requests >= 1
    assert exporter.dropped == (0 if name in ACCEPTED else 2)
    assert bool(exporter.problem) is (name not in ACCEPTED)
    assert exporter.problem.isprintable()
    assert len(exporter.problem) <= 200


def test_an_answer_that_drips_is_given_up_in_time() -> None:
    with GarbageServer(b"HTTP/1.1 200 OK\r\n", drip_s=0.2) as server:
        exporter = otlp_exporter(Settings({"OTEL_EXPORTER_OTLP_ENDPOINT": server.url}))
        exporter.export([make_span()])
        began = time.monotonic()
        exporter.close(0.5)
        assert time.monotonic() - began < 3
        assert (exporter.dropped, exporter.problem) == (1, "not delivered in time")


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_a_redirect_is_not_followed(server: Collector, status: int) -> None:
    """Spans and the key to the back end go where the user said, and nowhere else."""
    with collector() as elsewhere:
        server.replies = [Reply(status, {"Location": f"{elsewhere.url}/v1/traces"})]
        exporter = sent_to(server.url, OTEL_EXPORTER_OTLP_HEADERS=f"api-key={SECRET}")
        assert elsewhere.received == []
    assert (exporter.dropped, exporter.problem) == (2, f"it answered {status}")


@pytest.mark.parametrize(
    ("rejected", "dropped"),
    [
        ('"1"', 1),
        ("1", 1),
        ("99999999999", 2),
        ("-5", 0),
        ('"many"', 0),
        ("1e400", 0),
        ("{}", 0),
        ("[" * 20_000, 0),
    ],
)
def test_a_partial_success_is_believed_within_reason(
    server: Collector, rejected: str, dropped: int
) -> None:
    server.replies = [Reply(body=b'{"partialSuccess":{"rejectedSpans":%s}}' % rejected.encode())]
    exporter = sent_to(server.url)
    assert exporter.dropped == dropped
    assert exporter.problem == ("spans rejected" if dropped else "")


def test_the_words_of_a_back_end_are_one_plain_line(server: Collector) -> None:
    words = "\x1b[2Jtoo old\nconntrace: all is well\x07"
    partial = {"partialSuccess": {"rejectedSpans": "1", "errorMessage": words}}
    server.replies = [Reply(body=json.dumps(partial).encode())]
    assert sent_to(server.url).problem == "[2Jtoo old conntrace: all is well"


@pytest.mark.parametrize(
    ("slug", "environment"),
    [
        ("otlp-endpoint", {"OTEL_EXPORTER_OTLP_ENDPOINT": f"http://127.0.0.1:9/a b?{SECRET}"}),
        ("otlp-endpoint", {"OTEL_EXPORTER_OTLP_ENDPOINT": f"http://127.0.0.1:9/ü?{SECRET}"}),
        ("otlp-endpoint", {"OTEL_EXPORTER_OTLP_ENDPOINT": f"http://me:{SECRET}/x@127.0.0.1:9"}),
        ("otlp-proxy", {"HTTP_PROXY": f"http://me:{SECRET}/x@127.0.0.1:9"}),
        ("otlp-proxy", {"HTTP_PROXY": f"me:{SECRET}#x@127.0.0.1:9"}),
        ("otlp-proxy", {"HTTP_PROXY": f"socks5://me:{SECRET}@127.0.0.1:9"}),
    ],
)
def test_an_address_that_cannot_be_used_is_named_and_not_quoted(
    slug: str, environment: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    settings = {"OTEL_EXPORTER_OTLP_ENDPOINT": "http://backend.test:4318", **environment}
    with pytest.raises(ConntraceError) as raised:
        otlp_exporter(Settings(settings))
    assert raised.value.slug == slug
    assert SECRET not in str(raised.value)


def test_a_header_that_http_cannot_carry_is_not_quoted(server: Collector) -> None:
    exporter = sent_to(server.url, OTEL_EXPORTER_OTLP_HEADERS=f"api-key={SECRET}%E2%82%AC")
    assert exporter.dropped == 2
    assert exporter.problem == "UnicodeEncodeError"


class Faulty(BackgroundExporter):
    """Raises for the first batch, and hangs from the second one on."""

    def deliver(self, batch: Sequence[Span], deadline: float) -> int:
        if batch[0].name == "first":
            raise ValueError(f"cannot use {SECRET}")
        time.sleep(3)
        return 0

    def let_go(self) -> None:
        """Nothing is open."""


def test_an_exporter_that_raises_and_then_hangs_costs_no_time(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(background, "MAX_WAITING", 10)
    exporter = Faulty(timeout_s=10)
    exporter.export([make_span("first")])
    deadline = time.monotonic() + 5
    while not exporter.dropped and time.monotonic() < deadline:
        time.sleep(0.005)
    assert (exporter.dropped, exporter.problem) == (1, "ValueError")

    began = time.monotonic()
    exporter.export([make_span("second")])
    for _ in range(100):
        exporter.export([make_span("more")])
    exporter.close(0.2)
    assert time.monotonic() - began < 2
    assert exporter.dropped == 102
