"""`make demo`: why does a boto3 program connect again, and does tcp_keepalive help?

Three runs of put_items.py under `conntrace run`, against a loopback stand-in for DynamoDB that
closes connections idle for 2 s. Nothing leaves this machine.
"""

from __future__ import annotations

import contextlib
import importlib.metadata
import json
import os
import shlex
import socket
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

EXAMPLES = Path(__file__).resolve().parent
SPAN_FILE = EXAMPLES.parent / "build" / "demo" / "spans.jsonl"
OTLP_PORT = 4318
ENDPOINT = "OTEL_EXPORTER_OTLP_ENDPOINT"
JAEGER = "http://localhost:16686"
SERVICE = "conntrace-demo"
RUNS = (
    ((), "one client, pauses of 0.5 s and 2.5 s"),
    (("--tcp-keepalive",), "the same with Config(tcp_keepalive=True)"),
    (("--new-client",), "a client for every call"),
)
WORTH_LOOKING_AT = "server_closed_idle"


@contextlib.contextmanager
def stand_in(folder: Path) -> Iterator[str]:
    """The stand-in for DynamoDB in a process of its own; gives its URL."""
    command = [sys.executable, str(EXAMPLES / "dynamodb_stand_in.py"), str(folder)]
    pipe = subprocess.PIPE
    with subprocess.Popen(command, stdin=pipe, stdout=pipe, text=True) as server:
        assert server.stdin is not None
        assert server.stdout is not None
        try:
            url = server.stdout.readline().strip()
            if not url:
                sys.exit("conntrace demo: the loopback server did not start (see above)")
            yield url
        finally:
            server.stdin.close()


def environment(url: str, folder: Path) -> dict[str, str]:
    """Lead boto3 to the stand-in; of the user's own settings only an OTLP endpoint is kept."""
    foreign = ("AWS_", "CONNTRACE_", "OTEL_")
    kept = {
        name: value
        for name, value in os.environ.items()
        if name.startswith("OTEL_EXPORTER_OTLP_") or not name.startswith(foreign)
    }
    aws = {
        "AWS_ENDPOINT_URL": url,
        "AWS_CA_BUNDLE": str(folder / "ca.pem"),
        "AWS_ACCESS_KEY_ID": "demo",
        "AWS_SECRET_ACCESS_KEY": "demo",
        "AWS_DEFAULT_REGION": "eu-west-1",
        "AWS_CONFIG_FILE": os.devnull,
        "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
        "AWS_EC2_METADATA_DISABLED": "true",
        "OTEL_SERVICE_NAME": SERVICE,
    }
    endpoint = {ENDPOINT: f"http://localhost:{OTLP_PORT}"}
    return kept | aws | (endpoint if ENDPOINT not in kept and jaeger_listens() else {})


def jaeger_listens() -> bool:
    """Whether something takes connections where Jaeger would take spans."""
    try:
        socket.create_connection(("localhost", OTLP_PORT), timeout=1).close()
    except OSError:
        return False
    return True


def run(variables: dict[str, str]) -> int:
    """All three variants under one `conntrace run`, which prints the report when they are done."""
    programs = [[sys.executable, str(EXAMPLES / "put_items.py"), *options] for options, _ in RUNS]
    script = " && ".join(shlex.join(program) for program in programs)
    shell = ["sh", "-c", script]
    conntrace = [sys.executable, "-m", "conntrace", "run", "-o", str(SPAN_FILE), "--report", "--"]
    return subprocess.run([*conntrace, *shell], env=variables, check=False).returncode


def check_boto() -> None:
    """Older versions would not be led to the stand-in, but to AWS."""
    version = importlib.metadata.version("botocore")
    if tuple(map(int, version.split(".")[:2])) < (1, 31):
        sys.exit(
            f"conntrace demo: needs botocore 1.31 or newer, for AWS_ENDPOINT_URL; got {version}"
        )


def announce() -> None:
    """Say what is about to run."""
    print("boto3 put_item against a loopback server that closes connections idle for 2 s:\n")
    for number, (options, meaning) in enumerate(RUNS, start=1):
        print(f"  {number}  {' '.join(('put_items.py', *options)):<29} {meaning}")
    print("\nabout 15 s ...\n", flush=True)


def worth_looking_at() -> str:
    """The id of a trace in which the server had closed the connection; empty when there is none."""
    for line in SPAN_FILE.read_text().splitlines():
        for resource in json.loads(line)["resourceSpans"]:
            for scope in resource["scopeSpans"]:
                for span in scope["spans"]:
                    if WORTH_LOOKING_AT in json.dumps(span.get("attributes", [])):
                        return str(span["traceId"])
    return ""


def main() -> int:
    """Run the demo; the exit code is that of the traced programs."""
    check_boto()
    announce()
    SPAN_FILE.parent.mkdir(parents=True, exist_ok=True)
    SPAN_FILE.unlink(missing_ok=True)
    with tempfile.TemporaryDirectory(prefix="conntrace-demo-") as name:
        folder = Path(name)
        with stand_in(folder) as url:
            variables = environment(url, folder)
            code = run(variables)
    if code == 0 and variables.get(ENDPOINT, "").endswith(f":{OTLP_PORT}"):
        trace = worth_looking_at()
        print(f"\nin Jaeger: {JAEGER}/{f'trace/{trace}' if trace else f'search?service={SERVICE}'}")
    return code


if __name__ == "__main__":
    try:
        sys.exit(main())
    except KeyboardInterrupt:
        sys.exit(130)
