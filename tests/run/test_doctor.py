"""`conntrace doctor`: what it looks at, and what makes it say that something is wrong."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from tests.run.commands import CONNTRACE, TIMEOUT_S
from tests.unit.exporters.collector import Reply, collector


def doctor(*words: str, below_run: bool = False, **env: str) -> subprocess.CompletedProcess[str]:
    command = [*CONNTRACE, "doctor", *words]
    if below_run:
        command = [*CONNTRACE, "run", "-o", os.devnull, "--", *command]
    return subprocess.run(
        command,
        capture_output=True,
        text=True,
        timeout=TIMEOUT_S,
        check=False,
        env={**os.environ, **env},
    )


def checks_of(*words: str, below_run: bool = False, **env: str) -> dict[str, dict[str, Any]]:
    """Name -> check, from the JSON."""
    ended = doctor("--json", *words, below_run=below_run, **env)
    document = json.loads(ended.stdout)
    assert document["format"] == "conntrace-doctor"
    assert ended.returncode == (0 if document["healthy"] else 1)
    sick = [check for check in document["checks"] if check["healthy"] is False]
    assert document["healthy"] is (not sick)
    return {check["name"]: check for check in document["checks"]}


def test_a_healthy_machine() -> None:
    ended = doctor()
    assert ended.returncode == 0, ended.stdout
    assert ended.stdout.endswith("all is well\n")
    assert re.search(r"ok +trial run +recorded \d\d connections and their causes", ended.stdout)
    assert ended.stderr == ""


def test_what_is_patched_is_counted_by_module() -> None:
    found = checks_of()
    patched = found["functions patched"]["finding"]
    for module in ("socket", "ssl", "http.client", "urllib3.connectionpool", "botocore.client"):
        assert f"{module} " in patched
    assert found["this process"]["finding"] == "not traced"


def test_below_a_run_this_process_is_traced() -> None:
    found = checks_of(below_run=True)
    assert found["this process"] == {
        "group": "agent",
        "name": "this process",
        "finding": "traced",
        "healthy": True,
    }
    assert "urllib3.connectionpool " in found["functions patched"]["finding"]


@pytest.mark.parametrize(
    ("variable", "value"), [("CONNTRACE_ENABLED", "false"), ("OTEL_SDK_DISABLED", "true")]
)
def test_switched_off_is_said_with_the_variable(variable: str, value: str) -> None:
    found = checks_of(**{variable: value})
    assert found["switched on"]["finding"] == f"no: {variable}={value}"
    assert found["switched on"]["healthy"] is False


def test_where_a_setting_came_from() -> None:
    found = checks_of("--all", OTEL_EXPORTER_OTLP_TRACES_COMPRESSION="gzip", CONNTRACE_REDACT="")
    assert found["OTEL_EXPORTER_OTLP_TRACES_COMPRESSION"]["finding"] == "gzip"
    assert found["CONNTRACE_REDACT"]["finding"] == "not set (default)"
    assert found["CONNTRACE_EXPORT"]["finding"] == "all (default)"
    assert "CONNTRACE_CHANNEL" not in found, "set by conntrace itself"
    assert "CONNTRACE_EXPORT" not in checks_of(), "not set, and not asked for"


def test_secrets_are_not_shown() -> None:
    ended = doctor(OTEL_EXPORTER_OTLP_HEADERS="key=hunter2", OTEL_RESOURCE_ATTRIBUTES="a=hunter2")
    assert "hunter2" not in ended.stdout + ended.stderr
    assert ended.stdout.count("(set)") == 2


@pytest.mark.parametrize(
    ("environment", "finding"),
    [
        ({"ENDPOINT": "localhost:4319"}, "[otlp-endpoint]"),
        ({"ENDPOINT": "http://me:hunter2/x@127.0.0.1:9"}, "[otlp-endpoint]"),
        ({"ENDPOINT": "https://127.0.0.1:9", "CERTIFICATE": "/nowhere.pem"}, "[otlp-certificate]"),
        ({"ENDPOINT": "http://127.0.0.1:9?k=hunter2"}, "cannot be reached: ConnectionRefusedError"),
        ({"ENDPOINT": "http://127.0.0.1:9", "HEADERS": "k=hunter2%E2%82%AC"}, "cannot be reached"),
        ({"ENDPOINT": "http://[::1:hunter2", "PROTOCOL": "grpc"}, "[otlp-endpoint]"),
        (
            {"ENDPOINT": "http://me:hunter2@127.0.0.1:9", "PROTOCOL": "grpc", "TIMEOUT": "500"},
            "http://127.0.0.1:9 did not take an empty export: ",
        ),
        ({"ENDPOINT": "http://[::1]:4317", "TIMEOUT": "500"}, "http://[::1]:4317 did not take an"),
    ],
)
def test_an_endpoint_that_cannot_be_used(environment: dict[str, str], finding: str) -> None:
    """Said in words, not as a traceback, and without what is secret in it."""
    given = {f"OTEL_EXPORTER_OTLP_{name}": value for name, value in environment.items()}
    ended = doctor(**given)
    assert ended.returncode == 1
    (line,) = (line for line in ended.stdout.splitlines() if line.startswith("  BAD OTLP"))
    assert finding in line
    assert ended.stderr == ""
    assert "hunter2" not in ended.stdout


@pytest.mark.parametrize("protocol", ["http/json", "http/protobuf"])
def test_an_endpoint_is_tried_with_an_empty_export(protocol: str) -> None:
    with collector() as backend:
        given = {"OTEL_EXPORTER_OTLP_ENDPOINT": backend.url, "NO_PROXY": "*"}
        found = checks_of(**given, OTEL_EXPORTER_OTLP_PROTOCOL=protocol)
        backend.replies = [Reply(401)]
        refused = checks_of(**given, OTEL_EXPORTER_OTLP_PROTOCOL=protocol)
    assert found["OTLP"]["finding"] == f"{backend.url} answered 200 to an empty export"
    assert refused["OTLP"]["healthy"] is False
    kinds = {request.headers["content-type"] for request in backend.received}
    assert kinds == {"application/json" if protocol == "http/json" else "application/x-protobuf"}


def test_another_agent_in_the_process(tmp_path: Any) -> None:
    (tmp_path / "ddtrace").mkdir()
    (tmp_path / "ddtrace" / "__init__.py").write_text("")
    assert checks_of()["other agents"]["finding"] == "none in this process"
    (tmp_path / "sitecustomize.py").write_text("import ddtrace")
    path = os.pathsep.join([str(tmp_path), os.environ.get("PYTHONPATH", "")])
    found = checks_of(PYTHONPATH=path)
    assert found["other agents"]["finding"] == "Datadog"


def test_inside_a_function_without_the_layer() -> None:
    found = checks_of(AWS_LAMBDA_RUNTIME_API="127.0.0.1:9", AWS_LAMBDA_FUNCTION_NAME="orders")
    assert found["function"]["finding"] == "orders"
    assert found["extension"]["healthy"] is False
    assert "the layer attached" in found["wrapper in the layer"]["finding"]


def test_a_python_that_cannot_record(tmp_path: Any) -> None:
    """The trial is real: where the start does not come through, it says so."""
    (tmp_path / "sitecustomize.py").write_text("")
    program = (
        "import sys, conntrace.testing as testing\n"
        "import subprocess\n"
        "original = testing.run_program\n"
        "def isolated(program, **more):\n"
        "    script = sys.argv[1]\n"
        "    open(script, 'w').write(program)\n"
        "    return original([sys.executable, '-I', script], **more)\n"
        "testing.run_program = isolated\n"
        "from conntrace.doctor.agent import _trial\n"
        "print(list(_trial()))\n"
    )
    ended = subprocess.run(
        [sys.executable, "-c", program, str(tmp_path / "trial.py")],
        capture_output=True,
        text=True,
        timeout=TIMEOUT_S,
        check=True,
    )
    assert "healthy=False" in ended.stdout
    assert "nothing-recorded" in ended.stdout


BROKEN = """
from conntrace.traced import {module}
def broken(*arguments):
    raise RuntimeError("does not get along with this library")
