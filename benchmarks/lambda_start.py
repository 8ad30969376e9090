"""What a layer adds to a function's INIT, to its first invocation, and to warm ones.

`python -m benchmarks.lambda_start [RUNS]`: a boto3 function on the local Lambda, plain, with
conntrace's layer, and with OpenTelemetry started as its layer does it (`opentelemetry-instrument`
with the botocore, requests and urllib3 instrumentations), interleaved. OpenTelemetry's layer also
sends its spans before the response: the last row has that, the one before it never sends any.
"""

from __future__ import annotations

import contextlib
import http.server
import itertools
import os
import statistics
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from benchmarks.figures import layer_folder

from conntrace.simulator import LocalLambda

HERE = Path(__file__).resolve().parent
STAND_IN = HERE.parent / "examples" / "loopback_server.py"
IDLE_LIMIT_S = "60"
WARM = 30
CLOCK = ("INIT", "first invocation", "warm invocation")
CPU = ("until first response", "warm invocation")
OTEL_WRAPPER = f"""#!/bin/sh
exec {Path(sys.executable).parent}/opentelemetry-instrument "$@"
"""
OTEL_VARIABLES = {
    "AWS_LAMBDA_EXEC_WRAPPER": "/opt/otel-instrument",
    "OTEL_TRACES_EXPORTER": "otlp",
    "OTEL_EXPORTER_OTLP_PROTOCOL": "http/protobuf",
    "OTEL_METRICS_EXPORTER": "none",
    "OTEL_LOGS_EXPORTER": "none",
    "OTEL_PYTHON_DISABLED_INSTRUMENTATIONS": "conntrace,aiobotocore",
}
CONNTRACE_VARIABLES = {"AWS_LAMBDA_EXEC_WRAPPER": "/opt/conntrace"}


@dataclass(frozen=True)
class Way:
    """What is attached to the function."""

    name: str
    layer: Path | None
    variables: Mapping[str, str]
    handler: str = "app.handler"


class Sink(http.server.BaseHTTPRequestHandler):
    """A back end that is content with everything."""

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True

    def do_POST(self) -> None:
        """Read and forget."""
        self.rfile.read(int(self.headers.get("Content-Length", 0)))
        self.send_response(200)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, format: str, *args: object) -> None:
        """Say nothing."""


class Backend(http.server.ThreadingHTTPServer):
    """Its clients are killed in the middle of things, which is nothing to report."""

    def handle_error(self, request: object, client_address: object) -> None:
        """Say nothing."""


@contextlib.contextmanager
def surroundings(folder: Path) -> Iterator[dict[str, str]]:
    """The variables that lead to a stand-in for DynamoDB and to a back end."""
    pipe = subprocess.PIPE
    command = [sys.executable, str(STAND_IN), "--tls", str(folder), "--idle-limit", IDLE_LIMIT_S]
    sink = Backend(("127.0.0.1", 0), Sink)
    threading.Thread(target=sink.serve_forever, daemon=True).start()
    with subprocess.Popen(command, stdin=pipe, stdout=pipe, text=True) as server:
        assert server.stdin is not None
        assert server.stdout is not None
        yield {
            "AWS_ENDPOINT_URL": server.stdout.readline().strip(),
            "AWS_CA_BUNDLE": str(folder / "ca.pem"),
            "OTEL_EXPORTER_OTLP_ENDPOINT": f"http://127.0.0.1:{sink.server_port}",
        }
        server.stdin.close()


def open_telemetry_layer(folder: Path) -> Path:
    """A layer with nothing but the wrapper: the packages are those of this environment."""
    layer = folder / "otel-layer"
    layer.mkdir()
    wrapper = layer / "otel-instrument"
    wrapper.write_text(OTEL_WRAPPER)
    wrapper.chmod(0o755)
    return layer


@dataclass(frozen=True)
class Life:
    """One environment, from INIT to its last invocation. Times in seconds."""

    clock: tuple[float, ...]
    """By CLOCK; the response is waited for, not what the extension does after it."""
    cpu: tuple[float, ...]
    """By CPU; of the function's process alone."""
    memory_mb: int


