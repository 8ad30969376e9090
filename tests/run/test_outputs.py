"""Where the spans of a run go, and what is said about them."""

from __future__ import annotations

import os
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.run.commands import PYTHON, run, said
from tests.unit.exporters.collector import Collector, Reply, collector

from conntrace.testing import read_spans, replay

PROGRAM = """
import http.server, sys, threading, urllib3
class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    def do_GET(self):
        self.send_response(200)
        self.send_header("Content-Length", "2")
        self.end_headers()
        self.wfile.write(b"ok")
    def log_message(self, *_):
        pass
server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
server.daemon_threads = True
threading.Thread(target=server.serve_forever, daemon=True).start()
pool = urllib3.PoolManager()
for _ in range(3):
    pool.request("GET", f"http://localhost:{server.server_port}/secret/path?token=hunter2")
print("done")
sys.exit(3)
"""
CLOSING = re.compile(
    r"(\d+) process(?:es)? · (\d+) requests? · (\d+) connections? · (\d+) avoidable · "
    r"(\d+) dropped · spans: (.*)"
)


@pytest.fixture
def program(tmp_path: Path) -> list[str]:
    script = tmp_path / "shop" / "program.py"
    script.parent.mkdir()
    script.write_text(PROGRAM)
    return ["--", PYTHON, str(script)]


@pytest.fixture
def endpoint(monkeypatch: pytest.MonkeyPatch) -> Iterator[Collector]:
    with collector() as running:
        monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", running.url)
        monkeypatch.setenv("NO_PROXY", "*")
        yield running


def test_a_file(program: list[str], tmp_path: Path) -> None:
    path = tmp_path / "spans.jsonl"
    ended = run("-o", str(path), *program)
    assert (ended.returncode, ended.stdout) == (3, "done\n")
    (line,) = said(ended)
    assert (
        line == f"1 process · 3 requests · 1 connection · 0 avoidable · 0 dropped · spans: {path}"
    )
    assert ended.stderr == f"conntrace: {line}\n"
    assert len(read_spans(path).requests) == 3


def test_without_any_output_the_report_is_shown_on_standard_error(program: list[str]) -> None:
    ended = run(*program)
    assert (ended.returncode, ended.stdout) == (3, "done\n")
    assert ended.stderr.startswith("conntrace  3 requests")
    assert "first_use_of_destination" in ended.stderr
    assert said(ended)[-1].endswith("spans: the report above")


def test_a_program_without_any_connection_was_recorded_all_the_same() -> None:
    ended = run("--", PYTHON, "-c", "print(1)")
    assert said(ended) == [
        "Python looked no name up and opened no connection: there is nothing to report",
        "1 process · 0 requests · 0 connections · 0 avoidable · 0 dropped · spans: none",
    ]
    assert "nothing was recorded" not in ended.stderr


def test_a_file_and_the_report(program: list[str], tmp_path: Path) -> None:
    path = tmp_path / "spans.jsonl"
    ended = run("--report", f"-o{path}", *program)
    assert "first_use_of_destination" in ended.stderr
    assert len(read_spans(path).requests) == 3


def test_an_endpoint_and_a_file(program: list[str], endpoint: Collector, tmp_path: Path) -> None:
    path = tmp_path / "spans.jsonl"
    ended = run("-o", str(path), *program)
    (line,) = said(ended)
    assert line.endswith(f"spans: {path}, {endpoint.url}")
    sent = [(span["traceId"], span["spanId"]) for got in endpoint.received for span in got.spans]
    assert sorted(sent) == sorted((span.trace_id, span.span_id) for span in read_spans(path))


def test_an_endpoint_alone_shows_no_report(program: list[str], endpoint: Collector) -> None:
    ended = run(*program)
    assert endpoint.names.count("GET") == 3
    (line,) = said(ended)
    assert ended.stderr == f"conntrace: {line}\n"


def test_an_endpoint_that_refuses_is_said(program: list[str], endpoint: Collector) -> None:
    endpoint.replies = [Reply(401)] * 10
    ended = run(*program, env={"OTEL_EXPORTER_OTLP_ENDPOINT": f"{endpoint.url}/key-hunter2"})
    assert ended.returncode == 3
    failed, closing = said(ended)
    assert re.fullmatch(
        rf"\d+ spans did not reach {endpoint.url}: it answered 401 \[otlp-failed\]", failed
    )
    match = CLOSING.fullmatch(closing)
    assert match is not None
    assert int(match[5]) > 0
    assert "hunter2" not in ended.stderr


def test_an_endpoint_that_is_not_there_does_not_hold_the_end_up(program: list[str]) -> None:
    ended = run(*program, env={"OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:9"})
    assert ended.returncode == 3
    assert any(line.endswith("[otlp-failed]") for line in said(ended))


