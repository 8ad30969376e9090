"""Each published experiment, run as its one command: what conntrace shows of it. Ratios and causes;
no absolute times, but those that the server's own limits set."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.components.require import require_component
from tests.layer.built import built_layer
from tests.servers.faults import can_silence

CHECKOUT = Path(__file__).resolve().parents[2]
COMMAND = [sys.executable, str(CHECKOUT / "examples" / "experiments" / "experiment.py")]
FIRST = {"first_use_of_destination": 1}


@pytest.fixture(scope="session")
def layer() -> str:
    return str(built_layer() / "layer.zip")


def experiment(name: str, *words: str) -> dict[str, dict[str, Any]]:
    """Label -> figures."""
    ended = subprocess.run(
        [*COMMAND, name, "--json", *words],
        capture_output=True,
        text=True,
        timeout=110,
        check=False,
        cwd=CHECKOUT,
    )
    assert ended.returncode == 0, ended.stdout + ended.stderr
    return {row["label"]: row for row in json.loads(ended.stdout)}


def counts(row: dict[str, Any]) -> tuple[int, int, int]:
    return row["requests"], row["connections"], row["reused"]


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
    found = experiment("gaps", "--layer", layer)
    assert found["gap 0 s"]["causes"] == FIRST
    for label in ("gap 0.5 s", "gap 1 s"):
        assert counts(found[label]) == (2, 0, 2)
    assert counts(found["gap 3 s"]) == (2, 2, 0)
    assert found["gap 3 s"]["causes"] == {"server_closed_idle": 2}


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


@pytest.mark.component
def test_on_dynamodb_local() -> None:
    require_component("dynamodb_local")
    found = experiment("keepalive", "--server", "dynamodb-local")
    assert counts(found["default"]) == counts(found["tcp_keepalive"]) == (6, 1, 5)


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
