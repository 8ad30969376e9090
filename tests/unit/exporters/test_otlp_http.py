"""OTLP over HTTP with JSON, against a real server on the loopback."""

from __future__ import annotations

import gzip
import socket
import ssl
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import trustme
from tests.unit.exporters.collector import Collector, Reply, collector
from tests.unit.exporters.spans import make_span

from conntrace.analyzer.exporters import background, http_post, otlp_http
from conntrace.analyzer.exporters.choose import otlp_exporter
from conntrace.analyzer.exporters.otlp_http import OtlpHttpExporter
from conntrace.config import Settings
from conntrace.errors import ConntraceError

PROXIES = ("http_proxy", "https_proxy", "all_proxy", "no_proxy")


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(otlp_http, "FIRST_PAUSE_S", 0.01)
    monkeypatch.setattr(background, "LINGER_S", 0.01)
    for name in PROXIES:
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)


@pytest.fixture
def server() -> Iterator[Collector]:
    with collector() as running:
        yield running


def exporter_for(url: str, **environment: str) -> OtlpHttpExporter:
    exporter = otlp_exporter(Settings({"OTEL_EXPORTER_OTLP_ENDPOINT": url, **environment}))
    assert isinstance(exporter, OtlpHttpExporter)
    return exporter


def unused_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def wait_for_drops(exporter: OtlpHttpExporter) -> None:
    deadline = time.monotonic() + 5
    while not exporter.dropped and time.monotonic() < deadline:
        time.sleep(0.005)


def test_spans_arrive_with_headers_and_path(server: Collector) -> None:
    exporter = exporter_for(server.url, OTEL_EXPORTER_OTLP_HEADERS="x-key=a%20secret,x-team=b")
    exporter.export([make_span("one"), make_span("two")])
    exporter.close(5)
    assert server.names == ["one", "two"]
    (request,) = server.received
    assert (request.method, request.target) == ("POST", "/v1/traces")
    assert request.headers["content-type"] == "application/json"
    assert request.headers["x-key"] == "a secret"
    assert request.headers["x-team"] == "b"
    assert request.headers["user-agent"].startswith("conntrace/")
    assert exporter.dropped == 0
    assert exporter.problem == ""


@pytest.mark.parametrize(
    ("headers", "sent"), [("", "Basic bWU6cCFzcw=="), ("authorization=Bearer%20x", "Bearer x")]
)
def test_the_user_in_the_endpoint_is_who_sends(server: Collector, headers: str, sent: str) -> None:
    """Unless a header says who it is."""
    url = server.url.replace("http://", "http://me:p%21ss@")
    exporter = exporter_for(url, OTEL_EXPORTER_OTLP_HEADERS=headers)
    exporter.export([make_span("one")])
    exporter.close(5)
    (request,) = server.received
    assert request.headers["authorization"] == sent


def test_headers_that_describe_the_body_are_ours(server: Collector) -> None:
    """Settings made for another exporter name its encoding, sometimes more."""
    headers = "content-type=application/x-protobuf,Content-Length=5,Transfer-Encoding=chunked,x=y"
    exporter = exporter_for(server.url, OTEL_EXPORTER_OTLP_HEADERS=headers)
    exporter.export([make_span("one")])
    exporter.close(5)
    assert server.names == ["one"]
    (request,) = server.received
    assert request.headers["content-type"] == "application/json"
    assert "transfer-encoding" not in request.headers
    assert request.headers["x"] == "y"


def test_the_endpoint_for_traces_is_used_as_it_stands(server: Collector) -> None:
    exporter = exporter_for(
        "http://127.0.0.1:9", OTEL_EXPORTER_OTLP_TRACES_ENDPOINT=f"{server.url}/own/path?x=1"
    )
    exporter.export([make_span()])
    exporter.close(5)
    assert [request.target for request in server.received] == ["/own/path?x=1"]


@pytest.mark.parametrize(
    ("compression", "spans", "compressed"),
    [("", 1, False), ("", 20, True), ("gzip", 1, True), ("none", 20, False)],
)
def test_compression(server: Collector, compression: str, spans: int, compressed: bool) -> None:
    exporter = exporter_for(server.url, OTEL_EXPORTER_OTLP_COMPRESSION=compression)
    exporter.export([make_span()] * spans)
    exporter.close(5)
    (request,) = server.received
    assert (request.headers.get("content-encoding") == "gzip") == compressed
    if compressed:
        assert gzip.decompress(request.raw).startswith(b'{"resourceSpans":')
    assert len(request.spans) == spans


def test_one_connection_serves_many_batches(server: Collector) -> None:
    exporter = exporter_for(server.url)
    for number in range(5):
        exporter.export([make_span(str(number))])
        deadline = time.monotonic() + 5
        while len(server.received) <= number and time.monotonic() < deadline:
            time.sleep(0.005)
    exporter.close(5)
    assert server.names == ["0", "1", "2", "3", "4"]
    assert server.connections == 1


