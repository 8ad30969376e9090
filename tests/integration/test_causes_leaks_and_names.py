"""Lost responses, lookups of no client, and what makes a set-up fail or slow."""

from __future__ import annotations

import socket
from collections.abc import Iterator

import pytest

from conntrace import semantic_names as names
from tests.integration.conftest import Serve
from tests.integration.running import FIRST, PROGRAMS, Runner, cause, confidence

PROGRAM = "with_failures"


@pytest.mark.parametrize("size", [300_000, 2000])
def test_unread_body_released(run: Runner, serve: Serve, size: int) -> None:
    """release_conn() with bytes unread: the next check-out finds the connection readable; or, when
    the client had buffered them all, takes it for live and meets http.client's refusal."""
    server = serve()
    spans = run(PROGRAM, "release_unread", server.url("a.test", f"/bytes/{size}"))
    assert server.accepts == 2
    assert spans.causes == [FIRST, "unread_body_released"]
    setup = spans.setups[1]
    assert confidence(setup) == "proved"
    assert "drain_conn" in str(setup.attributes[names.CAUSE_ADVICE])


@pytest.mark.parametrize("size", [300_000, 2000])
def test_drained_body_released(run: Runner, serve: Serve, size: int) -> None:
    """Control: a body that was drained first leaves a connection that serves again."""
    server = serve()
    spans = run(PROGRAM, "release_unread", server.url("a.test", f"/bytes/{size}"), "drain")
    assert server.accepts == 1
    assert spans.causes == [FIRST]


@pytest.mark.parametrize(
    ("how", "name"),
    [("dropped", "lease_leaked_unread"), ("closed", "client_closed_response_early")],
)
def test_lost_response(run: Runner, serve: Serve, how: str, name: str) -> None:
    """A response that was dropped or closed unread took its connection, and the slot, with it."""
    server = serve()
    spans = run(PROGRAM, "leak", server.url("a.test", "/bytes/100000"), how)
    assert server.accepts == 2
    assert spans.causes == [FIRST, name]
    setup = spans.setups[1]
    assert confidence(setup) == "proved"
    (close,) = spans.linked(setup)
    assert close.attributes[names.CLOSE_REASON] == name
    assert bool(spans.advice) == (how == "dropped")
    # Who closed it, or asked for what was dropped.
    assert "with_failures.py:" in str(setup.attributes[names.CAUSE_DETAIL])


def test_a_lost_response_is_missed_once(run: Runner, serve: Serve) -> None:
    """With all its slots lost a pool still grows because more is in use."""
    server = serve()
    spans = run(PROGRAM, "leak_and_hold", server.url("a.test", "/bytes/100000"), 3, 2)
    leaked = "lease_leaked_unread"
    assert spans.causes == [FIRST, leaked, leaked, leaked, "pool_growing_concurrency"]
    grown = spans.setups[-1]
    assert confidence(grown) == "inferred"
    assert leaked in grown.attributes[names.CAUSE_CONTRIBUTING]  # type: ignore[operator]


def test_small_rest_closed(run: Runner, serve: Serve) -> None:
    """A rest that is read sooner than a connection is made is worth advice."""
    server = serve()
    spans = run(PROGRAM, "leak", server.url("a.test", "/bytes/2000"), "closed")
    assert spans.causes == [FIRST, "client_closed_response_early"]
    setup = spans.setups[1]
    assert setup.attributes[names.CAUSE_AVOIDABLE] is True
    assert "the last 2000 bytes" in str(setup.attributes[names.CAUSE_ADVICE])


@pytest.mark.parametrize("library", ["urllib3", "requests", "boto3"])
@pytest.mark.parametrize("call_sites", ["true", "false"])
def test_lost_response_of_a_reused_connection(
    run: Runner, serve: Serve, library: str, call_sites: str
) -> None:
    """The line that took the response is told, though nobody is there when it is collected; not
    with CONNTRACE_CALL_SITES=false."""
    server = serve()
    url = server.url("a.test", "/bytes/100000")
    settings = {"CONNTRACE_CALL_SITES": call_sites}
    spans = run(PROGRAM, "leak_reused", library, url, env=settings)
    assert spans.causes == [FIRST, "lease_leaked_unread"]
    detail = str(spans.setups[1].attributes[names.CAUSE_DETAIL])
    (close,) = spans.linked(spans.setups[1])
    if call_sites == "false":
        assert "with_failures.py" not in detail
        assert names.CODE_LINE_NUMBER not in close.attributes
        return
    source = (PROGRAMS / f"{PROGRAM}.py").read_text().splitlines()
    line = close.attributes[names.CODE_LINE_NUMBER]
    assert f"with_failures.py:{line}" in detail
    assert isinstance(line, int)
    assert "return " in source[line - 1]


