"""What made a set-up slow without being its reason: each qualifier beside its control."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import certifi
import pytest

from conntrace import semantic_names as names
from conntrace.testing import Span, Spans, read_spans
from tests.components.private_network import PORT, can_unshare, inside
from tests.components.require import require
from tests.integration.conftest import Serve
from tests.integration.running import FIRST, PROGRAMS, Runner, cause, confidence
from tests.integration.sound import assert_sound
from tests.servers.authority import Authority
from tests.servers.crowded import CrowdedServer

PROGRAM = "with_delays"


def contributing(spans: Spans) -> list[str]:
    """What had a part in the only set-up, which is a proved first use all the same."""
    (setup,) = spans.setups
    assert (cause(setup), confidence(setup)) == (FIRST, "proved")
    return words(setup, names.CAUSE_CONTRIBUTING)


def words(span: Span, name: str) -> list[str]:
    """An attribute that is a list of words."""
    found = span.attributes.get(name, [])
    assert isinstance(found, Sequence)
    return [str(word) for word in found]


@pytest.mark.skipif(not Path("/proc/thread-self/schedstat").exists(), reason="needs Linux")
def test_cpu_starved(run: Runner, serve: Serve) -> None:
    """A handshake of a thread that others keep from its processor."""
    server = serve(tls="1.3")
    spans = run(PROGRAM, "starved", server.url("a.test"))
    starved = [one for one in spans.setups if words(one, names.CAUSE_CONTRIBUTING)]
    # The scheduler lets a thread that has slept have its turn at once, now and then.
    assert starved
    for setup in starved:
        # Where the server's processor is just as busy, a SYN may come again as well.
        assert words(setup, names.CAUSE_CONTRIBUTING)[-1] == "cpu_starved"
        assert "for a processor" in words(setup, names.CAUSE_EVIDENCE)[-1]


def test_slow_handshake(run: Runner, serve: Serve) -> None:
    """Control: a server that takes its time does not keep the client from its processor."""
    server = serve(tls="1.3", handshake_delay_s=1.0)
    spans = run(PROGRAM, "with_context", server.url("a.test"))
    (handshake,) = spans.named(names.TLS_HANDSHAKE)
    assert handshake.end_ns - handshake.start_ns > 900_000_000
    assert contributing(spans) == []


@pytest.mark.skipif(not Path("/proc/net/tcp").exists(), reason="needs Linux")
def test_syn_retransmit(run: Runner) -> None:
    """The first SYN met a full backlog: the connect took the second until it was sent again."""
    with CrowdedServer() as server:
        spans = run(PROGRAM, "once", server.url)
    (connect,) = spans.named(names.SOCKET_CONNECT)
    assert connect.end_ns - connect.start_ns > 900_000_000
    assert contributing(spans) == ["syn_retransmit"]


def test_slow_answer(run: Runner, serve: Serve) -> None:
    """Control: a server that takes a second to answer, not to accept."""
    server = serve()
    spans = run(PROGRAM, "once", server.url("a.test", "/pause/1100"))
    assert contributing(spans) == []


def test_ca_bundle_load(run: Runner, serve: Serve, authority: Authority, tmp_path: Path) -> None:
    """All the authorities of the world are parsed for one connection."""
    bundle = tmp_path / "bundle.pem"
    bundle.write_text(Path(certifi.where()).read_text() + authority.bundle.read_text())
    server = serve(tls="1.3")
    spans = run(PROGRAM, "with_bundle", server.url("a.test"), bundle)
    assert "ca_bundle_load" in contributing(spans)
    (load,) = spans.named(names.TRUST_STORE_LOAD)
    assert spans.parent(load) == spans.setups[0]


def test_loaded_context(run: Runner, serve: Serve) -> None:
    """Control: a context that was loaded before costs the set-up nothing."""
    server = serve(tls="1.3")
    spans = run(PROGRAM, "with_context", server.url("a.test"))
    (load,) = spans.named(names.TRUST_STORE_LOAD)
    assert spans.parent(load) is None
    assert contributing(spans) == []


def look_up(run: Runner, folder: Path, lost_for_s: float) -> Spans:
    """A request to a name that a real resolver asks a real name server for."""
    require(can_unshare(), "this machine does not let us make namespaces")
    output, url = folder / "spans.jsonl", f"http://shop.example:{PORT}/"
    program = [sys.executable, str(PROGRAMS / f"{PROGRAM}.py"), "once", url]
    command = [sys.executable, "-m", "conntrace", "run", "-o", str(output), "--", *program]
    ended = subprocess.run(
        inside(folder, lost_for_s, command),
        env={**os.environ, **run.env},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert ended.returncode == 0, ended.stderr
    spans = read_spans(output)
    assert_sound(spans)
    return spans


def test_dns_retransmit(run: Runner, tmp_path: Path) -> None:
    """The first queries are lost: the resolver asks again after five seconds."""
    spans = look_up(run, tmp_path, 1.0)
    (lookup,) = spans.named(names.DNS_LOOKUP)
    assert lookup.attributes[names.DNS_ANSWERS] == ["127.0.0.1"]
    assert lookup.end_ns - lookup.start_ns > 4_900_000_000
    assert contributing(spans) == ["dns_retransmit"]


def test_no_query_lost(run: Runner, tmp_path: Path) -> None:
    """Control: the same name server, hearing everything."""
    assert contributing(look_up(run, tmp_path, 0.0)) == []
