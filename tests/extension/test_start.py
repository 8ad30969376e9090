"""What the extension may load before the runtime can start, and what it takes of the sandbox."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest

from tests.extension.conftest import Start
from tests.extension.platform import ROOT, Platform
from tests.unit.exporters.collector import Collector

EXTENSION = ROOT / "lambda_extension" / "src"
FILES = sorted((EXTENSION / "conntrace_extension").glob("*.py"))
# `_socket` and these modules of our own are all that registration needs.
BEFORE_REGISTRATION = {
    "__future__",
    "_socket",
    "conntrace",
    "conntrace.channel",
    "conntrace.setting_values",
    "conntrace_extension",
    "conntrace_extension.main",
    "conntrace_extension.platform_api",
    "conntrace_extension.say",
    "conntrace_extension.wire",
    "errno",
}
BEFORE_NEXT = {"conntrace_extension.telemetry"}
# What it takes from the package; the traced side and the commands are not among it.
ROOMS = {
    "analyzer",
    "channel",
    "config",
    "errors",
    "events_lambda",
    "semantic_names",
    "setting_values",
}
MOST_MEBIBYTES = 15


def loaded_by(statements: str) -> set[str]:
    """Modules that a bare interpreter, as the launcher starts it, has after the statements."""
    program = (
        "import sys\n"
        f"sys.path[:0] = [{str(EXTENSION)!r}, {str(ROOT / 'src')!r}]\n"
        "before = set(sys.modules)\n"
        f"{statements}\n"
        "print(*sorted(set(sys.modules) - before))"
    )
    command = [sys.executable, "-I", "-S", "-c", program]
    ended = subprocess.run(command, capture_output=True, text=True, check=True, timeout=60)
    return set(ended.stdout.split())


def test_nothing_heavy_is_loaded_before_it_is_registered() -> None:
    loaded = loaded_by(
        "import conntrace_extension.main as main\n"
        "main._is_switched_on()\n"
        f"main._bound('{__name__}').close()"
    )
    assert loaded == BEFORE_REGISTRATION


def test_telemetry_adds_one_module_of_our_own() -> None:
    loaded = loaded_by("import conntrace_extension.main, conntrace_extension.telemetry")
    assert loaded <= BEFORE_REGISTRATION | BEFORE_NEXT


def test_it_stays_small_until_it_is_needed(platform: Platform, start: Start) -> None:
    extension = start()
    platform.wait_for_next(1)
    status = Path(f"/proc/{extension.process.pid}/status").read_text()
    assert int(status.partition("VmRSS:")[2].split()[0]) / 1024 < MOST_MEBIBYTES


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_it_takes_from_the_package_only_what_it_may(path: Path) -> None:
    taken = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            taken |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            names = [alias.name for alias in node.names]
            base = node.module or ""
            taken |= {f"{base}.{name}" for name in names} if base == "conntrace" else {base}
    rooms = {name.split(".")[1] for name in taken if name.startswith("conntrace.")}
    assert rooms <= ROOMS


def test_it_writes_no_file(platform: Platform, start: Start, backend: Collector) -> None:
    """`/tmp` may be full or read-only, and everything else is: a file of any size is too large."""
    extension = start(most_file_bytes=0, OTEL_EXPORTER_OTLP_ENDPOINT=backend.url)
    platform.wait_for_next(1)
    platform.invoke("request-1")
    platform.wait_for_next(2)
    platform.shut_down("failure")
    assert extension.ended() == 0
    assert backend.names == ["shop"]
