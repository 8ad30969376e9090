"""How soon the layer's extension is ready: from exec to registered, to its first `/next`.

`python -m benchmarks.extension_start [RUNS]`, beside a bare `python -I -S -c pass`, interleaved.
CPU time is the steadier figure: other work on the machine makes the clock's longer.
"""

from __future__ import annotations

import http.server
import os
import subprocess
import sys
import threading
import time
from dataclasses import dataclass, field
from pathlib import Path

from benchmarks.figures import Table, layer_folder

BARE_NAME = "bare python -I -S -c pass"
BARE = ["python3", "-I", "-S", "-c", "pass"]
PATIENCE_S = 20.0


@dataclass
class Moment:
    """When something happened, in seconds since the start, and what the process had used."""

    clock_s: float = 0.0
    cpu_s: float = 0.0
    resident_mb: float = 0.0


@dataclass
class Watch:
    """One start of the extension."""

    pid: int = 0
    began_s: float = 0.0
    registered: Moment = field(default_factory=Moment)
    waiting: Moment = field(default_factory=Moment)
    known: threading.Event = field(default_factory=threading.Event)
    done: threading.Event = field(default_factory=threading.Event)

    def note(self, moment: Moment) -> None:
        """Now."""
        moment.clock_s = time.monotonic() - self.began_s
        self.known.wait(PATIENCE_S)
        moment.cpu_s = int(Path(f"/proc/{self.pid}/schedstat").read_text().split()[0]) / 1e9
        pages = int(Path(f"/proc/{self.pid}/statm").read_text().split()[1])
        moment.resident_mb = pages * os.sysconf("SC_PAGE_SIZE") / 1e6


class RuntimeApi(http.server.ThreadingHTTPServer):
    """As much of the platform as a start needs: the first event is SHUTDOWN."""

    daemon_threads = True
    watch = Watch()

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        threading.Thread(target=self.serve_forever, daemon=True).start()


class Handler(http.server.BaseHTTPRequestHandler):
    """Registration, the Telemetry API, `/next`."""

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    server: RuntimeApi

    def do_POST(self) -> None:
        """Registration."""
        self.server.watch.note(self.server.watch.registered)
        self._answer(b'{"functionName":"f"}', {"Lambda-Extension-Identifier": "1"})

    def do_PUT(self) -> None:
        """A subscription."""
        self._answer(b'"OK"', {})

    def do_GET(self) -> None:
        """The first `/next`."""
        self.server.watch.note(self.server.watch.waiting)
        deadline_ms = round((time.time() + 2) * 1000)
        event = f'{{"eventType":"SHUTDOWN","shutdownReason":"spindown","deadlineMs":{deadline_ms}}}'
        self._answer(event.encode(), {})
        self.server.watch.done.set()

    def _answer(self, body: bytes, headers: dict[str, str]) -> None:
        self.rfile.read(int(self.headers.get("Content-Length", 0)))
        self.send_response(200)
        for name, value in {**headers, "Content-Length": str(len(body))}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:
        """Say nothing."""


def start_extension(api: RuntimeApi, launcher: Path) -> Watch:
    """Start it, end it, and tell what was seen."""
    watch = api.watch = Watch()
    environment = {
        "PATH": f"{Path(sys.executable).parent}:/usr/bin:/bin",
        "AWS_LAMBDA_RUNTIME_API": f"127.0.0.1:{api.server_port}",
        "AWS_LAMBDA_FUNCTION_NAME": "f",
        "OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:9",
    }
    watch.began_s = time.monotonic()
    with subprocess.Popen([launcher], env=environment) as process:
        watch.pid = process.pid
        watch.known.set()
        if not watch.done.wait(PATIENCE_S):
            process.kill()
            sys.exit("the extension did not ask for /next")
    return watch


def start_bare() -> Moment:
    """A Python that does nothing, from exec to its end."""
    environment = {"PATH": f"{Path(sys.executable).parent}:/usr/bin:/bin"}
    began_s = time.monotonic()
    process = subprocess.Popen(BARE, env=environment)
    _, _, used = os.wait4(process.pid, 0)
    process.returncode = 0
    return Moment(time.monotonic() - began_s, used.ru_utime + used.ru_stime)


def main() -> None:
    """Print medians and their ratios to the bare Python."""
    runs = int(sys.argv[1]) if len(sys.argv) > 1 else 30
    api = RuntimeApi()
    launcher = layer_folder() / "extensions" / "conntrace"
    table = Table(BARE_NAME)
    for _ in range(runs):
        bare = start_bare()
        watch = start_extension(api, launcher)
        table.add(BARE_NAME, bare.clock_s, bare.cpu_s, bare.resident_mb)
        for name, moment in (("registered", watch.registered), ("first /next", watch.waiting)):
            table.add(f"extension: {name}", moment.clock_s, moment.cpu_s, moment.resident_mb)
    print(f"medians of {runs} interleaved starts; in brackets the fastest")
    table.show()


if __name__ == "__main__":
    main()
