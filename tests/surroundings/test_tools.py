"""Beside other tools that patch the same functions: the program prints the same, and is recorded.

The tools are in an environment of their own: `make surroundings`.
"""

from __future__ import annotations

import importlib.util
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from conntrace import semantic_names as names
from conntrace.testing import read_spans
from tests.servers.authority import Authority
from tests.servers.loopback import LoopbackServer

PROGRAMS = Path(__file__).parent / "programs"

# Tool of programs/tools.py -> the module that it needs.
TOOLS = {
    "gevent": "gevent",
    "eventlet": "eventlet",
    "sentry": "sentry_sdk",
    "datadog": "ddtrace",
    "new_relic": "newrelic",
    "elastic": "elasticapm",
    "xray": "aws_xray_sdk",
    "truststore": "truststore",
    "freezegun": "freezegun",
    "opentelemetry": "opentelemetry.instrumentation.urllib3",
}
# Of programs/stand_ins.py -> its module, and how many connections its program really makes.
STAND_INS = {
    "moto": ("moto", 0),
    "responses": ("responses", 1),
    "vcr": ("vcr", 2),
    "pytest_socket": ("pytest_socket", 1),
    "billiard": ("billiard", 6),
}
# Nothing of theirs may leave this machine, or wait for what is not there.
QUIET = {
    "DD_AGENT_HOST": "127.0.0.1",
    "DD_CRASHTRACKING_ENABLED": "false",
    "DD_INSTRUMENTATION_TELEMETRY_ENABLED": "false",
    "DD_REMOTE_CONFIGURATION_ENABLED": "false",
    "DD_TRACE_AGENT_URL": "http://127.0.0.1:9",
    "DD_TRACE_STARTUP_LOGS": "false",
    "ELASTIC_APM_ENABLED": "false",
    "NEW_RELIC_DEVELOPER_MODE": "true",
    "NEW_RELIC_LICENSE_KEY": "0" * 40,
    "NEW_RELIC_LOG": "/dev/null",
}


@pytest.fixture
def server() -> Iterator[LoopbackServer]:
    with LoopbackServer() as running:
        yield running


def need(module: str) -> None:
    try:
        found = importlib.util.find_spec(module)
    except ModuleNotFoundError:
        found = None
    if found is None:
        pytest.skip(f"{module} is not in this environment: make surroundings")


def output_of(*command: str, **environment: str) -> str:
    """Standard output; the tools' own logs on standard error are theirs."""
    result = subprocess.run(
        command,
        capture_output=True,
        text=True,
        timeout=100,
        env={**os.environ, **QUIET, **environment},
    )
    assert result.returncode == 0, result.stdout + result.stderr
    return result.stdout


@pytest.mark.parametrize("tool", TOOLS)
def test_beside_another_tool(tool: str, server: LoopbackServer, tmp_path: Path) -> None:
    """Under `conntrace run`, and in process in both orders."""
    need(TOOLS[tool])
    url = server.url(path="/")
    program = [sys.executable, str(PROGRAMS / "tools.py"), tool]
    spans = tmp_path / "spans.jsonl"
    run = [sys.executable, "-m", "conntrace", "run", "-o", str(spans), "--"]

    alone = output_of(*program, "alone", url)
    assert alone.count("b'ok'") == 10
    assert output_of(*run, *program, "alone", url) == alone
    assert len(read_spans(spans).setups) >= 3
    assert output_of(*program, "tool first", url) == alone
    assert output_of(*program, "agent first", url) == alone


@pytest.mark.parametrize("tool", ["truststore", "pip_system_certs"])
def test_the_systems_trust_store(tool: str, tmp_path: Path) -> None:
    """Who is trusted and who is not stays, and the handshakes are recorded: the failed ones too."""
    need(tool)
    authority = Authority(tmp_path)
    trusted = LoopbackServer(tls=authority.server_context())
    unknown = LoopbackServer(tls=authority.unrelated_context())
    program = [sys.executable, str(PROGRAMS / "trust.py"), tool]
    spans = tmp_path / "spans.jsonl"
    run = [sys.executable, "-m", "conntrace", "run", "-o", str(spans), "--"]
    system = {"SSL_CERT_FILE": str(authority.bundle)}
    with trusted, unknown:
        urls = [server.url("localhost", path="/") for server in (trusted, unknown)]
        alone = output_of(*program, "alone", *urls, **system)
        assert output_of(*run, *program, "alone", *urls, **system) == alone
        assert output_of(*program, "tool first", *urls, **system) == alone
        assert output_of(*program, "agent first", *urls, **system) == alone
    assert alone.count("b'ok'") == 5
    assert alone.count("Error True") == 3
    assert alone.endswith("truststore\n"), "the tool is at work"

    handshakes = read_spans(spans).named(names.TLS_HANDSHAKE)
    assert sorted(span.error for span in handshakes) == [False] * 3 + [True] * 3


@pytest.mark.parametrize("name", STAND_INS)
def test_what_stands_in_for_the_network(name: str, server: LoopbackServer, tmp_path: Path) -> None:
    module, connections = STAND_INS[name]
    need(module)
    program = [sys.executable, str(PROGRAMS / "stand_ins.py"), name, server.url(path="/")]
    spans = tmp_path / "spans.jsonl"
    run = [sys.executable, "-m", "conntrace", "run", "-o", str(spans), "--"]
    folders = [tmp_path / "plain", tmp_path / "traced"]
    for folder in folders:
        folder.mkdir()

    plain = output_of(*program, str(folders[0]))
    assert output_of(*run, *program, str(folders[1])) == plain
    made = [span for span in read_spans(spans).setups if not span.error] if spans.exists() else []
    assert len(made) == connections