@pytest.mark.parametrize("status", [429, 502, 503, 504])
def test_a_busy_endpoint_is_asked_again(server: Collector, status: int) -> None:
    server.replies = [Reply(status), Reply(status)]
    exporter = exporter_for(server.url)
    exporter.export([make_span()])
    exporter.close(5)
    assert len(server.received) == 3
    assert exporter.dropped == 0


def test_retry_after_is_obeyed(server: Collector) -> None:
    server.replies = [Reply(429, {"Retry-After": "1"})]
    exporter = exporter_for(server.url)
    began = time.monotonic()
    exporter.export([make_span()])
    deadline = began + 5
    while len(server.received) < 2 and time.monotonic() < deadline:
        time.sleep(0.005)
    assert 1 <= time.monotonic() - began < 2
    exporter.close(5)
    assert exporter.dropped == 0


def test_retry_after_is_obeyed_at_the_end_of_a_run_too(server: Collector) -> None:
    """Nobody is in such a hurry that a busy endpoint is called again and again at once."""
    server.replies = [Reply(429, {"Retry-After": "1"})]
    exporter = exporter_for(server.url)
    exporter.export([make_span()])
    began = time.monotonic()
    exporter.close(5)
    assert time.monotonic() - began >= 0.9
    assert len(server.received) == 2
    assert exporter.dropped == 0


def test_retry_after_beyond_the_timeout_gives_up_at_once(server: Collector) -> None:
    server.replies = [Reply(503, {"Retry-After": "Fri, 31 Dec 2100 23:59:59 GMT"})]
    exporter = exporter_for(server.url)
    exporter.export([make_span()])
    exporter.close(5)
    assert len(server.received) == 1
    assert exporter.dropped == 1
    assert exporter.problem == "it answered 503"


@pytest.mark.parametrize("status", [400, 401, 404, 500, 501])
def test_a_refusal_is_final(server: Collector, status: int) -> None:
    server.replies = [Reply(status)]
    exporter = exporter_for(server.url)
    exporter.export([make_span(), make_span()])
    exporter.close(5)
    assert len(server.received) == 1
    assert exporter.dropped == 2
    assert exporter.problem == f"it answered {status}"


def test_a_batch_that_is_too_large_is_halved(server: Collector) -> None:
    server.replies = [Reply(413), Reply(413)]
    exporter = exporter_for(server.url)
    exporter.export([make_span(str(number)) for number in range(4)])
    exporter.close(5)
    sizes = [len(request.spans) for request in server.received]
    assert sizes == [4, 2, 1, 1, 2]
    assert server.names[-2:] == ["2", "3"]
    assert exporter.dropped == 0


def test_one_span_that_is_too_large_is_dropped(server: Collector) -> None:
    server.replies = [Reply(413)]
    exporter = exporter_for(server.url)
    exporter.export([make_span()])
    exporter.close(5)
    assert len(server.received) == 1
    assert exporter.dropped == 1
    assert exporter.problem == "it answered 413"


def test_an_endpoint_that_reads_no_json_gets_protobuf_from_then_on(server: Collector) -> None:
    service = pytest.importorskip("opentelemetry.proto.collector.trace.v1.trace_service_pb2")
    pytest.importorskip("opentelemetry.exporter.otlp.proto.common")
    server.replies = [Reply(415)]
    exporter = exporter_for(server.url)
    exporter.export([make_span("first")])
    deadline = time.monotonic() + 5
    while len(server.received) < 2 and time.monotonic() < deadline:
        time.sleep(0.005)
    exporter.export([make_span("second")])
    exporter.close(5)
    assert exporter.dropped == 0
    types = [request.headers["content-type"] for request in server.received]
    assert types == ["application/json", "application/x-protobuf", "application/x-protobuf"]
    message = service.ExportTraceServiceRequest.FromString(server.received[1].body)
    (span,) = message.resource_spans[0].scope_spans[0].spans
    assert span.name == "first"
    assert span.span_id.hex() == make_span().span_id


def test_without_the_encoder_a_415_is_said_in_words(
    server: Collector, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "conntrace.analyzer.exporters.otlp_protobuf", None)
    server.replies = [Reply(415)]
    exporter = exporter_for(server.url)
    exporter.export([make_span()])
    exporter.close(5)
    assert len(server.received) == 1
    assert exporter.dropped == 1
    assert exporter.problem == (
        "it answered 415: it wants protobuf, and OpenTelemetry's encoder is not installed"
    )


def test_what_may_have_arrived_is_sent_once_more(server: Collector) -> None:
    server.replies = [Reply(hang_up=True)] * 5
    exporter = exporter_for(server.url)
    exporter.export([make_span()])
    wait_for_drops(exporter)
    exporter.close(5)
    assert len(server.received) == 2
    assert exporter.dropped == 1


