"""The experiments on DynamoDB Local, and on an endpoint with its user's credentials."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.components.require import require_component
from tests.experiments.running import COMMAND, counts, experiment, tables_of_gaps
from tests.layer.built import built_layer
from tests.servers.authority import Authority
from tests.servers.loopback import LoopbackServer


@pytest.mark.component
@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("keepalive", {"default": (6, 1, 5), "tcp_keepalive": (6, 1, 5)}),
        ("calls", {"one client": (9, 1, 8), "without a client": (9, 9, 0)}),
        ("client", {"in the handler": (4, 4, 0), "in INIT": (4, 1, 3)}),
        ("freeze", {"frozen shortly": (2, 1, 1)}),
    ],
)
def test_on_dynamodb_local(name: str, expected: dict[str, tuple[int, int, int]]) -> None:
    require_component("dynamodb_local")
    of_functions = [] if name == "keepalive" else ["--layer", str(built_layer() / "layer.zip")]
    found = experiment(name, "--server", "dynamodb-local", *of_functions)
    assert {label: counts(row) for label, row in found.items()} == expected


@pytest.mark.component
def test_the_table_of_gaps_on_dynamodb_local(layer: str) -> None:
    """It keeps connections for longer than these gaps."""
    require_component("dynamodb_local")
    (table,) = tables_of_gaps("--server", "dynamodb-local", "--layer", layer).values()
    assert {gap: row["reused"] for gap, row in table.items()} == {0: 1.0, 1: 1.0, 3: 1.0}


@pytest.mark.parametrize("name", ["close", "hosts", "nat"])
def test_what_is_not_for_dynamodb_local(name: str) -> None:
    ended = subprocess.run(
        [*COMMAND, name, "--server", "dynamodb-local"], capture_output=True, text=True, timeout=60
    )
    assert ended.returncode == 1
    assert "left out: " in ended.stderr
    assert ended.stderr.splitlines()[-1].startswith("conntrace experiment: nothing is left to run")
    assert "Traceback" not in ended.stderr


@pytest.fixture
def endpoint(tmp_path: Path) -> Iterator[tuple[LoopbackServer, dict[str, str]]]:
    """A server that stands for a real endpoint, and its user's variables."""
    authority = Authority(tmp_path)
    with LoopbackServer(tls=authority.server_context()) as server:
        yield (
            server,
            {
                "AWS_ACCESS_KEY_ID": "of-the-user",
                "AWS_SECRET_ACCESS_KEY": "secret",
                "AWS_SESSION_TOKEN": "token-of-the-user",
                "AWS_REGION": "eu-central-1",
                "AWS_DEFAULT_REGION": "eu-central-1",
                "AWS_EC2_METADATA_DISABLED": "true",
                "AWS_CA_BUNDLE": str(authority.bundle),
                "SSL_CERT_FILE": str(authority.bundle),
                "NO_PROXY": "*",
            },
        )


def test_on_an_endpoint(endpoint: tuple[LoopbackServer, dict[str, str]]) -> None:
    """A program: with the user's own credentials, and without what is the embedded server's."""
    server, variables = endpoint
    found = experiment("keepalive", "--endpoint", server.url("localhost"), **variables)
    assert {label: counts(row) for label, row in found.items()} == {
        "default": (6, 1, 5),
        "tcp_keepalive": (6, 1, 5),
    }
    assert server.accepts == 2
    assert_signed_by_the_user(server, 12)


@pytest.mark.parametrize(
    ("name", "connections", "requests"), [("calls", 10, 18), ("client", 5, 8), ("freeze", 1, 2)]
)
def test_functions_on_an_endpoint(
    name: str,
    connections: int,
    requests: int,
    layer: str,
    endpoint: tuple[LoopbackServer, dict[str, str]],
) -> None:
    """A function has the user's credentials too."""
    server, variables = endpoint
    where = ("--endpoint", server.url("localhost"), "--layer", layer)
    found = experiment(name, *where, **variables)
    assert sum(row["connections"] for row in found.values()) == connections == server.accepts
    assert len(server.requests) == requests
    assert_signed_by_the_user(server, requests - 9 * (name == "calls"))


def test_the_table_of_gaps_on_an_endpoint(
    layer: str, endpoint: tuple[LoopbackServer, dict[str, str]]
) -> None:
    server, variables = endpoint
    where = ("--endpoint", server.url("localhost"), "--layer", layer)
    (table,) = tables_of_gaps(*where, **variables).values()
    assert {gap: row["reused"] for gap, row in table.items()} == {0: 1.0, 1: 1.0, 3: 1.0}
    assert server.accepts == 6, "an environment for each"


def test_one_call_and_ten_on_an_endpoint(
    endpoint: tuple[LoopbackServer, dict[str, str]],
) -> None:
    server, variables = endpoint
    found = experiment("close", "--endpoint", server.url("localhost"), **variables)
    assert counts(found["ten calls"]) == (10, 1, 9)
    assert counts(found["ten, close"]) == (10, 10, 0)
    assert len(server.requests) == 21


def test_an_endpoint_without_credentials() -> None:
    nobody = {"AWS_CONFIG_FILE": os.devnull, "AWS_SHARED_CREDENTIALS_FILE": os.devnull}
    own = {name: value for name, value in os.environ.items() if not name.startswith("AWS_")}
    ended = subprocess.run(
        [*COMMAND, "keepalive", "--endpoint", "https://localhost:1"],
        env={**own, **nobody, "AWS_EC2_METADATA_DISABLED": "true"},
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert ended.returncode == 1
    assert ended.stderr.splitlines()[-1].startswith(
        "conntrace experiment: --endpoint needs credentials and a region"
    )


def assert_signed_by_the_user(server: LoopbackServer, expected: int) -> None:
    signed = [each for each in server.requests if "authorization" in each.headers]
    assert len(signed) == expected
    for request in signed:
        assert "Credential=of-the-user/" in request.headers["authorization"]
        assert "/eu-central-1/" in request.headers["authorization"]
        assert request.headers["x-amz-security-token"] == "token-of-the-user"
