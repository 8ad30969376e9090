"""The other commands, and `conntrace` itself."""

from __future__ import annotations

import os
import stat
import subprocess
from collections.abc import Mapping
from pathlib import Path

import pytest
from tests.run.commands import CONNTRACE, said
from tests.unit.exporters.collector import Reply, collector
from tests.unit.exporters.spans import make_span

import conntrace
from conntrace.analyzer.exporters.file import FileExporter
from conntrace.catalogue import CAUSES


def call(
    *words: str, env: Mapping[str, str] | None = None, stdin: str | None = None
) -> subprocess.CompletedProcess[str]:
    clean = {key: text for key, text in os.environ.items() if not key.startswith("OTEL_")}
    return subprocess.run(
        [*CONNTRACE, *words],
        capture_output=True,
        text=True,
        check=False,
        env={**clean, "COLUMNS": "80", **(env or {})},
        input=stdin,
        timeout=60,
    )


@pytest.fixture
def span_file(tmp_path: Path) -> Path:
    path = tmp_path / "spans.jsonl"
    exporter = FileExporter(str(path), max_bytes=1 << 20)
    setup = make_span(
        "HTTP connection_setup a.test:443",
        server__address="a.test",
        server__port=443,
        conntrace__cause__name="first_use_of_destination",
        conntrace__cause__confidence="proved",
        conntrace__schema=1,
    )
    exporter.export([setup])
    exporter.close(1)
    return path


def test_version() -> None:
    assert call("--version").stdout == f"conntrace, version {conntrace.__version__}\n"


@pytest.mark.parametrize("words", [(), ("--help",), ("-h",)])
def test_help_lists_all_commands(words: tuple[str, ...]) -> None:
    ended = call(*words)
    text = ended.stdout + ended.stderr
    for command in ("run", "report", "causes", "doctor"):
        assert f"\n  {command} " in text
    assert ended.returncode == (0 if words else 2)


@pytest.mark.parametrize(
    ("words", "named"),
    [
        (("frobnicate",), "frobnicate"),
        (("--frobnicate",), "--frobnicate"),
        (("report",), "FILE"),
        (("report", "--frobnicate", "x"), "--frobnicate"),
        (("report", "--format", "pdf", "x"), "pdf"),
        (("causes", "no_such_cause"), "no_such_cause"),
        (("doctor", "word"), "word"),
    ],
)
def test_wrong_usage_is_one_line_and_exit_code_2(words: tuple[str, ...], named: str) -> None:
    ended = call(*words)
    assert ended.returncode == 2
    (line,) = said(ended)
    assert named in line
    assert line.endswith("]")
    assert ended.stderr == f"conntrace: {line}\n"


def test_a_report_of_a_file(span_file: Path) -> None:
    ended = call("report", str(span_file))
    assert ended.returncode == 0
    assert "a.test:443" in ended.stdout
    assert "\x1b" not in ended.stdout
    assert ended.stderr == ""


def test_a_report_of_standard_input(span_file: Path) -> None:
    assert "a.test:443" in call("report", "-", stdin=span_file.read_text()).stdout


def test_a_report_into_a_file(span_file: Path, tmp_path: Path) -> None:
    output = tmp_path / "report.txt"
    ended = call("report", str(span_file), "-o", str(output))
    assert (ended.returncode, ended.stdout) == (0, "")
    assert "a.test:443" in output.read_text()


def test_a_report_into_a_folder_that_is_not_there(span_file: Path) -> None:
    ended = call("report", str(span_file), "-o", "/nowhere/report.txt")
    assert ended.returncode != 0
    (line,) = said(ended)
    assert "/nowhere/report.txt" in line