def test_a_connection_that_rested_is_made_anew(
    server: Collector, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(http_post, "MAX_IDLE_S", 0.0)
    exporter = exporter_for(server.url)
    exporter.export([make_span("first")])
    deadline = time.monotonic() + 5
    while not server.received and time.monotonic() < deadline:
        time.sleep(0.005)
    exporter.export([make_span("second")])
    exporter.close(5)
    assert server.names == ["first", "second"]
    assert server.connections == 2


def test_partial_success_is_counted(server: Collector) -> None:
    server.replies = [
        Reply(body=b'{"partialSuccess":{"rejectedSpans":"2","errorMessage":"too old"}}'),
        Reply(body=b"not json"),
    ]
    exporter = exporter_for(server.url)
    exporter.export([make_span()] * 3)
    wait_for_drops(exporter)
    exporter.export([make_span()])
    exporter.close(5)
    assert exporter.dropped == 2
    assert exporter.problem == "too old"


def test_a_kept_connection_that_died_is_replaced(server: Collector) -> None:
    exporter = exporter_for(server.url)
    exporter.export([make_span("first")])
    deadline = time.monotonic() + 5
    while not server.received and time.monotonic() < deadline:
        time.sleep(0.005)
    server.replies = [Reply(hang_up=True)]
    exporter.export([make_span("second")])
    exporter.close(5)
    assert server.names == ["first", "second", "second"]
    assert exporter.dropped == 0


def test_a_dead_endpoint_costs_spans_and_no_time() -> None:
    exporter = exporter_for(f"http://127.0.0.1:{unused_port()}", OTEL_EXPORTER_OTLP_TIMEOUT="300")
    began = time.monotonic()
    exporter.export([make_span()] * 3)
    assert time.monotonic() - began < 0.1
    wait_for_drops(exporter)
    exporter.export([make_span()])
    began = time.monotonic()
    exporter.close(5)
    assert time.monotonic() - began < 1
    assert exporter.dropped == 4
    assert "refused" in exporter.problem


def test_an_endpoint_that_never_answers_is_given_up_in_time() -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        exporter = exporter_for(f"http://127.0.0.1:{silent.getsockname()[1]}")
        exporter.export([make_span()])
        began = time.monotonic()
        exporter.close(0.3)
        assert time.monotonic() - began < 1
        assert exporter.dropped == 1


def test_memory_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(background, "MAX_WAITING", 10)
    monkeypatch.setattr(background, "BATCH", 5)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        exporter = exporter_for(f"http://127.0.0.1:{silent.getsockname()[1]}")
        for _ in range(100):
            exporter.export([make_span()])
        # Ten wait, and up to one batch is on its way.
        assert 85 <= exporter.dropped <= 90
        exporter.close(0.1)
        assert exporter.dropped == 100


def test_https_with_the_users_certificate(tmp_path: Path) -> None:
    authority = trustme.CA()
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("127.0.0.1").configure_cert(context)
    bundle = tmp_path / "ca.pem"
    authority.cert_pem.write_to_path(bundle)
    with collector(context) as server:
        exporter = exporter_for(server.url, OTEL_EXPORTER_OTLP_CERTIFICATE=str(bundle))
        exporter.export([make_span("secret")])
        exporter.close(5)
        assert server.names == ["secret"]

        distrustful = exporter_for(server.url)
        distrustful.export([make_span("refused")])
        distrustful.close(5)
        assert distrustful.dropped == 1
        assert "CERTIFICATE_VERIFY_FAILED" in distrustful.problem
        assert server.names == ["secret"]


def test_a_certificate_that_is_not_there_is_named() -> None:
    with pytest.raises(ConntraceError) as raised:
        exporter_for("https://127.0.0.1:1", OTEL_EXPORTER_OTLP_CERTIFICATE="/nowhere.pem")
    assert raised.value.slug == "otlp-certificate"
    assert "/nowhere.pem, which OTEL_EXPORTER_OTLP_CERTIFICATE names" in str(raised.value)


@pytest.mark.parametrize("endpoint", ["localhost:4318", "http://host:0"])
def test_an_endpoint_that_is_no_url_is_named(endpoint: str) -> None:
    with pytest.raises(ConntraceError) as raised:
        exporter_for(endpoint)
    assert raised.value.slug == "otlp-endpoint"
    assert "OTEL_EXPORTER_OTLP_ENDPOINT" in str(raised.value)


def test_a_proxy_is_used_and_no_proxy_obeyed(monkeypatch: pytest.MonkeyPatch) -> None:
    with collector() as proxy, collector() as direct:
        monkeypatch.setenv("http_proxy", f"http://user:pass%21@127.0.0.1:{proxy.port}")
        exporter = exporter_for("http://backend.test:4318")
        exporter.export([make_span("through")])
        exporter.close(5)
        (request,) = proxy.received
        assert request.target == "http://backend.test:4318/v1/traces"
        assert request.headers["host"] == "backend.test:4318"
        assert request.headers["proxy-authorization"] == "Basic dXNlcjpwYXNzIQ=="

        monkeypatch.setenv("no_proxy", "127.0.0.1")
        exporter = exporter_for(direct.url)
        exporter.export([make_span("around")])
        exporter.close(5)
        assert direct.names == ["around"]
        assert len(proxy.received) == 1