def measure(way: Way, variables: Mapping[str, str]) -> Life:
    """A new environment that is invoked again and again."""
    with LocalLambda(
        handler=way.handler,
        task_root=HERE / "lambda_function",
        layer=way.layer,
        environment={**variables, **way.variables},
        timeout_s=60,
        memory_mb=1024,
    ) as function:
        done = [function.invoke() for _ in range(1 + WARM)]
        for each in done:
            if each.finished().status != "success":
                sys.exit(f"{way.name}: the function failed:\n{each.log}")
    first, *warm = done
    used = [each.json()["cpu_ns"] / 1e9 for each in done]
    steps = [later - earlier for earlier, later in itertools.pairwise(used)]
    return Life(
        (
            first.init_s,
            first.response_s - first.init_s,
            statistics.median(each.response_s for each in warm),
        ),
        (used[0], statistics.median(steps)),
        max(each.memory_mb for each in done),
    )


def show(heading: str, parts: Sequence[str], rows: Mapping[str, list[tuple[float, ...]]]) -> None:
    """Medians in milliseconds, what is added to the plain function, and the smallest of all."""
    print(f"{heading:16}" + "".join(f"{part:>29}" for part in parts))
    plain: list[float] = []
    for name, runs in rows.items():
        line = f"{name:16}"
        medians = [statistics.median(column) * 1000 for column in zip(*runs, strict=True)]
        smallest = [min(column) * 1000 for column in zip(*runs, strict=True)]
        for median, least, base in zip(medians, smallest, plain or medians, strict=True):
            added = f"{median - base:+.1f}" if plain else ""
            line += f"{median:11.1f} ({least:6.1f}) {added:>8}"
        plain = plain or medians
        print(line)


def show_ratios(cpu: Mapping[str, list[tuple[float, ...]]]) -> None:
    """What conntrace adds, as a share of what OpenTelemetry adds."""
    columns = {name: list(zip(*runs, strict=True)) for name, runs in cpu.items()}
    for position, part in enumerate(CPU):
        plain, ours, *theirs = (
            statistics.median(each[position]) * 1000 for each in columns.values()
        )
        shares = " and ".join(f"{(ours - plain) / (other - plain):.2f}" for other in theirs)
        print(f"CPU, {part}: conntrace adds {ours - plain:.2f} ms, {shares} of OpenTelemetry's")


def main() -> None:
    """Print the tables."""
    runs = int(sys.argv[1]) if len(sys.argv) > 1 else 10
    with tempfile.TemporaryDirectory(prefix="conntrace-bench-") as name:
        folder = Path(name)
        otel_layer = open_telemetry_layer(folder)
        ways = [
            Way("plain", None, {}),
            Way("conntrace", layer_folder(), CONNTRACE_VARIABLES),
            Way("OpenTelemetry", otel_layer, OTEL_VARIABLES),
            Way("… that sends", otel_layer, OTEL_VARIABLES, "app.flushing_handler"),
        ]
        lives: dict[str, list[Life]] = {way.name: [] for way in ways}
        with surroundings(folder) as variables:
            for _ in range(runs):
                for way in ways:
                    lives[way.name].append(measure(way, variables))
    print(
        f"ms, medians of {runs} interleaved runs of {WARM} warm invocations; in brackets the least"
    )
    show("clock", CLOCK, {name: [life.clock for life in each] for name, each in lives.items()})
    cpu = {name: [life.cpu for life in each] for name, each in lives.items()}
    show("CPU", CPU, cpu)
    show_ratios(cpu)
    peaks = {name: max(life.memory_mb for life in each) for name, each in lives.items()}
    print("memory, all processes: " + ", ".join(f"{way} {mb} MB" for way, mb in peaks.items()))
    print(f"load of the machine: {os.getloadavg()[0]:.1f} on {os.cpu_count()} cores")


if __name__ == "__main__":
    main()
