"""Fixtures: the tests' authority, scripted servers, and the runner of programs."""

from __future__ import annotations

import contextlib
import os
import ssl
from collections.abc import Callable, Iterator

import pytest

from tests.integration.running import Runner
from tests.servers.authority import Authority
from tests.servers.loopback import Behaviour, LoopbackServer

OURS = ("CONNTRACE_", "OTEL_", "AWS_")
Serve = Callable[..., LoopbackServer]


@pytest.fixture(autouse=True)
def _no_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    """What the developer's own environment sets must not change what the tests see."""
    for name in [name for name in os.environ if name.startswith(OURS)]:
        monkeypatch.delenv(name)


@pytest.fixture(scope="session")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    """One CA for the session; `authority.bundle` is what programs trust."""
    return Authority(tmp_path_factory.mktemp("authority"))


@pytest.fixture
def serve(authority: Authority) -> Iterator[Serve]:
    """Start a scripted server: `serve(tls="1.2" | "1.3", idle_limit_s=0.5, ...)`."""
    with contextlib.ExitStack() as stack:

        def start(tls: str = "", host: str = "127.0.0.1", **behaviour: object) -> LoopbackServer:
            context = None
            if tls:
                version = ssl.TLSVersion.TLSv1_2 if tls == "1.2" else ssl.TLSVersion.TLSv1_3
                context = authority.server_context(version)
            script = Behaviour(**behaviour)  # type: ignore[arg-type]
            return stack.enter_context(LoopbackServer(script, tls=context, host=host))

        yield start


@pytest.fixture
def run(authority: Authority) -> Runner:
    """`run(program, function, *arguments)` gives the program's spans, checked for soundness."""
    return Runner(authority)
