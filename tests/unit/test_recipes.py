"""Each recipe is run as it stands, against a real server; its socket tells what is in force."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from typing import Any

import pytest
import urllib3
from click.testing import CliRunner
from tests.servers.loopback import LoopbackServer

from conntrace.catalogue import CAUSES
from conntrace.cli.causes import command
from conntrace.recipes import RECIPES, Recipe, recipes_for

ASK: dict[str, str] = {
    "urllib3": "http.request('GET', URL)",
    "requests": "session.trust_env = False; session.get(URL)",
    "botocore": "client.list_tables()",
}


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[LoopbackServer]:
    """A server, and an AWS client's environment that leads to it and nowhere else."""
    from botocore.httpsession import URLLib3Session

    monkeypatch.setattr(URLLib3Session, "__init__", URLLib3Session.__init__)
    with LoopbackServer() as server:
        for name, value in {
            "AWS_ENDPOINT_URL": server.url(),
            "AWS_ACCESS_KEY_ID": "test",
            "AWS_SECRET_ACCESS_KEY": "test",
            "AWS_DEFAULT_REGION": "eu-west-1",
            "AWS_EC2_METADATA_DISABLED": "true",
            "NO_PROXY": "*",
        }.items():
            monkeypatch.setenv(name, value)
        yield server


@pytest.fixture
def connected(monkeypatch: pytest.MonkeyPatch) -> list[socket.socket]:
    """The sockets that urllib3 connects."""
    made: list[socket.socket] = []
    connect = urllib3.connection.HTTPConnection._new_conn

    def remember(self: Any) -> socket.socket:
        made.append(connect(self))
        return made[-1]

    monkeypatch.setattr(urllib3.connection.HTTPConnection, "_new_conn", remember)
    return made


@pytest.mark.skipif(not hasattr(socket, "TCP_KEEPIDLE"), reason="TCP_KEEPIDLE is Linux's name")
@pytest.mark.parametrize("recipe", RECIPES, ids=lambda recipe: recipe.library)
def test_recipe(recipe: Recipe, server: LoopbackServer, connected: list[socket.socket]) -> None:
    """The option reaches the socket, below the limits of load balancers and NATs."""
    kept: dict[str, object] = {"URL": server.url()}
    exec(f"{recipe.code}\n{ASK[recipe.library]}", kept)
    (one,) = connected
    assert one.getsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE)
    assert one.getsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPIDLE) == 120 < 240
    assert one.getsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPINTVL) == 30
    assert one.getsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPCNT) == 4
    assert one.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)


def test_recipes_belong_to_causes() -> None:
    """Each cures a cause that exists and that this version decides."""
    for recipe in RECIPES:
        assert recipe.causes
        assert all(CAUSES[cause].decided for cause in recipe.causes)
    assert recipes_for("server_closed_idle") == ()


def test_the_command_shows_them() -> None:
    """`conntrace causes silent_drop_timeout` ends with copyable code, unbroken and unindented."""
    shown = CliRunner().invoke(command, ["silent_drop_timeout"]).output
    for recipe in recipes_for("silent_drop_timeout"):
        assert recipe.title in shown
        assert all(line in shown.splitlines() for line in recipe.code.splitlines())
    assert "TCP_KEEPINTVL" not in CliRunner().invoke(command, ["server_closed_idle"]).output
