"""The program that is measured: `client.py MODE PORT`. Prints one JSON line.

MODE is `plain` and `conntrace` (the caller runs it under `conntrace run`), `opentelemetry`,
`datadog` or `sentry`: that tool's tracing of urllib3 and requests, spans included, with nothing
behind it that takes them.
"""

from __future__ import annotations

import json
import resource
import sys
import time
from collections.abc import Callable

import requests
import urllib3

REUSED = 2000
NEW = 400
ROUNDS = 3


def opentelemetry() -> None:
    """The instrumentations of urllib3 and requests, and the SDK with a batch processor."""
    from opentelemetry import trace
    from opentelemetry.instrumentation.requests import RequestsInstrumentor
    from opentelemetry.instrumentation.urllib3 import URLLib3Instrumentor
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.sdk.trace.export import BatchSpanProcessor, SpanExporter, SpanExportResult

    class Nowhere(SpanExporter):
        def export(self, spans: object) -> SpanExportResult:
            return SpanExportResult.SUCCESS

    provider = TracerProvider()
    provider.add_span_processor(BatchSpanProcessor(Nowhere()))
    trace.set_tracer_provider(provider)
    URLLib3Instrumentor().instrument()
    RequestsInstrumentor().instrument()


def datadog() -> None:
    """ddtrace with its urllib3 and requests integrations; the caller's settings keep it quiet."""
    import ddtrace

    ddtrace.patch(urllib3=True, requests=True)


def sentry() -> None:
    """The SDK with tracing and its socket integration."""
    import sentry_sdk
    from sentry_sdk.integrations.socket import SocketIntegration
    from sentry_sdk.transport import Transport

    class Nowhere(Transport):
        def capture_envelope(self, envelope: object) -> None:
            pass

    sentry_sdk.init(
        "http://key@127.0.0.1:9/1",
        transport=Nowhere,
        traces_sample_rate=1.0,
        integrations=[SocketIntegration()],
    )
    # Without a transaction it makes no spans.
    sentry_sdk.start_transaction(op="benchmark", name="benchmark").__enter__()


TOOLS = {"opentelemetry": opentelemetry, "datadog": datadog, "sentry": sentry}


def cpu_us(work: Callable[[], None], count: int) -> float:
    """CPU of this process for one of `count` pieces of work; the least of some rounds."""
    found = []
    for _ in range(ROUNDS):
        began = time.process_time()
        work()
        found.append((time.process_time() - began) / count * 1e6)
    return min(found)


def main() -> None:
    """Measure the first reply, requests on a kept connection, and those that need a new one."""
    mode, port = sys.argv[1], sys.argv[2]
    if mode in TOOLS:
        TOOLS[mode]()
    url = f"http://127.0.0.1:{port}/items?key=value"
    last_url = f"http://127.0.0.1:{port}/close"
    manager = urllib3.PoolManager()
    manager.request("GET", url)
    first_reply_cpu_ms = time.process_time() * 1e3
    session = requests.Session()

    def reused() -> None:
        for _ in range(REUSED):
            manager.request("GET", url)

    def new() -> None:
        for _ in range(NEW):
            manager.request("GET", last_url)

    def reused_by_requests() -> None:
        for _ in range(REUSED // 4):
            session.get(url)

    reused()
    figures = {
        "start": first_reply_cpu_ms,
        "reused": cpu_us(reused, REUSED),
        "new": cpu_us(new, NEW),
        "requests": cpu_us(reused_by_requests, REUSED // 4),
        "memory": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
    }
    print(json.dumps(figures))


if __name__ == "__main__":
    main()
