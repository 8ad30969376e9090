"""Reports of what a real Jaeger holds."""

from __future__ import annotations

import base64
import json
import re
import time
import urllib.request
import uuid
from pathlib import Path

import pytest

from conntrace.cli import main
from conntrace.report import jaeger as jaeger_reader
from conntrace.report.jaeger import read_jaeger
from conntrace.report.read import ReadNotes
from tests.components.jaeger_server import Jaeger, opener
from tests.components.processes import free_port
from tests.reports.terminal import on_a_terminal
from tests.servers.loopback import LoopbackServer
from tests.unit.report import builder
from tests.unit.report.builder import Story

pytestmark = pytest.mark.component


def send(jaeger: Jaeger, service: str, traces: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Give Jaeger connections of just now, one a trace."""
    now = (int(time.time()) - traces - 5) * builder.NS_PER_S
    monkeypatch.setattr(builder, "BEGIN_NS", now)
    story = Story(resource={"service.name": service}, prefix=uuid.uuid4().int % 1_000_000)
    for number in range(traces):
        story.connect(
            f"c{number}",
            number * 1.0,
            "client_recreated",
            conntrace__cause__avoidable=True,
            conntrace__cause__advice="create the client once",
        )
    story.close(
        "c0",
        5.0,
        conntrace__close__reason="server_closed_idle",
        conntrace__close__initiator="remote",
        conntrace__connection__idle_s=3.0,
        conntrace__close__server_idle_limit_s=2.0,
    )
    post(jaeger, story)
    jaeger.otlp_spans(service, spans=len(story.spans))


def post(jaeger: Jaeger, story: Story) -> None:
    """Give Jaeger a story."""
    request = urllib.request.Request(
        f"{jaeger.otlp_http_endpoint}/v1/traces",
        json.dumps(story.document()).encode(),
        {"Content-Type": "application/json"},
    )
    with opener.open(request, timeout=10) as answer:
        assert answer.status == 200


def test_counts_over_many_traces(
    jaeger: Jaeger,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """Causes, destinations and idle limits in text; the same numbers in JSON; a page in HTML."""
    service = "report-counts"
    send(jaeger, service, 12, monkeypatch)
    command = ["report", "--jaeger", jaeger.query_url, "--service", service]
    assert main([*command, "--since", "10m"]) == 0
    text = capsys.readouterr().out
    assert "12 connections to 1 host" in text
    assert "client_recreated" in text
    assert "idle when the server closed" in text
    out = tmp_path / "report.json"
    assert main([*command, "--format", "json", "-o", str(out)]) == 0
    told = json.loads(out.read_text())
    assert told["causes"][0]["count"] == 12
    assert told["destinations"][0]["idle_at_close"]["max_s"] == 2.0
    assert main([*command, "--format", "html", "-o", str(tmp_path / "report.html")]) == 0


def test_more_traces_than_one_answer_holds(jaeger: Jaeger, monkeypatch: pytest.MonkeyPatch) -> None:
    """Windows are halved until each answer is whole, and nothing counts twice."""
    service = "report-windows"
    send(jaeger, service, 40, monkeypatch)
    monkeypatch.setattr(jaeger_reader, "MAX_TRACES", 7)
    notes = ReadNotes()
    spans = list(read_jaeger(jaeger.query_url, service, 600.0, notes))
    assert len(spans) == 40 * 5 + 1
    assert len({(span.trace_id, span.span_id) for span in spans}) == len(spans)
    assert notes.problem_count == 0


def test_avoidable_time_of_each_function(
    jaeger: Jaeger, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Several functions of one service: what an average invocation of each would save."""
    service = "report-functions"
    now = (int(time.time()) - 30) * builder.NS_PER_S
    monkeypatch.setattr(builder, "BEGIN_NS", now)
    for function, calls in (("cart", 4), ("order", 2)):
        resource = {"service.name": service, "faas.name": function}
        story = Story(resource=resource, prefix=uuid.uuid4().int % 1_000_000)
        for number in range(calls):
            told = {"faas__invocation_id": str(uuid.uuid4()), "faas__coldstart": number == 0}
            call = story.span(function, number, 90.0, kind="SERVER", **told)
            if function == "order":
                again = {"conntrace__cause__avoidable": True}
                story.connect(f"c{number}", number, "client_recreated", parent=call, **again)
        post(jaeger, story)
    jaeger.otlp_spans(service, spans=4 + 2 * 6)
    command = ["report", "--jaeger", jaeger.query_url, "--service", service, "--since", "10m"]
    assert main([*command, "--width", "80"]) == 0
    text = capsys.readouterr().out
    order = text.index("  order ")
    assert order < text.index("  cart ")
    assert "34 ms" in text[order : text.index("\n", order)]
    assert "avoidable in all: 68 ms" in text
    assert "4 invocations · 1 cold" in text
    assert "function or service " in text


def test_progress_on_a_terminal(jaeger: Jaeger, monkeypatch: pytest.MonkeyPatch) -> None:
    """While traces are read a bar shows the share of the time that is done."""
    service = "report-progress"
    send(jaeger, service, 3, monkeypatch)
    command = ["report", "--jaeger", jaeger.query_url, "--service", service, "--since", "10m"]
    ended, terminal = on_a_terminal(command)
    assert ended.returncode == 0
    assert "3 connections" in ended.stdout
    assert "reading" in terminal
    assert "100%" in terminal


def test_windows_tell_how_far_they_are(jaeger: Jaeger, monkeypatch: pytest.MonkeyPatch) -> None:
    """All windows together are the whole time, however often one is halved."""
    service = "report-advance"
    send(jaeger, service, 20, monkeypatch)
    monkeypatch.setattr(jaeger_reader, "MAX_TRACES", 5)
    steps: list[int] = []
    assert len(list(read_jaeger(jaeger.query_url, service, 600.0, ReadNotes(), steps.append))) > 99
    assert len(steps) > 3
    assert sum(steps) == pytest.approx(601_000, abs=len(steps))


def test_ids_of_older_jaegers_are_base64(jaeger: Jaeger, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever form the ids of an answer have, the same spans come out."""
    service = "report-base64"
    send(jaeger, service, 3, monkeypatch)
    plain = list(read_jaeger(jaeger.query_url, service, 600.0, ReadNotes()))
    real = jaeger_reader._documents

    def older(body: bytes) -> list[object]:
        def encoded(match: re.Match[bytes]) -> bytes:
            return match[1] + b'"' + base64.b64encode(bytes.fromhex(match[2].decode())) + b'"'

        name = rb'("(?:traceId|spanId|parentSpanId)":\s*)"([0-9a-f]+)"'
        changed = re.sub(name, encoded, body)
        assert changed != body
        return real(changed)

    monkeypatch.setattr(jaeger_reader, "_documents", older)
    assert list(read_jaeger(jaeger.query_url, service, 600.0, ReadNotes())) == plain


def test_unknown_service_and_no_jaeger(jaeger: Jaeger, capfd: pytest.CaptureFixture[str]) -> None:
    """No spans is said; an address without Jaeger is an error with its name."""
    command = ["report", "--service", "nobody", "--jaeger"]
    assert main([*command, jaeger.query_url]) == 0
    assert "no spans" in capfd.readouterr().out
    assert main([*command, f"http://127.0.0.1:{free_port()}"]) == 1
    assert "[jaeger-unreadable]" in capfd.readouterr().err
    assert main(["report", "--jaeger", jaeger.query_url]) == 2


def test_traces_downloaded_from_jaegers_pages_tell_the_same(
    jaeger: Jaeger, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The file that its pages give is Jaeger's own JSON, spread over many lines or not."""
    service = "report-download"
    send(jaeger, service, 3, monkeypatch)
    asked = tmp_path / "asked.json"
    query = ["--jaeger", jaeger.query_url, "--service", service, "--since", "10m"]
    assert main(["report", *query, "--format", "json", "-o", str(asked)]) == 0
    wanted = json.loads(asked.read_text())
    download = {"data": jaeger.traces(service), "total": 0, "errors": None}
    for indent in (None, 4):
        path, told = tmp_path / "download.json", tmp_path / "told.json"
        path.write_text(json.dumps(download, indent=indent))
        assert main(["report", str(path), "--format", "json", "-o", str(told)]) == 0
        found = json.loads(told.read_text())
        assert found["input"]["problem_count"] == 0
        assert found["totals"] == wanted["totals"]
        for part in ("verdicts", "findings", "causes", "destinations", "connections", "processes"):
            assert found[part] == wanted[part], part


def test_a_user_in_the_address_is_sent_and_never_shown(capfd: pytest.CaptureFixture[str]) -> None:
    """The port is the server's: urllib itself would take the password for one."""
    command = ["report", "--service", "shop", "--jaeger"]
    with LoopbackServer() as server:
        url = server.url().replace("://", "://me:hunter2@")
        assert main([*command, f"{url}?key=hunter2"]) == 1
        (request,) = server.requests
    assert request.headers["authorization"] == "Basic bWU6aHVudGVyMg=="
    assert main([*command, url]) == 1
    told = capfd.readouterr().err
    assert told.count("[jaeger-unreadable]") == 2
    assert "hunter2" not in told
