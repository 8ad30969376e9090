"""nginx and DynamoDB Local: as many set-up spans as the server side counted accepts."""

from __future__ import annotations

import pytest

from conntrace import semantic_names as names
from tests.components.dynamodb_server import DynamoDBLocal
from tests.components.nginx_server import StartNginx
from tests.integration.running import FIRST, Runner, confidence

pytestmark = pytest.mark.component


def trust(authority: object) -> dict[str, str]:
    """Let a program trust the certificates of the components."""
    return {"TEST_CA": str(authority), "AWS_CA_BUNDLE": str(authority)}


@pytest.mark.parametrize("protocols", [("TLSv1.2",), ("TLSv1.3",)], ids=lambda names: names[0])
@pytest.mark.parametrize("client", ["with_urllib3", "with_requests"])
def test_nginx_idle_limit(
    run: Runner, nginx: StartNginx, client: str, protocols: tuple[str, ...]
) -> None:
    """`keepalive_timeout 2s` is found out to 0.1 s, over TLS 1.2 and 1.3."""
    limits: list[float] = []
    # A busy machine may make nginx late, never early: then once more.
    while not limits or (limits[-1] > 2.1 and len(limits) < 4):
        server = nginx(keepalive_timeout="2s", tls=True, tls_protocols=protocols)
        spans = run(client, "reuse", server.url, 2, 3.0, env=trust(server.authority))
        assert len(spans.setups) == server.accepted_connections() == 2
        assert spans.causes == [FIRST, "server_closed_idle"]
        setup = spans.setups[1]
        assert confidence(setup) == "proved"
        (handshake, _) = spans.named(names.TLS_HANDSHAKE)
        assert f"TLSv{handshake.attributes[names.TLS_PROTOCOL_VERSION]}" == protocols[0]
        limits.append(float(str(setup.attributes[names.CLOSE_SERVER_IDLE_LIMIT_S])))
    assert limits[-1] == pytest.approx(2.0, abs=0.1), limits


@pytest.mark.parametrize("tls", [False, True], ids=["plain", "tls"])
def test_nginx_requests_per_connection(run: Runner, nginx: StartNginx, tls: bool) -> None:
    """`keepalive_requests 3` shows as `Connection: close` after the third response."""
    server = nginx(keepalive_requests=3, tls=tls)
    spans = run("with_urllib3", "reuse", server.url, 7, env=trust(server.authority))
    assert len(spans.setups) == server.accepted_connections() == 3
    assert server.requests_per_connection(at_least=7) == [3, 3, 1]
    assert spans.causes == [FIRST, *["response_connection_close"] * 2]
    closes = [
        close
        for close in spans.named(names.CONNECTION_CLOSE)
        if close.attributes[names.CLOSE_REASON] == "response_connection_close"
    ]
    assert [close.attributes[names.CONNECTION_REQUESTS] for close in closes] == [3, 3]
    assert [spans.linked(setup)[0] for setup in spans.setups[1:]] == closes


def test_nginx_with_boto3(run: Runner, nginx: StartNginx) -> None:
    """A boto3 client behind an nginx with a short limit: S3 by path."""
    server = nginx(keepalive_timeout="1s", tls=True)
    words = ("with_boto3", "gaps", server.url, 0.2, 1.5)
    spans = run(*words, env=trust(server.authority))
    assert len(spans.setups) == server.accepted_connections() == 2
    assert spans.causes == [FIRST, "server_closed_idle"]


def test_dynamodb_local(run: Runner, dynamodb_local: DynamoDBLocal) -> None:
    """A client for all calls, then a client for each: one connection, then one each."""
    environment = dynamodb_local.environment()
    spans = run("with_boto3", "table", dynamodb_local.url, 3, env=environment)
    assert len(spans.setups) == dynamodb_local.accepted_connections() == 4
    assert spans.causes == [FIRST, *["client_recreated"] * 3]
    operations = [span.name for span in spans if span.name.startswith("DynamoDB.")]
    assert operations.count("DynamoDB.CreateTable") == 1
    assert operations.count("DynamoDB.PutItem") == 3