def test_sampling_and_resource_reach_the_file_and_not_the_report(
    program: list[str], tmp_path: Path
) -> None:
    path = tmp_path / "spans.jsonl"
    ended = run(
        "-o",
        str(path),
        "--report",
        *program,
        env={"CONNTRACE_EXPORT": "findings", "OTEL_RESOURCE_ATTRIBUTES": "team=a"},
    )
    assert ended.stderr.startswith("conntrace  3 requests")
    spans = read_spans(path)
    assert len(spans.setups) == 1
    assert len(spans.requests) == 1
    assert all(dict(span.resource.attributes)["team"] == "a" for span in spans)


def test_always_off_leaves_an_empty_file(program: list[str], tmp_path: Path) -> None:
    path = tmp_path / "spans.jsonl"
    ended = run("-o", str(path), *program, env={"OTEL_TRACES_SAMPLER": "always_off"})
    assert path.read_bytes() == b""
    assert said(ended)[-1].startswith("1 process · 3 requests")


def test_a_file_that_is_full_is_said(program: list[str], tmp_path: Path) -> None:
    path = tmp_path / "spans.jsonl"
    ended = run("-o", str(path), *program, env={"CONNTRACE_FILE_MAX_BYTES": "1000"})
    failed, closing = said(ended)
    match = CLOSING.fullmatch(closing)
    assert match is not None
    assert failed == (
        f"{match[5]} spans did not reach {path}: it has reached its limit [file-failed]"
    )
    assert int(match[5]) > 0
    assert path.stat().st_size <= 1000


def test_a_recording_holds_no_names_and_replays_to_the_same_causes(
    program: list[str], tmp_path: Path
) -> None:
    events, path = tmp_path / "events.txt", tmp_path / "spans.jsonl"
    events.touch(0o644)
    run("-o", str(path), "--events", str(events), *program)
    text = events.read_text()
    assert events.stat().st_mode & 0o777 == 0o600
    for secret in ("localhost", "127.0.0.1", "hunter2", "secret", str(tmp_path)):
        assert secret not in text
    assert "shop/program.py" in text
    assert replay(events).causes == read_spans(path).causes == ["first_use_of_destination"]


@pytest.mark.parametrize("kind", ["nowhere", "a pipe without a reader"])
def test_a_recording_that_cannot_be_written(kind: str, program: list[str], tmp_path: Path) -> None:
    path, events = tmp_path / "spans.jsonl", tmp_path / "no" / "events"
    reason = "No such file or directory"
    if kind != "nowhere":
        events.parent.mkdir()
        os.mkfifo(events)
        reason = "No such device or address"
    ended = run("--events", str(events), "-o", str(path), *program)
    assert ended.returncode == 3
    assert said(ended)[0] == f"cannot write events to {events}: {reason} [events-not-writable]"
    assert len(read_spans(path).requests) == 3


def test_a_recording_is_bounded(program: list[str], tmp_path: Path) -> None:
    events = tmp_path / "events.txt"
    ended = run("--events", str(events), *program, env={"CONNTRACE_FILE_MAX_BYTES": "500"})
    assert sum("[events-not-writable]" in line for line in said(ended)) == 1
    assert 0 < events.stat().st_size <= 500


def test_a_missing_package_is_named_and_the_report_stands_in(
    program: list[str], tmp_path: Path
) -> None:
    (tmp_path / "opentelemetry").mkdir()
    (tmp_path / "opentelemetry" / "__init__.py").write_text("raise ImportError('not here')")
    ended = run(
        *program,
        env={
            "OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:9",
            "OTEL_EXPORTER_OTLP_PROTOCOL": "http/protobuf",
            "PYTHONPATH": str(tmp_path),
        },
    )
    assert ended.returncode == 3
    assert "pip install 'conntrace[otel]'" in said(ended)[0]
    assert "first_use_of_destination" in ended.stderr


def test_wrong_settings_are_said_once(program: list[str], tmp_path: Path) -> None:
    ended = run(
        "-o",
        str(tmp_path / "spans.jsonl"),
        *program,
        env={"CONNTRACE_EXPORT": "some", "CONNTRACE_REPORT": "1"},
    )
    assert said(ended)[:-1] == [
        "CONNTRACE_EXPORT=some is not accepted, it takes all or findings; using all "
        "[wrong-setting]",
        "CONNTRACE_REPORT is not a setting of conntrace; did you mean CONNTRACE_EXPORT? "
        "[unknown-setting]",
    ]


def test_a_closed_standard_error_changes_nothing(program: list[str], tmp_path: Path) -> None:
    path = tmp_path / "spans.jsonl"
    words = ["sh", "-c", 'exec "$@" 2>&-', "sh", PYTHON, "-m", "conntrace", "run", "-o", str(path)]
    ended = subprocess.run([*words, *program], capture_output=True, check=False)
    assert (ended.returncode, ended.stdout) == (3, b"done\n")
    assert len(read_spans(path).requests) == 3


def test_a_run_within_a_run_does_not_see_our_own_exports(
    program: list[str], endpoint: Collector, tmp_path: Path
) -> None:
    outer = tmp_path / "outer.jsonl"
    inner = [PYTHON, "-m", "conntrace", "run", *program]
    ended = run("-o", str(outer), "--", *inner)
    assert ended.returncode == 3
    assert endpoint.names.count("GET") == 3
    assert read_spans(outer) == []
