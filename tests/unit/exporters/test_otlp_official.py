"""OpenTelemetry's own exporters carrying our spans, against real servers on the loopback."""

from __future__ import annotations

import builtins
import logging
import socket
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from tests.unit.exporters.collector import Reply, collector
from tests.unit.exporters.spans import START_NS, TRACE, make_span

from conntrace import __version__
from conntrace.analyzer.exporters.choose import otlp_exporter
from conntrace.analyzer.exporters.endpoints import protocol_of
from conntrace.analyzer.exporters.otlp_official import OfficialOtlpExporter
from conntrace.analyzer.span import Link
from conntrace.config import Settings
from conntrace.errors import ConntraceError

service = pytest.importorskip("opentelemetry.proto.collector.trace.v1.trace_service_pb2")
pytest.importorskip("opentelemetry.exporter.otlp.proto.http")

SPANS = [
    make_span("GET", "b7ad6b7169203331", kind="CLIENT", parent="9" * 16, foreign=True),
    make_span(
        "HTTP connection_setup a:443",
        "00f067aa0ba902b7",
        parent="b7ad6b7169203331",
        links=(Link(TRACE, "1111111111111111"),),
        error=True,
        server__port=443,
        conntrace__cause__evidence=["one", "two"],
        conntrace__connection__idle_s=2.5,
    ),
]


@pytest.fixture(autouse=True)
def _their_loggers() -> Iterator[None]:
    logger = logging.getLogger("opentelemetry.exporter")
    before = logger.handlers[:], logger.propagate
    # Theirs says a thing once in 20 s, which would hide it from the second test.
    for each in logging.getLogger("opentelemetry.exporter.otlp.proto.grpc.exporter").filters:
        vars(each).pop("last_log", None)
    yield
    logger.handlers[:], logger.propagate = before


def check(message: Any) -> None:
    (resource_spans,) = message.resource_spans
    attributes = {item.key: item.value for item in resource_spans.resource.attributes}
    assert attributes["service.name"].string_value == "shop"
    assert attributes["conntrace.schema"].int_value == 1
    (scope_spans,) = resource_spans.scope_spans
    assert (scope_spans.scope.name, scope_spans.scope.version) == ("conntrace", __version__)
    request, setup = scope_spans.spans
    assert (request.kind, setup.kind) == (3, 1)
    assert request.parent_span_id.hex() == "9" * 16
    assert setup.trace_id.hex() == TRACE
    assert setup.span_id.hex() == "00f067aa0ba902b7"
    assert setup.parent_span_id == request.span_id
    assert setup.start_time_unix_nano == START_NS
    assert setup.end_time_unix_nano == START_NS + 1_000_000
    assert setup.status.code == 2
    assert [link.span_id.hex() for link in setup.links] == ["1111111111111111"]
    values = {item.key: item.value for item in setup.attributes}
    assert values["server.port"].int_value == 443
    assert values["conntrace.connection.idle_s"].double_value == 2.5
    evidence = values["conntrace.cause.evidence"].array_value.values
    assert [value.string_value for value in evidence] == ["one", "two"]


@pytest.mark.parametrize("compression", ["", "gzip"])
def test_protobuf_over_http(compression: str) -> None:
    with collector() as server:
        exporter = otlp_exporter(
            Settings(
                {
                    "OTEL_EXPORTER_OTLP_ENDPOINT": server.url,
                    "OTEL_EXPORTER_OTLP_PROTOCOL": "http/protobuf",
                    "OTEL_EXPORTER_OTLP_HEADERS": "x-key=secret",
                    "OTEL_EXPORTER_OTLP_COMPRESSION": compression,
                }
            )
        )
        exporter.export(SPANS)
        exporter.close(5)
        assert exporter.dropped == 0
        (request,) = server.received
    assert request.target == "/v1/traces"
    assert request.headers["content-type"] == "application/x-protobuf"
    assert request.headers["x-key"] == "secret"
    check(service.ExportTraceServiceRequest.FromString(request.body))


def test_a_refusal_is_counted_and_said_once_by_us(capfd: pytest.CaptureFixture[str]) -> None:
    with collector() as server:
        server.replies = [Reply(400)]
        exporter = otlp_exporter(
            Settings(
                {
                    "OTEL_EXPORTER_OTLP_ENDPOINT": server.url,
                    "OTEL_EXPORTER_OTLP_PROTOCOL": "http/protobuf",
                }
            )
        )
        exporter.export(SPANS)
        exporter.close(5)
    assert exporter.dropped == 2
    assert "400" in exporter.problem
    assert capfd.readouterr().err == ""