assert {module}.{fact}
{module}.{fact} = broken
"""


@pytest.mark.parametrize(
    ("module", "fact", "hook"),
    [
        ("notes_connections", "connect_end", "socket.socket.connect"),
        (
            "notes_connections",
            "setup_start",
            "http.client.HTTPConnection.connect, urllib3.connection.HTTPConn",
        ),
        ("notes", "manager_new", "urllib3.poolmanager.PoolManager.__init__"),
        ("notes", "call_end", "botocore.client.BaseClient._make_api_call"),
    ],
)
def test_a_hook_that_is_switched_off_after_repeated_failures(
    module: str, fact: str, hook: str, tmp_path: Path
) -> None:
    """The trial goes through every kind of client often enough for it to show."""
    (tmp_path / "sitecustomize.py").write_text(BROKEN.format(module=module, fact=fact))
    path = os.pathsep.join([str(tmp_path), os.environ.get("PYTHONPATH", "")])
    found = checks_of(PYTHONPATH=path, CONNTRACE_TESTING="")
    switched_off = found["hooks"]["finding"]
    assert switched_off.startswith("switched off after repeated failures: ")
    assert hook in switched_off
    assert switched_off.endswith("[hook-switched-off]")
    assert found["hooks"]["healthy"] is found["failures"]["healthy"] is False


def test_without_any_client_library_the_trial_is_smaller(tmp_path: Path) -> None:
    for library in ("urllib3", "requests", "botocore"):
        (tmp_path / f"{library}.py").write_text("raise ImportError('not here')")
    path = os.pathsep.join([str(tmp_path), os.environ.get("PYTHONPATH", "")])
    found = checks_of(PYTHONPATH=path)
    assert found["trial run"]["finding"] == "recorded 15 connections and their causes"
    assert "hooks" not in found
