"""`make demo`: why does a warm Lambda function look DynamoDB's name up again?

A local Lambda runs orders/app.py, with conntrace's layer attached as on AWS, against a loopback
stand-in for DynamoDB that closes connections idle for 2 s. Nothing leaves this machine.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import socket
import subprocess
import sys
import tempfile
import textwrap
import urllib.request
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import loopback_server
from conntrace import semantic_names as names
from conntrace.errors import ConntraceError
from conntrace.simulator import Invocation, LocalLambda
from conntrace.simulator.receiver import SpanReceiver
from conntrace.testing import Span, Spans, read_spans

EXAMPLES = Path(__file__).resolve().parent
IDLE_LIMIT_S = "2"
CHECKOUT = EXAMPLES.parent
LAYER = CHECKOUT / "dist" / "conntrace-layer.zip"
SPAN_FILE = CHECKOUT / "build" / "demo" / "spans.jsonl"
OTLP_PORT = 4318
ENDPOINT = "OTEL_EXPORTER_OTLP_ENDPOINT"
JAEGER = "http://localhost:16686"
SERVICE = "conntrace-demo"
PAUSE_S = 2.5
WORTH_LOOKING_AT = "server_closed_idle"
WIDTH = 88
PARTS = {
    names.DNS_LOOKUP: "DNS lookup",
    names.SOCKET_CONNECT: "connect",
    names.TLS_HANDSHAKE: "TLS",
}
INTRODUCTION = """\
A local Lambda runs a boto3 function (put_item) with conntrace's layer attached by
AWS_LAMBDA_EXEC_WRAPPER=/opt/conntrace, against a loopback server that closes connections
idle for 2 s. Warm invocations, with the environment frozen in between; about 20 s ...
"""


@dataclass(frozen=True)
class Step:
    """One invocation: how long the environment is frozen before it, and what it is told."""

    frozen_s: float
    event: Mapping[str, object]

    def __str__(self) -> str:
        if "pause_s" in self.event:
            return f"awake, waits {self.event['pause_s']} s"
        return f"frozen for {self.frozen_s} s" if self.frozen_s else "cold start"


@dataclass(frozen=True)
class Function:
    """A way to configure orders/app.py, and what is done with it."""

    name: str
    meaning: str
    steps: Sequence[Step]
    handler: str = "app.handler"
    variables: Mapping[str, str] = field(default_factory=dict)


WITH_PAUSES = (
    Step(0, {"order": 1}),
    Step(0.5, {"order": 2}),
    Step(PAUSE_S, {"order": 3}),
    Step(0.5, {"order": 4, "pause_s": PAUSE_S}),
)
FUNCTIONS = (
    Function("orders", "one client, made at import", WITH_PAUSES),
    Function(
        "orders-keepalive",
        "the same with Config(tcp_keepalive=True)",
        WITH_PAUSES,
        variables={"TCP_KEEPALIVE": "true"},
    ),
    Function(
        "orders-new-client",
        "a client for every invocation",
        (Step(0, {"order": 1}), Step(0.5, {"order": 2}), Step(0.5, {"order": 3})),
        handler="app.handler_new_client",
    ),
)


def configuration(url: str, folder: Path, endpoint: str) -> dict[str, str]:
    """The function's variables. Layer and wrapper are all that conntrace needs; the rest leads
    boto3 to the stand-in."""
    return {
        "AWS_LAMBDA_EXEC_WRAPPER": "/opt/conntrace",
        ENDPOINT: endpoint,
        "OTEL_SERVICE_NAME": SERVICE,
        "AWS_ENDPOINT_URL": url,
        "AWS_CA_BUNDLE": str(folder / "ca.pem"),
    }


def run(function: Function, layer: Path, variables: Mapping[str, str]) -> list[Invocation]:
    """All its invocations; its environment is ended."""
    with LocalLambda(
        handler=function.handler,
        task_root=EXAMPLES / "orders",
        layer=layer,
        environment={**variables, **function.variables},
        timeout_s=30,
        name=function.name,
    ) as local:
        done = [local.invoke(step.event, gap_s=step.frozen_s) for step in function.steps]
        for each in done:
            if each.finished().status != "success":
                sys.exit(f"conntrace demo: {function.name} failed:\n{each.log}")
    return done


def show(function: Function, done: Sequence[Invocation], spans: Spans) -> None:
    """Its invocations, and why each of them opened connections."""
    for number, (step, invocation) in enumerate(zip(function.steps, done, strict=True), start=1):
        setups = setups_of(invocation, spans)
        parts = " | ".join(parts_of(setup, spans) for setup in setups) or "connection reused"
        print(f"  {number}  {step!s:<19}{invocation.response_s * 1000:6.0f} ms   {parts}")
        for setup in setups:
            detail = str(setup.attributes[names.CAUSE_DETAIL])
            why = f"why: {detail.replace(f'{CHECKOUT}/', '')}"
            print(textwrap.fill(why, WIDTH, initial_indent=" " * 5, subsequent_indent=" " * 10))
    print(flush=True)


def setups_of(invocation: Invocation, spans: Spans) -> list[Span]:
    """The connection set-ups in the trace of an invocation."""
    traces = {
        span.trace_id
        for span in spans
        if span.attributes.get(names.FAAS_INVOCATION_ID) == invocation.request_id
    }
    return [setup for setup in spans.setups if setup.trace_id in traces]


def parts_of(setup: Span, spans: Spans) -> str:
    """What a set-up consisted of: `DNS lookup 0.4 ms, connect 0.1 ms, TLS 12.0 ms`."""
    parts = []
    for child in spans.children(setup):
        for name, word in PARTS.items():
            if child.name.startswith(name):
                parts.append(f"{word} {(child.end_ns - child.start_ns) / 1e6:.1f} ms")
    return ", ".join(parts)


def back_end() -> str:
    """Where the spans also go: the user's endpoint, else a Jaeger on this machine; its URL."""
    named = os.environ.get(ENDPOINT, "")
    if not named:
        try:
            socket.create_connection(("localhost", OTLP_PORT), timeout=1).close()
        except OSError:
            return ""
        named = f"http://localhost:{OTLP_PORT}"
    return f"{named.rstrip('/')}/v1/traces"