@pytest.fixture
def grpc_server() -> Iterator[tuple[str, list[Any]]]:
    """A gRPC collector; gives its endpoint, and the messages and metadata that came in."""
    grpc = pytest.importorskip("grpc")
    stubs = pytest.importorskip("opentelemetry.proto.collector.trace.v1.trace_service_pb2_grpc")
    received: list[Any] = []

    class Service(stubs.TraceServiceServicer):  # type: ignore[misc, name-defined]
        def Export(self, request: Any, context: Any) -> Any:
            received.append((request, dict(context.invocation_metadata())))
            return service.ExportTraceServiceResponse()

    server = grpc.server(ThreadPoolExecutor(2))
    stubs.add_TraceServiceServicer_to_server(Service(), server)
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    yield f"http://127.0.0.1:{port}", received
    server.stop(None).wait()


@pytest.mark.parametrize("compression", ["", "gzip"])
def test_grpc(grpc_server: tuple[str, list[Any]], compression: str) -> None:
    endpoint, received = grpc_server
    exporter = otlp_exporter(
        Settings(
            {
                "OTEL_EXPORTER_OTLP_ENDPOINT": endpoint,
                "OTEL_EXPORTER_OTLP_PROTOCOL": "grpc",
                "OTEL_EXPORTER_OTLP_HEADERS": "X-Key=secret",
                "OTEL_EXPORTER_OTLP_COMPRESSION": compression,
            }
        )
    )
    exporter.export(SPANS)
    exporter.close(10)
    assert exporter.dropped == 0
    ((message, metadata),) = received
    check(message)
    assert metadata["x-key"] == "secret"


def test_a_user_in_the_endpoint_of_grpc_is_sent_and_never_shown(
    grpc_server: tuple[str, list[Any]],
) -> None:
    """gRPC itself takes it for a part of the host's name, and says it in its errors."""
    endpoint, received = grpc_server
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        dead = f"http://127.0.0.1:{probe.getsockname()[1]}"
    problems = []
    for each in (endpoint, dead):
        given = {
            "OTEL_EXPORTER_OTLP_ENDPOINT": each.replace("://", "://me:hunter2@"),
            "OTEL_EXPORTER_OTLP_PROTOCOL": "grpc",
            "OTEL_EXPORTER_OTLP_TIMEOUT": "500",
        }
        exporter = otlp_exporter(Settings(given))
        assert isinstance(exporter, OfficialOtlpExporter)
        problems.append(exporter.problem_with_nothing())
        exporter.close(0)
    ((_, metadata),) = received
    assert metadata["authorization"] == "Basic bWU6aHVudGVyMg=="
    assert problems[0] == ""
    assert "UNAVAILABLE" in problems[1]
    assert "hunter2" not in problems[1]


def test_a_dead_grpc_endpoint_is_given_up_in_time() -> None:
    pytest.importorskip("grpc")
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    exporter = otlp_exporter(
        Settings(
            {
                "OTEL_EXPORTER_OTLP_ENDPOINT": f"http://127.0.0.1:{port}",
                "OTEL_EXPORTER_OTLP_PROTOCOL": "grpc",
                "OTEL_EXPORTER_OTLP_TIMEOUT": "500",
            }
        )
    )
    exporter.export(SPANS)
    exporter.close(5)
    assert exporter.dropped == 2
    assert exporter.problem


@pytest.mark.parametrize("protocol", ["http/protobuf", "grpc"])
def test_without_the_package_one_line_says_what_to_install(
    protocol: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    real_import = builtins.__import__

    def without(name: str, *rest: Any, **more: Any) -> Any:
        if name.startswith(("opentelemetry.exporter", "grpc")):
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)
        return real_import(name, *rest, **more)

    monkeypatch.setattr(builtins, "__import__", without)
    settings = Settings(
        {
            "OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:9",
            "OTEL_EXPORTER_OTLP_PROTOCOL": protocol,
        }
    )
    with pytest.raises(ConntraceError) as raised:
        otlp_exporter(settings)
    assert raised.value.slug == "otel-missing"
    assert "pip install 'conntrace[otel]'" in str(raised.value)
    assert "\n" not in str(raised.value)


@pytest.mark.parametrize(
    ("endpoint", "protocol", "expected"),
    [
        ("http://localhost:4318", "", "http/json"),
        ("http://localhost:4317", "", "grpc"),
        ("localhost:4317", "", "grpc"),
        ("http://localhost:43170", "", "http/json"),
        ("https://backend.example/otlp", "", "http/json"),
        ("http://localhost:4317", "http/protobuf", "http/protobuf"),
    ],
)
def test_the_port_of_grpc_means_grpc(endpoint: str, protocol: str, expected: str) -> None:
    settings = Settings(
        {"OTEL_EXPORTER_OTLP_ENDPOINT": endpoint, "OTEL_EXPORTER_OTLP_PROTOCOL": protocol}
    )
    assert protocol_of(settings) == expected
