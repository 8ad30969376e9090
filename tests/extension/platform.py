"""A small platform: registration, `/next` and the Telemetry API over real HTTP, for one extension.

It answers as told, also wrongly. The whole platform, with its order and limits, is
`conntrace.simulator`; here the extension is alone, so that its own steps can be looked at.
"""

from __future__ import annotations

import contextlib
import json
import queue
import resource
import shutil
import signal
import subprocess
import sys
import threading
import time
import urllib.request
from collections.abc import Iterator, Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]
LAYER = ROOT / "lambda_extension" / "layer" / "conntrace.d"
PATIENCE_S = 20.0


class Platform:
    """What the extension asked for, and what it is told."""

    def __init__(self) -> None:
        self.registrations: list[tuple[str, list[str]]] = []
        self.registered_s = 0.0
        self.next_s: list[float] = []
        """When each `/next` came (monotonic)."""
        self.subscriptions: list[dict[str, Any]] = []
        self.telemetry_statuses = [200]
        """Replies to subscriptions, the last one for ever."""
        self.refuses_invoke = False
        self.drop_next = 0
        """So many requests for `/next` are cut off without a reply."""
        self.told: queue.Queue[bytes] = queue.Queue()
        self._changed = threading.Condition()
        self._server = _server(self)
        self.address = f"127.0.0.1:{self._server.server_port}"

    def close(self) -> None:
        self.told.put(b"")
        self._server.shutdown()
        self._server.server_close()

    def invoke(self, request_id: str, *, timeout_s: float = 30.0, **more: object) -> None:
        """Hand an invocation to the extension."""
        event = {
            "eventType": "INVOKE",
            "deadlineMs": round((time.time() + timeout_s) * 1000),
            "requestId": request_id,
            "invokedFunctionArn": "arn:aws:lambda:eu-west-1:123456789012:function:shop",
            **more,
        }
        self.told.put(json.dumps(event).encode())

    def shut_down(self, reason: str = "spindown", *, budget_s: float = 2.0) -> None:
        """Tell the extension that it ends."""
        deadline_ms = round((time.time() + budget_s) * 1000)
        event = {"eventType": "SHUTDOWN", "shutdownReason": reason, "deadlineMs": deadline_ms}
        self.told.put(json.dumps(event).encode())

    def wait_for_next(self, count: int, timeout_s: float = PATIENCE_S) -> None:
        """Wait until `/next` was asked for so many times in all."""
        with self._changed:
            came = self._changed.wait_for(lambda: len(self.next_s) >= count, timeout_s)
        assert came, f"{len(self.next_s)} requests for /next instead of {count}"

    def post_telemetry(self, *events: Mapping[str, object], path: str = "") -> int:
        """Post events to the extension's listener, as the platform does; the reply's status."""
        destination = self.subscriptions[-1]["destination"]["URI"]
        port = int(destination.rpartition(":")[2].partition("/")[0])
        request = urllib.request.Request(
            f"http://127.0.0.1:{port}{path or '/'}",
            data=json.dumps(events).encode(),
            headers={"Content-Type": "application/json"},
        )
        with urllib.request.urlopen(request, timeout=PATIENCE_S) as reply:
            return int(reply.status)

    def note(self, what: str, value: Any = None) -> None:
        with self._changed:
            if what == "next":
                self.next_s.append(time.monotonic())
            elif what == "register":
                self.registrations.append(value)
                self.registered_s = self.registered_s or time.monotonic()
            else:
                self.subscriptions.append(value)
            self._changed.notify_all()