def report(span_file: Path) -> int:
    """What `conntrace report` says of all spans."""
    command = [sys.executable, "-m", "conntrace", "report", str(span_file)]
    return subprocess.run(command, check=False).returncode


def pass_on(span_file: Path, url: str) -> str:
    """Send the spans to a back end as they came, one request a line; why it failed, or empty."""
    for line in span_file.read_bytes().splitlines():
        request = urllib.request.Request(url, line, {"Content-Type": "application/json"})
        try:
            urllib.request.urlopen(request, timeout=10).close()
        except OSError as error:
            return str(error)
    return ""


def say_where_spans_are(span_file: Path) -> None:
    """The file, and the page in Jaeger of a trace that is worth looking at."""
    print(f"\nspans: {span_file}")
    url = back_end()
    if not url:
        print(f"nothing listens on localhost:{OTLP_PORT}: with a Jaeger there, it gets them too")
        return
    problem = pass_on(span_file, url)
    if problem:
        print(f"{url} did not take them: {problem}")
        return
    setups = read_spans(span_file).setups
    found = [each for each in setups if each.attributes[names.CAUSE_NAME] == WORTH_LOOKING_AT]
    page = f"trace/{found[0].trace_id}" if found else f"search?service={SERVICE}"
    print(f"also sent to {url}; in Jaeger: {JAEGER}/{page}")


def main() -> int:
    """Run the demo; the exit code is that of the report."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--layer", type=Path, default=LAYER, help="default: dist/…-layer.zip")
    parser.add_argument("--spans", type=Path, default=SPAN_FILE, help="default: build/demo/…")
    options = parser.parse_args()
    print(INTRODUCTION, flush=True)
    options.spans.parent.mkdir(parents=True, exist_ok=True)
    options.spans.unlink(missing_ok=True)
    with tempfile.TemporaryDirectory(prefix="conntrace-demo-") as name:
        folder = Path(name)
        stand_in = loopback_server.started("--tls", name, "--idle-limit", IDLE_LIMIT_S)
        with stand_in as url, contextlib.closing(SpanReceiver(options.spans)) as receiver:
            variables = configuration(url, folder, receiver.endpoint)
            for function in FUNCTIONS:
                print(f"{function.name}: {function.meaning}", flush=True)
                done = run(function, options.layer, variables)
                show(function, done, read_spans(options.spans))
    code = report(options.spans)
    say_where_spans_are(options.spans)
    return code


if __name__ == "__main__":
    try:
        sys.exit(main())
    except ConntraceError as error:
        sys.exit(f"conntrace demo: {error}")
    except KeyboardInterrupt:
        sys.exit(130)
