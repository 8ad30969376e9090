"""Families D, E and G: failed attempts, further addresses, lookups and sockets of no client."""

from __future__ import annotations

import socket
from pathlib import Path

import pytest

from conntrace import semantic_names as names
from conntrace.analyzer.pipeline import Pipeline, replay
from tests.integration.conftest import Serve
from tests.integration.running import FIRST, Runner, cause, confidence, detail
from tests.servers.authority import Authority
from tests.servers.loopback import LoopbackServer


@pytest.mark.parametrize("client", ["with_urllib3", "with_boto3"])
def test_replaced_after_error(run: Runner, serve: Serve, client: str) -> None:
    """A new connection that dies without an answer is replaced, linked to the failed attempt."""
    server = serve(refuse_first=1)
    spans = run(client, "retry", server.url("a.test"))
    assert len(spans.setups) == server.accepts == 2
    assert spans.causes == [FIRST, "replaced_after_error"]
    assert confidence(spans.setups[1]) == "proved"
    (failed,) = spans.linked(spans.setups[1])
    assert failed.error
    assert failed == spans.requests[0]
    assert [request.error for request in spans.requests] == [True, False]


def test_failure_between_lookup_and_connect(run: Runner, serve: Serve) -> None:
    """A lookup that was answered is not what failed."""
    spans = run("with_failures", "wrong_option", serve().url("a.test"))
    assert spans.causes == [FIRST, "replaced_after_error"]
    assert not any(lookup.error for lookup in spans.named(names.DNS_LOOKUP))
    assert "failed while connecting" in detail(spans.setups[1])


def test_nothing_to_replace(run: Runner, serve: Serve) -> None:
    """Control: the same program without the failure connects once."""
    server = serve()
    spans = run("with_urllib3", "retry", server.url("a.test"))
    assert spans.causes == [FIRST]
    assert spans.advice == []


def test_handshake_failed(run: Runner, authority: Authority) -> None:
    """A certificate that is not trusted: failed set-ups, the second one says what came before."""
    with LoopbackServer(tls=authority.unrelated_context()) as server:
        spans = run("with_urllib3", "fail_twice", server.url("a.test"))
    assert [setup.error for setup in spans.setups] == [True, True]
    assert spans.causes == [FIRST, "replaced_after_error"]
    assert "tls_handshake_failed" in spans.setups[1].attributes[names.CAUSE_CONTRIBUTING]
    handshakes = spans.named(names.TLS_HANDSHAKE)
    assert [handshake.error for handshake in handshakes] == [True, True]


def test_address_fallback(run: Runner, serve: Serve) -> None:
    """The first address refuses, the second answers: both connects are shown, with the cause."""
    server = serve()
    spans = run("with_urllib3", "reuse", server.url("two-addresses.test"))
    (setup,) = spans.setups
    assert cause(setup) == FIRST
    assert "address_fallback" in setup.attributes[names.CAUSE_CONTRIBUTING]
    first, second = spans.named(names.SOCKET_CONNECT)
    assert first.name == f"socket connect 127.0.0.2:{server.port}"
    assert first.error
    assert cause(second) == "address_fallback"
    assert confidence(second) == "proved"
    assert [one.attributes[names.ATTEMPT_INDEX] for one in (first, second)] == [1, 2]
    assert [one.attributes[names.ATTEMPT_COUNT] for one in (first, second)] == [2, 2]
    assert spans.advice == []


def test_happy_eyeballs_race(run: Runner, serve: Serve) -> None:
    """The first address does not answer, so the second is tried beside it: no fallback."""
    server = serve()
    with (
        socket.create_server(("127.0.0.2", server.port), backlog=0) as full,
        socket.create_connection(full.getsockname()),
    ):
        spans = run("with_sockets", "connect_in_asyncio", "two-addresses.test", server.port, 0.2)
    loser, winner = spans.named(names.SOCKET_CONNECT)
    assert loser.attributes[names.ERROR_TYPE] == "operation_aborted"
    assert cause(winner) == "happy_eyeballs_race"
    assert confidence(winner) == "proved"
    assert not winner.error


def test_addresses_one_after_the_other(run: Runner, serve: Serve) -> None:
    """Control: the first address refuses before the second is tried."""
    server = serve()
    spans = run("with_sockets", "connect_in_asyncio", "two-addresses.test", server.port, 5)
    _, second = spans.named(names.SOCKET_CONNECT)
    assert cause(second) == "address_fallback"