def test_read_response(run: Runner, serve: Serve) -> None:
    """Control: a response that is read to its end gives its connection back."""
    server = serve()
    spans = run(PROGRAM, "leak", server.url("a.test", "/bytes/100000"), "read")
    assert server.accepts == 1
    assert spans.causes == [FIRST]


def test_self_hostname_lookup(run: Runner) -> None:
    """getfqdn() asks for the machine's own name."""
    spans = run(PROGRAM, "own_name")
    own = [span for span in spans if span.attributes.get("dns.question.name")]
    assert {(cause(span), confidence(span)) for span in own} == {("self_hostname_lookup", "proved")}


def test_own_address_lookup(run: Runner) -> None:
    """http.server looks its own loopback address up backwards, by getfqdn()."""
    spans = run(PROGRAM, "lookup_own_address")
    (lookup,) = spans.named(names.DNS_REVERSE_LOOKUP)
    assert (cause(lookup), confidence(lookup)) == ("self_hostname_lookup", "proved")


def test_other_name_lookup(run: Runner) -> None:
    """Control: another name is not the machine's own."""
    spans = run("with_stdlib", "lookup", "a.test")
    (lookup,) = spans.named(names.DNS_LOOKUP)
    assert cause(lookup) == "explicit_lookup"


@pytest.mark.parametrize("program", ["connect_to_name", "connect_to_name_by_subclass"])
def test_implicit_connect_resolution(run: Runner, serve: Serve, program: str) -> None:
    """connect() with a name looks it up itself: one lookup span, seen by the audit event."""
    server = serve()
    spans = run(PROGRAM, program, server.port)
    (lookup,) = spans.named(names.DNS_LOOKUP)
    assert (cause(lookup), confidence(lookup)) == ("implicit_connect_resolution", "proved")
    assert lookup.attributes[names.OBSERVED_BY] == "audit"
    (connect,) = spans.named(names.SOCKET_CONNECT)
    assert connect.name == f"{names.SOCKET_CONNECT} 127.0.0.1:{server.port}"
    assert connect.attributes[names.NETWORK_PEER_ADDRESS] == "127.0.0.1"


def test_connect_to_address(run: Runner, serve: Serve) -> None:
    """Control: an address is not a lookup."""
    server = serve()
    spans = run(PROGRAM, "connect_to_address", server.port)
    assert not spans.named(names.DNS_LOOKUP)
    assert [cause(span) for span in spans.named(names.SOCKET_CONNECT)] == ["unpooled_socket"]


@pytest.fixture
def datagrams() -> Iterator[int]:
    """A UDP port that somebody has."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as one:
        one.bind(("127.0.0.1", 0))
        yield one.getsockname()[1]


def test_datagram_hostname(run: Runner, datagrams: int) -> None:
    """sendto() with a name looks it up in C. Control: with an address it does not."""
    spans = run(PROGRAM, "send_to", "localhost", datagrams)
    (lookup,) = spans.named(names.DNS_LOOKUP)
    assert (cause(lookup), confidence(lookup)) == ("datagram_hostname", "proved")
    assert not run(PROGRAM, "send_to", "127.0.0.1", datagrams).named(names.DNS_LOOKUP)


def test_fd_exhausted(run: Runner, serve: Serve) -> None:
    """Without a file descriptor left the set-up fails, and says why. Control: the ones before and
    after it do not say so."""
    server = serve()
    spans = run(PROGRAM, "no_descriptors", server.url())
    failed = [setup for setup in spans.setups if setup.error]
    assert len(failed) == 1
    assert failed[0].attributes[names.ERROR_TYPE] == "too_many_open_files"
    assert "fd_exhausted" in failed[0].attributes[names.CAUSE_CONTRIBUTING]  # type: ignore[operator]
    kept = [setup for setup in spans.setups if not setup.error]
    assert not any(names.CAUSE_CONTRIBUTING in setup.attributes for setup in kept)


def test_withheld_evidence_of_a_time_out(run: Runner, serve: Serve) -> None:
    """The same for a time-out: that the attempt failed is known, whose fault it was is not."""
    server = serve()
    spans = run(PROGRAM, "slow_without_tcp_info", server.url("a.test", "/pause/1500"))
    assert (cause(spans.setups[1]), confidence(spans.setups[1])) == (
        "replaced_after_error",
        "proved",
    )
    assert "timed_out" in str(spans.setups[1].attributes[names.CAUSE_DETAIL])
    assert spans.advice == []


def test_withheld_evidence(run: Runner, serve: Serve) -> None:
    """Where TCP_INFO cannot be had we say so, and guess nothing."""
    server = serve(idle_limit_s=0.4)
    spans = run(PROGRAM, "without_tcp_info", server.url("a.test"), 0.9)
    assert server.accepts == 2
    setup = spans.setups[1]
    assert (cause(setup), confidence(setup)) == ("unexplained", "inferred")
    assert spans.advice == []
    told = setup.attributes[names.CAUSE_EVIDENCE]
    assert "the kernel's state of the socket is not known" in told  # type: ignore[operator]