def _server(platform: Platform) -> ThreadingHTTPServer:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        # One write for a whole reply: Nagle's algorithm would hold the second one back for 40 ms.
        wbufsize = -1

        def do_POST(self) -> None:
            events = json.loads(self._body())["events"]
            platform.note("register", (self.headers["Lambda-Extension-Name"], events))
            if platform.refuses_invoke and "INVOKE" in events:
                self._reply(403, b'{"errorType":"Extension.InvalidEventType"}')
                return
            facts = b'{"functionName":"shop","accountId":"123456789012"}'
            self._reply(200, facts, {"Lambda-Extension-Identifier": "identifier-1"})

        def do_PUT(self) -> None:
            platform.note("subscribe", json.loads(self._body()))
            statuses = platform.telemetry_statuses
            self._reply(statuses.pop(0) if len(statuses) > 1 else statuses[0], b'"OK"')

        def do_GET(self) -> None:
            assert self.headers["Lambda-Extension-Identifier"] == "identifier-1"
            if platform.drop_next:
                platform.drop_next -= 1
                self.close_connection = True
                return
            platform.note("next")
            event = platform.told.get()
            if event:
                self._reply(200, event)
            self.close_connection = not event

        def _body(self) -> bytes:
            return self.rfile.read(int(self.headers.get("Content-Length", 0)))

        def _reply(
            self, status: int, body: bytes, headers: Mapping[str, str] | None = None
        ) -> None:
            self.send_response(status)
            for name, value in (headers or {}).items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            pass

    class Server(ThreadingHTTPServer):
        daemon_threads = True
        block_on_close = False

        def handle_error(self, *_: object) -> None:
            pass  # the extension may be gone

    server = Server(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
    return server


class ExtensionProcess:
    """The real extension, started as the layer's launcher starts it."""

    def __init__(self, layer: Path, platform: Platform, environment: Mapping[str, str]) -> None:
        self._log = layer.parent / "extension.log"
        self.started_s = time.monotonic()
        with self._log.open("wb") as log:
            self.process = subprocess.Popen(
                [
                    sys.executable,
                    "-I",
                    "-S",
                    str(layer / "extension.py"),
                    "/opt/extensions/conntrace",
                ],
                env={
                    "PATH": "/usr/bin:/bin",
                    "AWS_LAMBDA_RUNTIME_API": platform.address,
                    "AWS_LAMBDA_FUNCTION_NAME": "shop",
                    **environment,
                },
                stdout=log,
                stderr=subprocess.STDOUT,
                cwd="/",
            )

    @property
    def log(self) -> str:
        return self._log.read_text(encoding="utf-8", errors="replace")

    @property
    def is_running(self) -> bool:
        return self.process.poll() is None

    def wait_for_log(self, text: str) -> None:
        deadline = time.monotonic() + PATIENCE_S
        while text not in self.log:
            assert time.monotonic() < deadline, f"{text!r} is not in the log: {self.log}"
            time.sleep(0.01)

    def freeze(self, seconds: float) -> None:
        """As the platform does it with the whole environment."""
        self.process.send_signal(signal.SIGSTOP)
        time.sleep(seconds)
        self.process.send_signal(signal.SIGCONT)

    def ended(self, timeout_s: float = PATIENCE_S) -> int:
        """Its exit code, once it has ended."""
        return self.process.wait(timeout_s)


def make_layer(folder: Path, *, without: str = "") -> Path:
    """The layer's private folder, as links into this checkout.

    `without` breaks it: a file of the package `conntrace` that is missing, or `.` for all of it.
    """
    layer = folder / "conntrace.d"
    (layer / "agent").mkdir(parents=True, exist_ok=True)
    (layer / "extension.py").symlink_to(LAYER / "extension.py")
    for module in (LAYER / "agent").iterdir():
        (layer / "agent" / module.name).symlink_to(module)
    (layer / "extension").symlink_to(ROOT / "lambda_extension" / "src")
    agent = layer / "agent" / "conntrace"
    if not without:
        agent.symlink_to(ROOT / "src" / "conntrace")
    elif without != ".":
        shutil.copytree(ROOT / "src" / "conntrace", agent)
        (agent / without).unlink()
    return layer


@contextlib.contextmanager
def running_extension(
    layer: Path,
    platform: Platform,
    environment: Mapping[str, str],
    most_file_bytes: int | None = None,
) -> Iterator[ExtensionProcess]:
    extension = ExtensionProcess(layer, platform, environment)
    if most_file_bytes is not None:
        limits = (most_file_bytes, most_file_bytes)
        resource.prlimit(extension.process.pid, resource.RLIMIT_FSIZE, limits)
    try:
        yield extension
    finally:
        extension.process.kill()
        extension.process.wait()