def test_a_cut_last_line_is_said_and_the_rest_shown(span_file: Path) -> None:
    whole = span_file.read_text()
    span_file.write_text(whole + whole[: len(whole) // 2])
    ended = call("report", str(span_file))
    assert ended.returncode == 0
    assert "a.test:443" in ended.stdout
    assert "line 2" in ended.stdout


@pytest.mark.parametrize("path", ["/nowhere/spans.jsonl", "/proc/self/mem"])
def test_a_file_that_cannot_be_read_is_one_line(path: str) -> None:
    ended = call("report", path)
    assert ended.returncode == 1
    (line,) = said(ended)
    assert path in line
    assert line.endswith("[report-unreadable]")


def test_a_reader_that_goes_away(span_file: Path) -> None:
    ended = subprocess.run(
        ["sh", "-c", '"$@" | true', "sh", *CONNTRACE, "report", str(span_file)],
        capture_output=True,
        text=True,
        check=False,
    )
    assert ended.stderr == ""


@pytest.mark.parametrize("words", [("report",), ("causes",), ("report", "--format", "html")])
def test_a_full_disk_is_one_line(words: tuple[str, ...], span_file: Path) -> None:
    """Whether it shows while the command writes or when what is buffered leaves."""
    files = (str(span_file),) if "report" in words else ()
    with open("/dev/full", "w") as full:
        ended = subprocess.run(
            [*CONNTRACE, *words, *files],
            stdout=full,
            stderr=subprocess.PIPE,
            text=True,
            check=False,
            timeout=60,
        )
    assert ended.returncode == 1
    (line,) = said(ended)
    assert line.endswith("[output-failed]")


@pytest.mark.parametrize("words", [("report",), ("causes",), ("doctor",)])
def test_standard_output_that_is_closed_wants_nothing(
    words: tuple[str, ...], span_file: Path
) -> None:
    """As for any program."""
    files = (str(span_file),) if "report" in words else ()
    command = ["sh", "-c", 'exec "$@" >&-', "sh", *CONNTRACE, *words, *files]
    ended = subprocess.run(command, stderr=subprocess.PIPE, text=True, check=False, timeout=60)
    assert (ended.returncode, ended.stderr) == (0, "")


@pytest.mark.parametrize("form", ["html", "junit"])
def test_a_document_that_says_it_is_utf8_is_that_on_any_terminal(
    form: str, span_file: Path, tmp_path: Path
) -> None:
    """The same as in a file."""
    there = tmp_path / "there"
    words = ("report", str(span_file), "--format", form)
    call(*words, "-o", str(there))
    command = [*CONNTRACE, *words]
    shown = subprocess.run(
        command,
        stdout=subprocess.PIPE,
        check=True,
        timeout=60,
        env={**os.environ, "PYTHONIOENCODING": "ascii"},
    )
    assert shown.stdout == there.read_bytes()


def test_all_causes() -> None:
    text = call("causes").stdout
    assert all(f" {cause} " in text for cause in CAUSES)


@pytest.mark.parametrize("cause", ["server_closed_idle", "client_recreated"])
def test_one_cause(cause: str) -> None:
    text = " ".join(call("causes", cause).stdout.split())
    assert cause in text
    assert CAUSES[cause].title in text
    assert " ".join(CAUSES[cause].meaning.split()) in text
    assert " ".join(CAUSES[cause].advice.split()) in text


def test_a_misspelt_cause_gets_a_hint() -> None:
    assert "did you mean server_closed_idle?" in call("causes", "server_close_idle").stderr


@pytest.mark.parametrize(("word", "hint"), [("reprot", " (did you mean report?)"), ("xyzzy", "")])
def test_a_misspelt_command_gets_a_hint(word: str, hint: str) -> None:
    ended = call(word)
    assert ended.returncode == 2
    assert said(ended) == [
        f"there is no command {word!r}{hint}; see conntrace --help [wrong-usage]"
    ]


def test_doctor() -> None:
    ended = call("doctor", env={"CONNTRACE_EXPORT": "findings"})
    assert ended.returncode == 0
    assert f"conntrace              {conntrace.__version__}\n" in ended.stdout
    assert "AF_UNIX SOCK_SEQPACKET" in ended.stdout
    assert "findings" in ended.stdout


def test_doctor_finds_what_is_wrong() -> None:
    ended = call(
        "doctor",
        env={
            "CONNTRACE_EXPORT": "some",
            "OTEL_EXPORTER_OTLP_HEADERS": "key=hunter2",
            "OTEL_EXPORTER_OTLP_ENDPOINT": "http://user:hunter2@127.0.0.1:9/hunter2",
            "NO_PROXY": "*",
        },
    )
    assert ended.returncode == 1
    assert "CONNTRACE_EXPORT=some is not accepted" in ended.stdout
    assert "cannot be reached" in ended.stdout
    assert "hunter2" not in ended.stdout + ended.stderr


@pytest.mark.parametrize(("status", "code"), [(200, 0), (401, 1)])
def test_doctor_asks_the_endpoint(status: int, code: int) -> None:
    with collector() as endpoint:
        endpoint.replies = [Reply(status)]
        ended = call("doctor", env={"OTEL_EXPORTER_OTLP_ENDPOINT": endpoint.url, "NO_PROXY": "*"})
        assert endpoint.names == []
    assert f"answered {status}" in ended.stdout
    assert ended.returncode == code


def test_a_report_into_a_device_or_pipe_leaves_it_what_it_is(
    tmp_path: Path, span_file: Path
) -> None:
    """A file is replaced as a whole; /dev/null, as root, must not be."""
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    reader = os.open(pipe, os.O_RDONLY | os.O_NONBLOCK)
    try:
        ended = call("report", str(span_file), "-o", str(pipe))
        written = os.read(reader, 65536)
    finally:
        os.close(reader)
    assert ended.returncode == 0
    assert b"conntrace" in written
    assert stat.S_ISFIFO(pipe.stat().st_mode)
