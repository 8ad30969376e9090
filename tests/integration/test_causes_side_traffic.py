"""Proxies, SDK endpoints, credentials and exporters: over real sockets, each with its control."""

from __future__ import annotations

import pytest

from conntrace import semantic_names as names
from tests.integration.conftest import Serve
from tests.integration.running import FIRST, Runner, cause, confidence, detail
from tests.servers.authority import Authority
from tests.servers.faults import FaultServer
from tests.servers.proxy import TunnelProxy
from tests.servers.wire import Answer, Request

PROGRAM = "with_failures"
WITH_PROXY = {"NO_PROXY": "", "no_proxy": ""}
KEYS = (
    b'{"AccessKeyId": "a", "SecretAccessKey": "b", "Token": "c",'
    b' "Expiration": "2099-01-01T00:00:00Z"}'
)


def test_proxy_tunnel(run: Runner, serve: Serve) -> None:
    """The CONNECT is a step of the set-up, which says that it went through a tunnel."""
    server = serve(tls="1.3")
    with TunnelProxy() as proxy:
        spans = run(PROGRAM, "through_proxy", proxy.url, server.url("a.test"), env=WITH_PROXY)
        assert proxy.tunnels == [f"a.test:{server.port}"]
    (setup,) = spans.setups
    assert (cause(setup), confidence(setup)) == (FIRST, "proved")
    assert "proxy_tunnel" in setup.attributes[names.CAUSE_CONTRIBUTING]  # type: ignore[operator]
    (tunnel,) = spans.named(names.PROXY_CONNECT)
    assert spans.parent(tunnel) == setup


def test_refused_tunnel(run: Runner, serve: Serve) -> None:
    """The status with which a proxy refuses is told, and that it was the proxy."""
    server = serve(tls="1.3")
    with TunnelProxy(refusal=407) as proxy:
        url = server.url("a.test")
        spans = run(PROGRAM, "attempt_through_proxy", proxy.url, url, env=WITH_PROXY)
        assert len(proxy.tunnels) == 2
    assert spans.causes == [FIRST, "replaced_after_error"]
    assert "at its proxy, which was asked to CONNECT (407)" in detail(spans.setups[1])
    assert len(spans.named(names.PROXY_CONNECT)) == 2
    failed = [span for span in spans if span.error]
    assert {span.attributes[names.ERROR_TYPE] for span in failed} == {"407"}


@pytest.mark.parametrize("tls", [False, True])
def test_idle_end_of_a_tunnel(run: Runner, serve: Serve, authority: Authority, tls: bool) -> None:
    """The end of an idle tunnel is the proxy's or the server's; also of TLS within TLS."""
    server = serve(tls="1.3", idle_limit_s=0.5, idle_end="fin_only")
    with TunnelProxy(tls=authority.server_context() if tls else None) as proxy:
        arguments = (proxy.url, server.url("a.test"), 1.2)
        spans = run(PROGRAM, "pause_through_proxy", *arguments, env=WITH_PROXY)
        assert len(proxy.tunnels) == 2
    assert spans.causes == [FIRST, "server_closed_idle"]
    assert confidence(spans.setups[1]) == "proved"
    said = detail(spans.setups[1])
    assert f"a.test:{server.port}, or the proxy 127.0.0.1:{proxy.port} before it, closed" in said


def test_no_proxy(run: Runner, serve: Serve) -> None:
    """Control: without a proxy no tunnel is named."""
    server = serve(tls="1.3")
    spans = run("with_urllib3", "reuse", server.url("a.test"), 1)
    assert "proxy_tunnel" not in str(spans.setups[0].attributes.get(names.CAUSE_CONTRIBUTING))


def test_credential_fetch(run: Runner, serve: Serve) -> None:
    """The SDK fetches credentials from a container's endpoint with a client of its own."""
    server = serve()

    def keys(connection: int, number: int, client: object, asked: Request) -> bytes:
        return Answer(200, KEYS).encode()

    with FaultServer(keys) as metadata:
        env = {
            "AWS_ACCESS_KEY_ID": "",
            "AWS_SECRET_ACCESS_KEY": "",
            "AWS_CONTAINER_CREDENTIALS_FULL_URI": metadata.url("127.0.0.1", "/keys"),
        }
        spans = run(PROGRAM, "credentials", server.url("a.test"), env=env)
        assert metadata.accepts == 1
    by_port = {setup.attributes[names.SERVER_PORT]: setup for setup in spans.setups}
    fetch, own = by_port[metadata.port], by_port[server.port]
    assert (cause(fetch), confidence(fetch)) == ("credential_fetch", "proved")
    assert fetch.attributes[names.PURPOSE] == "credentials"
    assert (cause(own), own.attributes[names.PURPOSE]) == (FIRST, "app")
    assert spans.advice == []


def test_given_credentials(run: Runner, serve: Serve) -> None:
    """Control: with credentials at hand nothing is fetched."""
    server = serve()
    spans = run(PROGRAM, "credentials", server.url("a.test"))
    assert spans.causes == [FIRST]


def test_telemetry_export(run: Runner, serve: Serve) -> None:
    """An exporter that uses requests is not the program. Control: the same library in the program
    is."""
    collector, server = serve(), serve()
    spans = run(PROGRAM, "export", collector.url("c.test", "/v1/traces"), server.url("a.test"))
    by_port = {setup.attributes[names.SERVER_PORT]: setup for setup in spans.setups}
    assert cause(by_port[server.port]) == FIRST
    assert by_port[server.port].attributes[names.PURPOSE] == "app"
    export = by_port[collector.port]
    assert (cause(export), confidence(export)) == ("telemetry_export", "proved")
    assert export.attributes[names.PURPOSE] == "telemetry"
    assert collector.accepts == 1
    assert spans.advice == []
