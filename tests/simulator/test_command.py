"""`conntrace lambda`: the table of invocations, the report, and what it says when it cannot."""

from __future__ import annotations

import json
import os
import pty
import subprocess
import sys
from pathlib import Path

import pytest

from conntrace.testing import read_spans
from tests.simulator.conftest import FUNCTION, LAYER

# The probe has no exec wrapper of conntrace's name.
PROBE = ("--layer", str(LAYER), "-e", "AWS_LAMBDA_EXEC_WRAPPER=/opt/wrapper")
PROBE_ALONE = ("--layer", str(LAYER), "-e", "AWS_LAMBDA_EXEC_WRAPPER=")


def run(*words: str, code: int = 0, **variables: str) -> subprocess.CompletedProcess[str]:
    """The command, with none of the developer's own settings."""
    foreign = ("AWS_", "CONNTRACE_", "OTEL_")
    kept = {name: value for name, value in os.environ.items() if not name.startswith(foreign)}
    done = subprocess.run(
        [sys.executable, "-m", "conntrace", "lambda", *words],
        capture_output=True,
        text=True,
        timeout=100,
        env={**kept, **variables},
        check=False,
    )
    assert done.returncode == code, done.stderr
    return done


def rows(output: str) -> list[list[str]]:
    """The numbered lines of the table, in words."""
    lines = (line.split() for line in output.splitlines())
    return [words for words in lines if words and words[0].isdigit()]


def test_events_and_gaps(tmp_path: Path) -> None:
    """The shorter list is repeated; a failed invocation shows in its row and in the exit code."""
    events = tmp_path / "events.jsonl"
    events.write_text('"first"\n\n"raise no"\n')
    options = ("--task-root", str(FUNCTION), "--events", str(events), "--gaps", "0,0.3,0")
    done = run("app.do", *PROBE_ALONE, *options, "--memory", "200", code=1)
    first, second, third = rows(done.stdout)
    assert first[1] == "-", "not frozen before"
    assert first[2] != "-", "INIT"
    assert second[3 if second[2] == "ms" else 2] == "-" or "error:" in second
    assert "error:" in second
    assert "ValueError" in " ".join(second)
    assert '"first",' in third
    assert "no spans" in done.stdout, "the probe sends none"


def test_variables_and_log() -> None:
    """Given ones reach the function, the caller's own only when named."""
    words = ("app.facts", *PROBE_ALONE, "--task-root", str(FUNCTION), "--log")
    done = run(*words, "-e", "SHOP=test", "-e", "FROM_HERE", FROM_HERE="yes", NOT_NAMED="no")
    assert '"probe": "started"' in done.stderr
    started = next(line for line in done.stderr.splitlines() if '"probe": "started"' in line)
    variables = json.loads(started)["environment"]
    assert (variables["SHOP"], variables["FROM_HERE"]) == ("test", "yes")
    assert "NOT_NAMED" not in variables
    assert variables["OTEL_EXPORTER_OTLP_ENDPOINT"].startswith("http://127.0.0.1:")
    assert "REPORT RequestId" in done.stderr


def test_an_endpoint_of_the_users_own() -> None:
    """Spans go there, and the report says so instead of showing nothing."""
    words = ("app.do", *PROBE_ALONE, "--task-root", str(FUNCTION))
    done = run(*words, OTEL_EXPORTER_OTLP_ENDPOINT="http://127.0.0.1:9", code=1)
    assert "the spans went to http://127.0.0.1:9" in done.stderr
    assert "no spans" not in done.stdout


@pytest.mark.parametrize(
    ("slug", "words", "code"),
    [
        ("lambda-layer-missing", ("app.do",), 2),
        ("lambda-no-layer", ("app.do", "--layer", "none.zip"), 1),
        ("lambda-no-code", ("app.do", *PROBE, "--task-root", "/nowhere"), 1),
        ("lambda-events", ("app.do", *PROBE, "--events", "/nowhere"), 1),
        ("lambda-output", ("app.do", *PROBE, "-o", "/nowhere/spans"), 1),
        ("wrong-usage", ("app.do", *PROBE, "-e", "=x"), 2),
        ("wrong-usage", ("app.do", *PROBE, "-e", "SURELY_NOT_SET_HERE"), 2),
        ("wrong-usage", ("app.do", *PROBE, "--gaps", "soon"), 2),
    ],
)
def test_errors(slug: str, words: tuple[str, ...], code: int) -> None:
    """One line, with its slug."""
    done = run(*words, code=code)
    [line] = done.stderr.splitlines()
    assert line.startswith("conntrace: ")
    assert line.endswith(f"[{slug}]")


def test_events_that_are_no_json(tmp_path: Path) -> None:
    """The line is named; an empty file is an error too."""
    events = tmp_path / "events"
    events.write_text("{}\n{\n")
    assert "line 2 of" in run("app.do", *PROBE, "--events", str(events), code=1).stderr
    events.write_text("\n")
    assert "no event" in run("app.do", *PROBE, "--events", str(events), code=1).stderr


def test_one_event_over_several_lines(tmp_path: Path) -> None:
    """As tools write it that make sample events; a byte order mark is no part of it."""
    events = tmp_path / "event.json"
    events.write_text('{\n  "number": 1,\n  "name": "a\u2028b"\n}\n', encoding="utf-8-sig")
    options = ("--task-root", str(FUNCTION), "--events", str(events), "--gaps", "0,0")
    done = rows(run("app.facts", *PROBE_ALONE, *options).stdout)
    assert len(done) == 2
    for row in done:
        assert '{"event": {"number": 1, "name": "a' in " ".join(row)


def test_a_function_that_cannot_start(tmp_path: Path) -> None:
    """What conntrace has to say of it is shown, and where there is more."""
    python = tmp_path / "python"
    python.write_text(f'#!/bin/sh\nexec "{sys.executable}" -I -S "$@"\n')
    python.chmod(0o755)
    words = ("app.do", *PROBE_ALONE, "--task-root", str(FUNCTION), "--python", str(python))
    done = run(*words, code=1)
    assert done.stderr.count("has no Lambda runtime client: pip install awslambdaric") == 1
    assert "--log shows the function's log" in done.stderr
    assert "--log shows" not in run(*words, "--log", code=1).stderr


def test_spans_are_kept(tmp_path: Path) -> None:
    """`-o` names the span file, which is there also when nothing came."""
    output = tmp_path / "spans.jsonl"
    words = ("app.do", *PROBE_ALONE, "--task-root", str(FUNCTION), "-o", str(output))
    done = run(*words, code=1)
    assert read_spans(output) == []
    assert f"spans: {output}" in done.stderr


def test_a_terminal_shows_what_is_waited_for() -> None:
    """Long gaps are no silence, and nothing of it is in what is piped."""
    ours, theirs = pty.openpty()
    words = ["app.do", *PROBE_ALONE, "--task-root", str(FUNCTION), "--gaps", "0,0.5"]
    events = '"nothing"\n'
    with subprocess.Popen(
        [sys.executable, "-m", "conntrace", "lambda", *words, "--events", "-"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=theirs,
        text=True,
    ) as running:
        os.close(theirs)
        output, _ = running.communicate(events, timeout=60)
    shown = b""
    try:
        while chunk := os.read(ours, 65536):
            shown += chunk
    except OSError:
        pass  # The other end is closed.
    finally:
        os.close(ours)
    assert running.returncode == 0
    assert b"invocation 2 of 2, frozen for 0.5 s before it" in shown
    assert "invocation 2 of 2" not in output