def test_one_address(run: Runner, serve: Serve) -> None:
    """Control: a name with one address has one connect and no fallback."""
    server = serve()
    spans = run("with_urllib3", "reuse", server.url("a.test"))
    (connect,) = spans.named(names.SOCKET_CONNECT)
    assert cause(connect) != "address_fallback"
    assert names.CAUSE_CONTRIBUTING not in spans.setups[0].attributes


@pytest.mark.parametrize(("stays_s", "sure"), [(1.4, "proved"), (0, "inferred")])
def test_explicit_lookup(run: Runner, stays_s: float, sure: str) -> None:
    """getaddrinfo is shown on its own when no connect follows; a program that ends at once might
    have gone on to connect."""
    spans = run("with_stdlib", "lookup", "a.test", stays_s)
    (lookup,) = spans.named(names.DNS_LOOKUP)
    assert (cause(lookup), confidence(lookup)) == ("explicit_lookup", sure)
    assert lookup.attributes[names.DNS_QUESTION_NAME] == "a.test"
    assert lookup.parent_span_id == ""
    assert not spans.setups


def test_explicit_lookup_by_old_function(run: Runner) -> None:
    """gethostbyname is seen as well."""
    spans = run("with_stdlib", "lookup_by_old_function", "localhost")
    (lookup,) = spans.named(names.DNS_LOOKUP)
    assert cause(lookup) == "explicit_lookup"


def test_unpooled_socket(run: Runner, serve: Serve) -> None:
    """A plain socket: lookup and connect, no set-up, no advice. Control of the explicit lookup."""
    server = serve()
    spans = run("with_stdlib", "raw_socket", "a.test", server.port)
    (lookup,) = spans.named(names.DNS_LOOKUP)
    (connect,) = spans.named(names.SOCKET_CONNECT)
    assert cause(lookup) == cause(connect) == "unpooled_socket"
    assert confidence(lookup) == confidence(connect) == "proved"
    assert not spans.setups
    assert spans.advice == []


@pytest.mark.parametrize(("host", "literals"), [("127.0.0.1", 1), ("a.test", 0)])
def test_not_a_lookup(run: Runner, serve: Serve, tmp_path: Path, host: str, literals: int) -> None:
    """`not_a_lookup` is counted and not shown: an IP address given to getaddrinfo. Control: a
    name."""
    recording = tmp_path / "events.txt"
    options = ("--events", str(recording))
    result = run.result("with_urllib3", "reuse", serve().url(host), options=options)
    assert len(result.spans.named(names.DNS_LOOKUP)) == 1 - literals
    pipeline = Pipeline([])
    replay(recording.read_bytes().splitlines(), pipeline)
    summary = pipeline.summary()
    assert (summary.not_lookups, summary.lookups) == (literals, 1 - literals)


def test_no_network(run: Runner) -> None:
    """Control: a program that opens nothing has no spans."""
    assert run("with_stdlib", "nothing") == []


def test_unexplained(run: Runner, serve: Serve) -> None:
    """A connection taken out of the pool behind urllib3's back is not guessed at."""
    server = serve()
    spans = run("with_urllib3", "slip_away", server.url("a.test"))
    assert len(spans.setups) == server.accepts == 2
    assert spans.causes == [FIRST, "unexplained"]
    setup = spans.setups[1]
    assert setup.attributes[names.CAUSE_EVIDENCE]
    assert spans.advice == []


def test_tls_versions(run: Runner, serve: Serve) -> None:
    """The handshake span tells the version that the server chose. Control: none has failed."""
    for version in ("1.2", "1.3"):
        server = serve(tls=version)
        spans = run("with_urllib3", "reuse", server.url("a.test"), 1)
        (handshake,) = spans.named(names.TLS_HANDSHAKE)
        assert handshake.attributes[names.TLS_PROTOCOL_VERSION] == version
        assert server.connections[0].tls_version == f"TLSv{version}"
        assert "tls_handshake_failed" not in str(spans.setups[0].attributes)


def test_ipv6(run: Runner, serve: Serve) -> None:
    """An IPv6 address stands in brackets in names, and needs no lookup."""
    try:
        server = serve(host="::1")
    except OSError:
        pytest.skip("no IPv6 loopback on this machine")
    spans = run("with_urllib3", "reuse", server.url())
    (connect,) = spans.named(names.SOCKET_CONNECT)
    assert connect.name == f"socket connect [::1]:{server.port}"
    assert not spans.named(names.DNS_LOOKUP)
