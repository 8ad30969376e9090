"""Each published experiment, run as its one command: what conntrace shows of it. Ratios and causes;
no absolute times, but those that the server's own limits set."""

from __future__ import annotations

import signal
import subprocess
import time
from pathlib import Path

import pytest

from tests.experiments.running import COMMAND, FIRST, counts, experiment, tables_of_gaps
from tests.servers.faults import can_silence


def test_tcp_keepalive_changes_nothing() -> None:
    """One connection either way; and a server that closes idle ones is not kept from it."""
    found = experiment("keepalive")
    for label in ("default", "tcp_keepalive"):
        assert counts(found[label]) == (6, 1, 5)
        assert found[label]["causes"] == FIRST
    assert [found[label]["keepalive"] for label in ("default", "tcp_keepalive")] == [False, True]
    late = found["idle too long"]
    assert late["keepalive"] is True
    assert late["causes"] == {"server_closed_idle": 2, **FIRST}


def test_what_a_new_connection_costs() -> None:
    """Every call with `close` sets a connection up, and that is not the TCP handshake alone."""
    found = experiment("close")
    assert counts(found["one call"]) == (1, 1, 0)
    assert counts(found["ten calls"]) == (10, 1, 9)
    assert counts(found["ten, close"]) == (10, 10, 0)
    assert found["ten, close"]["causes"] == {"request_connection_close": 9, **FIRST}
    assert found["ten, close"]["mean_new_ms"] > found["ten calls"]["mean_reused_ms"]
    assert found["ten, close"]["handshake_ms"] > 0.2 * found["ten, close"]["setup_ms"]


def test_the_eleventh_host() -> None:
    """Ten are kept, eleven in turn are never kept; buckets are hosts, but not by path."""
    found = experiment("hosts")
    assert counts(found["10 hosts"]) == (30, 10, 20)
    assert counts(found["11 hosts"]) == (33, 33, 0)
    assert found["11 hosts"]["causes"]["pool_evicted_lru"] == 22
    assert counts(found["10 buckets"]) == (30, 10, 20)
    assert counts(found["11 buckets"]) == (33, 33, 0)
    assert found["11 buckets"]["causes"]["pool_evicted_lru"] == 22
    assert counts(found["11 by path"]) == (33, 1, 32)


def test_the_table_of_gaps(layer: str) -> None:
    """No average: below the server's limit all are reused, above it none."""
    if not can_silence():
        pytest.skip("this machine lets nobody attach a socket filter")
    found = tables_of_gaps("--layer", layer)
    closed = found["a server that closes after 2 s"]
    assert {gap: row["reused"] for gap, row in closed.items()} == {0: 1.0, 1: 1.0, 3: 0.0}
    assert [row["requests"] for row in closed.values()] == [2, 2, 2]
    assert closed[3]["causes"] == {"server_closed_idle": 2}
    forgotten = found["a router that forgets after 1 s"]
    assert (forgotten[0.2]["reused"], forgotten[3]["reused"]) == (1.0, 0.0)
    assert forgotten[3]["p50_ms"] > 2900, "the whole time-out"
    assert len(forgotten[3]["errors"]) == 1


def test_environments_that_fail_are_said(tmp_path: Path) -> None:
    """And are no part of the table."""
    ended = subprocess.run(
        [*COMMAND, "gaps", "--layer", str(tmp_path / "no-layer.zip")],
        capture_output=True,
        text=True,
        timeout=100,
        check=False,
    )
    assert ended.returncode == 1
    assert "gap 3 s, failed:" in ended.stderr
    assert (
        ended.stderr.splitlines()[-1] == "conntrace experiment: 8 environments failed (see above)"
    )
    assert "Nothing was measured." in ended.stdout
    assert "Traceback" not in ended.stderr


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_hour_can_be_broken_off(number: int, layer: str) -> None:
    """Nothing that it has started goes on: the leftover check after each test looks for that."""
    words = ("gaps", "--full", "--at-once", "6", "--layer", layer)
    running = subprocess.Popen(
        [*COMMAND, *words], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    assert running.stderr is not None
    assert "96 environments, at most 6 at once" in running.stderr.readline()
    time.sleep(1)
    running.send_signal(number)
    out, err = running.communicate(timeout=60)
    assert running.returncode == 128 + number
    assert out == ""
    assert "Traceback" not in err
    assert "failed" not in err


def test_three_calls_in_a_row(layer: str) -> None:
    """Lookups follow connections, and those the client; no cache of names comes into it."""
    found = experiment("calls", "--layer", layer)
    assert counts(found["one client"]) == (9, 1, 8)
    assert found["one client"]["lookups"] == 1
    without = found["without a client"]
    assert (without["connections"], without["lookups"]) == (9, 9)
    assert without["causes"] == {"one_shot_api": 8, **FIRST}


def test_a_client_for_each_invocation(layer: str) -> None:
    found = experiment("client", "--layer", layer)
    assert counts(found["in the handler"]) == (4, 4, 0)
    assert found["in the handler"]["causes"] == {"client_recreated": 3, **FIRST}
    assert counts(found["in INIT"]) == (4, 1, 3)


def test_a_frozen_sandbox(layer: str) -> None:
    """A freeze by itself loses nothing; the server's limit does."""
    found = experiment("freeze", "--layer", layer)
    assert counts(found["frozen shortly"]) == (2, 1, 1)
    assert found["frozen long"]["causes"] == {"server_closed_idle": 1, **FIRST}


def test_a_router_that_forgets() -> None:
    """The request is lost after its whole time-out, and the next one pays for it."""
    if not can_silence():
        pytest.skip("this machine lets nobody attach a socket filter")
    found = experiment("nat")
    assert found["forgotten"]["causes"] == {"silent_drop_timeout": 1, **FIRST}
    assert found["forgotten"]["mean_reused_ms"] > 1900
    assert found["not forgotten"]["causes"] == FIRST


def test_for_people() -> None:
    ended = subprocess.run(
        [*COMMAND, "close", "--report"], capture_output=True, text=True, timeout=110, check=False
    )
    assert ended.returncode == 0, ended.stderr
    assert "published: One call takes 33 ms" in ended.stdout
    assert "9 request_connection_close" in ended.stdout
    assert ended.stdout.count("== ") == 3


def test_the_list() -> None:
    ended = subprocess.run(COMMAND, capture_output=True, text=True, timeout=60, check=True)
    names = [line.split()[0] for line in ended.stdout.splitlines()]
    assert names == ["keepalive", "close", "hosts", "gaps", "calls", "client", "freeze", "nat"]
