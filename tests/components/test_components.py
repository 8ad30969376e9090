"""The servers that other tests lean on do what those tests believe of them."""

from __future__ import annotations

import json
import secrets
import ssl
import time
import urllib.request
from typing import Any

import boto3
import pytest
import urllib3
from scripts.components import COMPONENTS
from scripts.shell import Missing

from tests.components import require
from tests.components.dynamodb_server import DynamoDBLocal
from tests.components.jaeger_server import Jaeger
from tests.components.nginx_server import StartNginx
from tests.components.processes import listens, wait_until

pytestmark = pytest.mark.component


class TestNginx:
    @pytest.mark.parametrize("version", ["TLSv1.2", "TLSv1.3"])
    def test_speaks_the_tls_version_it_was_told(self, nginx: StartNginx, version: str) -> None:
        server = nginx(tls=True, tls_protocols=(version,))

        with urllib3.PoolManager(ca_certs=str(server.authority)) as pool:
            answer = pool.request("GET", server.url, preload_content=False)
            sock = getattr(answer.connection, "sock", None)
            assert isinstance(sock, ssl.SSLSocket)
            assert version == sock.version()
            assert answer.read() == b"ok\n"
            answer.release_conn()

    def test_counts_accepted_connections_and_not_requests(self, nginx: StartNginx) -> None:
        server = nginx()
        assert server.accepted_connections() == 0

        for _ in range(2):
            with urllib3.PoolManager() as pool:
                for _ in range(3):
                    pool.request("GET", server.url)

        assert server.accepted_connections() == 2
        assert server.requests_per_connection(at_least=6) == [3, 3]

    def test_closes_after_keepalive_requests(self, nginx: StartNginx) -> None:
        server = nginx(keepalive_requests=3)

        with urllib3.PoolManager() as pool:
            for _ in range(7):
                pool.request("GET", server.url)

        assert server.accepted_connections() == 3
        assert server.requests_per_connection(at_least=7) == [3, 3, 1]

    def test_closes_after_keepalive_timeout(self, nginx: StartNginx) -> None:
        server = nginx(keepalive_timeout="1s")

        with urllib3.PoolManager() as pool:
            pool.request("GET", server.url)
            time.sleep(1.5)
            pool.request("GET", server.url)

        assert server.accepted_connections() == 2

    def test_two_servers_and_an_early_stop(self, nginx: StartNginx) -> None:
        first, second = nginx(), nginx(extra='location /more { return 404 "no\\n"; }')

        first.stop()

        wait_until(lambda: not listens(first.port), "the first nginx to be gone")
        assert urllib3.request("GET", f"{second.url}/more").status == 404
        assert [request.path for request in second.requests(at_least=1)] == ["/more"]


class TestDynamoDBLocal:
    def test_keeps_an_item_over_one_connection(self, dynamodb_local: DynamoDBLocal) -> None:
        client = boto3.client("dynamodb", **dynamodb_local.client_options())
        client.create_table(
            TableName="visits",
            AttributeDefinitions=[{"AttributeName": "id", "AttributeType": "S"}],
            KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}],
            BillingMode="PAY_PER_REQUEST",
        )
        client.put_item(TableName="visits", Item={"id": {"S": "a"}})

        assert client.scan(TableName="visits")["Count"] == 1
        assert dynamodb_local.accepted_connections() == 1
        client.close()

    def test_each_test_has_tables_and_a_count_of_its_own(
        self, dynamodb_local: DynamoDBLocal
    ) -> None:
        assert dynamodb_local.accepted_connections() == 0

        for _ in range(2):
            client = boto3.client("dynamodb", **dynamodb_local.client_options())
            assert client.list_tables()["TableNames"] == []
            client.close()

        assert dynamodb_local.accepted_connections() == 2


class TestJaeger:
    def test_gives_back_posted_spans_with_parent_and_link(self, jaeger: Jaeger) -> None:
        service = f"test-{secrets.token_hex(8)}"
        trace, linked = secrets.token_hex(16), secrets.token_hex(8)
        request = otlp_span(trace, "GET", milliseconds=5)
        setup = otlp_span(trace, "HTTP connection_setup localhost:443", milliseconds=2)
        setup["parentSpanId"] = request["spanId"]
        setup["links"] = [
            {"traceId": trace, "spanId": linked, "attributes": [attribute("why", "evicted")]}
        ]

        post_spans(jaeger, service, [request, setup])

        found = {span["name"]: span for span in jaeger.otlp_spans(service, spans=2)}
        assert setup == {name: found[setup["name"]][name] for name in setup}
        (seen,) = jaeger.traces(service, spans=2)
        references = [span["references"] for span in seen["spans"] if span["references"]]
        assert [[("CHILD_OF", request["spanId"]), ("FOLLOWS_FROM", linked)]] == [
            [(reference["refType"], reference["spanID"]) for reference in of_one_span]
            for of_one_span in references
        ]

    def test_an_unknown_service_has_no_traces(self, jaeger: Jaeger) -> None:
        assert jaeger.traces("nobody", seconds=0) == []
        assert jaeger.otlp_spans("nobody", seconds=0) == []


class TestRequireComponent:
    @pytest.fixture(autouse=True)
    def nothing_there(self, monkeypatch: pytest.MonkeyPatch) -> None:
        def locate(name: str) -> None:
            raise Missing(f"no {name} here")

        monkeypatch.setattr(require, "locate", locate)

    def test_skips_with_the_reason(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.delenv("CI", raising=False)

        with pytest.raises(pytest.skip.Exception, match="no jaeger here"):
            require.require_component("jaeger")

    def test_fails_in_ci(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("CI", "true")

        with pytest.raises(pytest.fail.Exception, match="no jaeger here"):
            require.require_component("jaeger")


class TestRequire:
    def test_goes_on_where_the_machine_is_able(self) -> None:
        require.require(True, "no reason")

    def test_skips_with_the_reason(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.delenv("CI", raising=False)

        with pytest.raises(pytest.skip.Exception, match="no name spaces"):
            require.require(False, "no name spaces")

    def test_fails_in_ci(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("CI", "true")

        with pytest.raises(pytest.fail.Exception, match="no name spaces"):
            require.require(False, "no name spaces")


def test_every_component_has_a_way_to_be_located_and_made() -> None:
    for module in COMPONENTS.values():
        assert callable(module.locate)
        assert callable(module.make)


def attribute(key: str, value: str) -> dict[str, object]:
    return {"key": key, "value": {"stringValue": value}}


# One moment for all spans: Jaeger puts a warning on a child that does not lie inside its parent.
BEGIN = time.time_ns()


def otlp_span(trace: str, name: str, milliseconds: int) -> dict[str, Any]:
    return {
        "traceId": trace,
        "spanId": secrets.token_hex(8),
        "name": name,
        "kind": 1,
        "startTimeUnixNano": str(BEGIN),
        "endTimeUnixNano": str(BEGIN + milliseconds * 1_000_000),
        "attributes": [attribute("server.address", "localhost")],
    }


def post_spans(jaeger: Jaeger, service: str, spans: list[dict[str, Any]]) -> None:
    scope = {"scope": {"name": "conntrace tests"}, "spans": spans}
    resource = {"attributes": [attribute("service.name", service)]}
    document = {"resourceSpans": [{"resource": resource, "scopeSpans": [scope]}]}
    request = urllib.request.Request(
        f"{jaeger.otlp_http_endpoint}/v1/traces",
        data=json.dumps(document).encode(),
        headers={"Content-Type": "application/json"},
    )
    with urllib.request.urlopen(request, timeout=10) as answer:
        assert answer.status == 200
