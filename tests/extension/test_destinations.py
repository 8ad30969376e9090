"""Where spans go: the log, an endpoint, a proxy, a back end with a certificate of its own."""

from __future__ import annotations

import json
import ssl
from pathlib import Path

import trustme

from tests.extension.acting import Function, connect_once, run_invocations_until
from tests.extension.conftest import Start
from tests.extension.platform import Platform
from tests.unit.exporters.collector import Collector, collector


def test_without_an_endpoint_findings_go_to_the_log(
    platform: Platform, start: Start, function: Function
) -> None:
    extension = start()
    platform.wait_for_next(1)
    process = function()
    platform.invoke("request-1")
    process.begin("request-1")
    connect_once(process)
    process.end()
    platform.wait_for_next(2)
    run_invocations_until(platform, process, lambda: "\n" in extension.log)
    platform.shut_down()
    assert extension.ended() == 0
    (line,) = extension.log.splitlines()
    told = json.loads(line)
    assert (told["type"], told["requestId"]) == ("conntrace.findings", "request-1")
    (finding,) = told["findings"]
    assert finding["cause"] == "first_use_of_destination"
    assert finding["destination"] == "api.example.com:443"


def test_an_endpoint_that_is_none_is_said(platform: Platform, start: Start) -> None:
    extension = start(OTEL_EXPORTER_OTLP_ENDPOINT="http://")
    platform.wait_for_next(1)
    platform.shut_down()
    assert extension.ended() == 0
    (line,) = extension.log.splitlines()
    assert line.endswith("[wrong-setting]")


def test_a_certificate_that_is_not_there_is_said_and_costs_the_spans_only(
    platform: Platform, start: Start, function: Function
) -> None:
    extension = start(
        OTEL_EXPORTER_OTLP_ENDPOINT="https://127.0.0.1:9",
        OTEL_EXPORTER_OTLP_CERTIFICATE="/nowhere.pem",
    )
    platform.wait_for_next(1)
    process = function()
    platform.invoke("request-1")
    process.begin("request-1")
    process.end()
    platform.wait_for_next(2)
    platform.shut_down()
    assert extension.ended() == 0
    (line,) = extension.log.splitlines()
    assert "OTEL_EXPORTER_OTLP_CERTIFICATE" in line
    assert line.endswith("[otlp-certificate]")


def test_a_proxy_carries_the_spans_and_not_the_platform(
    platform: Platform, start: Start, backend: Collector
) -> None:
    extension = start(
        HTTP_PROXY=backend.url,
        http_proxy=backend.url,
        OTEL_EXPORTER_OTLP_ENDPOINT="http://backend.test:4318",
    )
    platform.wait_for_next(1)
    platform.invoke("request-1")
    platform.wait_for_next(2)
    platform.shut_down("failure")
    assert extension.ended() == 0
    (request,) = backend.received
    assert request.target == "http://backend.test:4318/v1/traces"


def test_a_back_end_with_a_certificate_of_its_own(
    platform: Platform, start: Start, tmp_path: Path
) -> None:
    authority = trustme.CA()
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("127.0.0.1").configure_cert(context)
    bundle = tmp_path / "ca.pem"
    authority.cert_pem.write_to_path(bundle)
    with collector(context) as backend:
        extension = start(
            OTEL_EXPORTER_OTLP_ENDPOINT=backend.url,
            OTEL_EXPORTER_OTLP_CERTIFICATE=str(bundle),
            OTEL_EXPORTER_OTLP_HEADERS="x-key=a%20secret",
        )
        platform.wait_for_next(1)
        platform.invoke("request-1")
        platform.wait_for_next(2)
        platform.shut_down("failure")
        assert extension.ended() == 0
        (request,) = backend.received
    assert request.headers["x-key"] == "a secret"
    assert "secret" not in extension.log
