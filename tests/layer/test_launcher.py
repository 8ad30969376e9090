"""The extension starts on a Python that it can use, and else idles: no function fails by it."""

from __future__ import annotations

import json
import shutil
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from scripts.matrix import newest_python

from tests.components.require import require
from tests.layer.conftest import Run

IDENTIFIER = "11111111-2222-3333-4444-555555555555"
PROGRAMS = ("curl", "sed", "tr")


class ExtensionsApi(ThreadingHTTPServer):
    """Registers whoever asks, tells them to shut down at their first /next, and notes it all."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.requests: list[tuple[str, str, str, bytes]] = []

    @property
    def environment(self) -> dict[str, str]:
        """For the extension."""
        return {"AWS_LAMBDA_RUNTIME_API": f"127.0.0.1:{self.server_address[1]}"}


class _Handler(BaseHTTPRequestHandler):
    server: ExtensionsApi
    protocol_version = "HTTP/1.1"

    def _answer(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        headers = ("Lambda-Extension-Name", "Lambda-Extension-Identifier")
        about = "".join(self.headers.get(name, "") for name in headers)
        self.server.requests.append((self.command, self.path, about, body))
        shutdown = {"eventType": "SHUTDOWN", "shutdownReason": "spindown", "deadlineMs": 2**41}
        answer = json.dumps(shutdown).encode() if self.path.endswith("/next") else b"{}"
        self.send_response(200 if "/extension/" in self.path else 202)
        if self.path.endswith("/register"):
            self.send_header("Lambda-Extension-Identifier", IDENTIFIER)
        self.send_header("Content-Length", str(len(answer)))
        self.end_headers()
        self.wfile.write(answer)

    do_GET = do_POST = do_PUT = _answer

    def log_message(self, format: str, *args: object) -> None:
        """Quiet."""


@pytest.fixture
def api() -> Iterator[ExtensionsApi]:
    """The platform's side."""
    with ExtensionsApi() as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        try:
            yield server
        finally:
            server.shutdown()
            thread.join()


def folder_with(tmp_path: Path, *programs: str | Path) -> str:
    """A PATH on which only these programs are; a whole path is there as `python3`."""
    folder = tmp_path / "bin"
    folder.mkdir()
    for program in programs:
        found = shutil.which(program)
        require(found is not None, f"needs the program {program}")
        assert found is not None
        name = "python3" if isinstance(program, Path) else program
        # A link to a virtualenv's or pyenv's Python would forget where it belongs.
        (folder / name).write_text(f'#!/bin/sh\nexec "{found}" "$@"\n')
        (folder / name).chmod(0o755)
    return str(folder)


def assert_idle(api: ExtensionsApi) -> None:
    """Registered for the end only, then waited for it."""
    (register, following) = api.requests
    assert register[:3] == ("POST", "/2020-01-01/extension/register", "conntrace")
    assert json.loads(register[3]) == {"events": ["SHUTDOWN"]}
    assert following[:3] == ("GET", "/2020-01-01/extension/event/next", IDENTIFIER)


def test_it_runs_until_shutdown(
    run: Run, opt: Path, python: str, api: ExtensionsApi, tmp_path: Path
) -> None:
    """On each Python: it registers under its file's name, subscribes, and ends with code 0."""
    path = folder_with(tmp_path, Path(python))
    ended = run([opt / "extensions" / "conntrace"], {**api.environment, "PATH": path})
    assert (ended.stdout, ended.stderr, ended.returncode) == ("", "", 0)
    register, *others = api.requests
    assert register[2] == "conntrace"
    assert "INVOKE" in json.loads(register[3])["events"]
    assert ("GET", "/2020-01-01/extension/event/next", IDENTIFIER) in {each[:3] for each in others}


def test_no_python(run: Run, opt: Path, api: ExtensionsApi, tmp_path: Path) -> None:
    """A layer attached to another language's function: one line, and it idles."""
    path = folder_with(tmp_path, *PROGRAMS)
    ended = run([opt / "extensions" / "conntrace"], {**api.environment, "PATH": path})
    assert ended.returncode == 0
    assert ended.stderr.count("\n") == 1
    assert "found no python3" in ended.stderr
    assert ended.stderr.endswith("[layer-extension-idle]\n")
    assert_idle(api)


@pytest.mark.matrix
@pytest.mark.parametrize("minor", [7, 8, 9])
def test_an_old_python(minor: int, run: Run, opt: Path, api: ExtensionsApi, tmp_path: Path) -> None:
    """A function on an old runtime goes on; the line says what is missing."""
    python = newest_python(minor)
    if python is None:
        pytest.skip(f"there is no Python 3.{minor} here")
    path = folder_with(tmp_path, Path(python), *PROGRAMS)
    ended = run([opt / "extensions" / "conntrace"], {**api.environment, "PATH": path})
    assert ended.returncode == 0
    assert "needs Python 3.10 or newer" in ended.stderr
    assert_idle(api)


@pytest.mark.parametrize("damage", ["extension/conntrace_extension/main.py", "extension.py"])
def test_a_damaged_layer(
    damage: str, run: Run, own_opt: Path, api: ExtensionsApi, python: str, tmp_path: Path
) -> None:
    """What cannot be imported makes it idle too."""
    home = own_opt / "conntrace.d"
    shutil.rmtree(home / "bytecode")
    (home / damage).unlink()
    path = folder_with(tmp_path, Path(python), *PROGRAMS)
    ended = run([own_opt / "extensions" / "conntrace"], {**api.environment, "PATH": path})
    assert ended.returncode == 0
    assert ended.stderr.endswith("[layer-extension-idle]\n")
    assert_idle(api)


def test_nothing_to_idle_with(run: Run, opt: Path, api: ExtensionsApi, tmp_path: Path) -> None:
    """Neither Python nor curl: it says so before it fails."""
    environment = {**api.environment, "PATH": folder_with(tmp_path)}
    ended = run([opt / "extensions" / "conntrace"], environment)
    assert ended.returncode == 1
    assert "found no python3" in ended.stderr
    assert api.requests == []
