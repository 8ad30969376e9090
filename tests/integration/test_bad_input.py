"""What a user gets wrong: one clear line each, and the traced program runs all the same."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from conntrace.testing import Result, run_program
from tests.integration.conftest import Serve
from tests.integration.running import Runner

PROGRAM = "import sys; print('ran'); sys.exit(3)"


def conntrace(*words: str) -> subprocess.CompletedProcess[str]:
    """The command line itself."""
    command = [sys.executable, "-m", "conntrace", *words]
    return subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)


def only_complaint(result: Result | subprocess.CompletedProcess[str]) -> str:
    """The one line beside the closing line of a run."""
    lines = [line for line in result.stderr.splitlines() if " dropped · " not in line]
    assert len(lines) == 1, result.stderr
    assert lines[0].startswith("conntrace: ")
    return lines[0]


def test_unknown_option() -> None:
    """An option that does not exist is named; exit code 2."""
    ended = conntrace("run", "--frobnicate", "true")
    assert ended.returncode == 2
    assert "--frobnicate" in only_complaint(ended)


def test_missing_command() -> None:
    """`run` without a command: exit code 2."""
    ended = conntrace("run", "-o", "somewhere")
    assert ended.returncode == 2
    assert "needs a command" in only_complaint(ended)


def test_command_not_there() -> None:
    """As in a shell: 127."""
    ended = conntrace("run", "--", "no-such-program-here")
    assert ended.returncode == 127
    assert "no-such-program-here" in only_complaint(ended)


def test_command_not_executable(tmp_path: Path) -> None:
    """As in a shell: 126."""
    (tmp_path / "data.txt").write_text("text")
    ended = conntrace("run", "--", str(tmp_path / "data.txt"))
    assert ended.returncode == 126
    assert "data.txt" in only_complaint(ended)


def test_unknown_command() -> None:
    """A command that conntrace does not have is named; exit code 2."""
    ended = conntrace("rnu")
    assert ended.returncode == 2
    assert "rnu" in only_complaint(ended)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("CONNTRACE_EXPORT", "some"),
        ("CONNTRACE_FILE_MAX_BYTES", "much"),
        ("CONNTRACE_REDACT", "everything"),
        ("CONNTRACE_AUDIT", "perhaps"),
        ("OTEL_TRACES_SAMPLER", "sometimes"),
        ("OTEL_TRACES_SAMPLER_ARG", "1.5"),
        ("OTEL_EXPORTER_OTLP_ENDPOINT", "not a url"),
        ("OTEL_EXPORTER_OTLP_PROTOCOL", "smoke"),
    ],
)
def test_wrong_setting(name: str, value: str) -> None:
    """A wrong value is named with what is accepted; the program runs and keeps its exit code."""
    result = run_program(PROGRAM, env={name: value})
    assert (result.exit_code, result.stdout) == (3, "ran\n")
    line = only_complaint(result)
    assert name in line
    assert "takes" in line


def test_unknown_setting() -> None:
    """A misspelt CONNTRACE_ variable is named, with the one that may be meant."""
    result = run_program(PROGRAM, env={"CONNTRACE_REDCAT": "hosts"})
    assert (result.exit_code, result.stdout) == (3, "ran\n")
    line = only_complaint(result)
    assert "CONNTRACE_REDCAT" in line
    assert "CONNTRACE_REDACT" in line


@pytest.mark.parametrize("where", ["missing/spans.jsonl", "."])
def test_output_not_writable(tmp_path: Path, where: str) -> None:
    """An output file that cannot be made is named; the program runs, and it is reported instead."""
    path = str(tmp_path / where)
    result = run_program(PROGRAM, options=["-o", path])
    assert (result.exit_code, result.stdout) == (3, "ran\n")
    complaint, *report = result.stderr.splitlines()
    assert complaint.startswith(f"conntrace: cannot write spans to {path}: ")
    assert any("nothing to report" in line for line in report)


def test_switched_off(run: Runner, serve: Serve) -> None:
    """CONNTRACE_ENABLED=false leaves the program untouched, and says so."""
    server = serve()
    result = run.result(
        "with_urllib3", "reuse", server.url("a.test"), env={"CONNTRACE_ENABLED": "false"}
    )
    assert result.exit_code == 0
    assert result.spans == []
    assert "CONNTRACE_ENABLED" in only_complaint(result)


def test_nothing_recorded() -> None:
    """A program that cannot be traced is told apart from one without connections."""
    result = run_program([sys.executable, "-I", "-c", "pass"])
    assert "nothing was recorded" in only_complaint(result)
    assert "-I" in result.stderr


def test_report_of_missing_file(tmp_path: Path) -> None:
    """A span file that is not there is named."""
    ended = conntrace("report", str(tmp_path / "none.jsonl"))
    assert ended.returncode != 0
    assert "none.jsonl" in only_complaint(ended)


def test_report_of_half_written_file(run: Runner, serve: Serve, tmp_path: Path) -> None:
    """A cut last line is reported and skipped; the rest is shown."""
    server = serve()
    output = tmp_path / "spans.jsonl"
    run.result("with_urllib3", "reuse", server.url("a.test"), options=("-o", str(output)))
    whole = output.read_bytes()
    output.write_bytes(whole + whole[: len(whole) // 2])
    ended = conntrace("report", str(output))
    assert ended.returncode == 0
    assert "a.test" in ended.stdout
    assert "cut off: the file ends in the middle of it" in ended.stdout
