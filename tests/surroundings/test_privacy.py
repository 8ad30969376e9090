"""Secrets stay where they are: none is in anything that leaves the traced process."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.servers.loopback import LoopbackServer
from tests.servers.proxy import TunnelProxy
from tests.unit.exporters.collector import collector

PROGRAM = Path(__file__).parent / "programs" / "secrets_everywhere.py"
MARK = "hunter2"
# What the settings may hold, besides what the program itself holds.
SETTINGS = {
    "OTEL_EXPORTER_OTLP_HEADERS": "api-key=hunter2-key",
    "AWS_EC2_METADATA_DISABLED": "true",
    "HTTPS_PROXY": "",
    "DATABASE_URL": "postgres://hunter2-user:hunter2-password@db.example/orders",
    "NO_PROXY": "*",
}


@pytest.mark.parametrize("redact", ["", "hosts,paths"])
def test_nothing_secret_leaves(tmp_path: Path, redact: str) -> None:
    """Spans, events, exports, reports and everything that is said: searched as a whole."""
    with LoopbackServer() as server, TunnelProxy() as proxy, collector() as backend:
        words = [f"127.0.0.1:{server.port}", str(proxy.port), "--password=hunter2-argument"]
        environment = {**os.environ, **SETTINGS, "CONNTRACE_REDACT": redact}
        spans, events = tmp_path / "spans.jsonl", tmp_path / "events.txt"
        command = [sys.executable, "-m", "conntrace", "run", "--report"]
        ended = subprocess.run(
            [*command, "-o", spans, "--events", events, "--", sys.executable, PROGRAM, *words],
            capture_output=True,
            text=True,
            timeout=100,
            env={**environment, "OTEL_EXPORTER_OTLP_ENDPOINT": backend.url},
        )
        sent = server.requests
        exported = b"\n".join(each.body for each in backend.received).decode()
    assert ended.returncode == 0, ended.stderr
    carried = str([(each.target, each.headers) for each in sent])
    assert carried.count(MARK) > 20, "the program did send its secrets"
    assert ended.stdout.count("done") >= 9, ended.stdout

    reports = [
        subprocess.run(
            [sys.executable, "-m", "conntrace", "report", "--format", form, str(spans)],
            capture_output=True,
            text=True,
            timeout=100,
            check=True,
        ).stdout
        for form in ("text", "json", "html")
    ]
    kept = {
        "spans": spans.read_text(),
        "events": events.read_text(),
        "exported": exported,
        "said": ended.stderr,
        **dict(zip(("text", "json", "html"), reports, strict=True)),
    }
    for what, text in kept.items():
        assert len(text) > 500, f"{what}: there is something to search"
        # The one thing that is named is a path, which its user may hide.
        found = [line[:300] for line in text.splitlines() if MARK in line and not redact]
        found = [line for line in found if line.replace("/reset;hunter2=1", "").count(MARK)]
        assert found == [], what
        if redact:
            assert MARK not in text, what


def test_nothing_secret_is_in_the_events_themselves(tmp_path: Path) -> None:
    """What goes over the channel, before any scrubbing: in process, every line."""
    program = f"""
import sys
from conntrace.channel import FunctionChannel
from conntrace.traced import recorder

lines = []
agent = recorder.Recorder(
    lambda: FunctionChannel(lambda process, sent: lines.extend(sent) or True), way="run"
)
assert recorder.start(agent, with_audit=True)
exec(compile(open({str(PROGRAM)!r}).read(), {str(PROGRAM)!r}, "exec"))
recorder.stop()
print(len(lines), file=sys.stderr)
for line in lines:
    if b"hunter2" in line.replace(b"/reset;hunter2=1", b""):
        print(line, file=sys.stderr)
"""
    with LoopbackServer() as server, TunnelProxy() as proxy:
        ended = subprocess.run(
            [sys.executable, "-c", program, f"127.0.0.1:{server.port}", str(proxy.port)],
            capture_output=True,
            text=True,
            timeout=100,
            env={**os.environ, **SETTINGS},
        )
    assert ended.returncode == 0, ended.stderr
    count, *leaks = ended.stderr.splitlines()
    assert int(count) > 80
    assert leaks == []


UNUSABLE = {
    "OTEL_EXPORTER_OTLP_ENDPOINT": "http://hunter2-user:hunter2-password@127.0.0.1:9/?k=hunter2",
    "OTEL_EXPORTER_OTLP_HEADERS": "api-key=hunter2-key",
    "OTEL_RESOURCE_ATTRIBUTES": "key=hunter2-attribute",
    "DATABASE_URL": "postgres://hunter2-user:hunter2-password@db.example/orders",
    "NO_PROXY": "",
    "no_proxy": "",
}


@pytest.mark.parametrize(
    "proxy", ["http://hunter2/password@127.0.0.1:9", "http://hunter2@[::1", ""]
)
@pytest.mark.parametrize("form", [("--all",), ("--json", "--all")])
def test_the_doctor_and_the_end_of_a_run_show_no_setting_that_is_secret(
    form: tuple[str, ...], proxy: str, tmp_path: Path
) -> None:
    environment = {**os.environ, **UNUSABLE, "HTTP_PROXY": proxy, "http_proxy": proxy}
    conntrace = [sys.executable, "-m", "conntrace"]
    script = tmp_path / "app.py"
    script.write_text("import socket; socket.getaddrinfo('localhost', 80)")
    for command in (
        [*conntrace, "doctor", *form],
        [*conntrace, "run", "--", sys.executable, script],
    ):
        ended = subprocess.run(
            command, capture_output=True, text=True, timeout=100, env=environment, check=False
        )
        assert "Traceback" not in ended.stderr
        assert len(ended.stdout + ended.stderr) > 100
        assert MARK not in ended.stdout + ended.stderr
