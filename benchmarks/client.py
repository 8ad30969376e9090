"""The program that is measured: `client.py MODE PORT`. Prints one JSON line of CPU microseconds.

MODE is `plain`, `conntrace` (the caller runs it under `conntrace run`) or `opentelemetry` (the
urllib3 instrumentation with a batch processor whose exporter throws everything away).
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable

import urllib3

REUSED = 2000
NEW = 400
ROUNDS = 3


def instrument_with_opentelemetry() -> None:
    """OpenTelemetry's urllib3 instrumentation, spans included, without a network behind it."""
    from opentelemetry import trace
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


def cpu_us(work: Callable[[], None], count: int) -> float:
    """CPU of this process for one of `count` pieces of work; the least of some rounds."""
    found = []
    for _ in range(ROUNDS):
        began = time.process_time()
        work()
        found.append((time.process_time() - began) / count * 1e6)
    return min(found)


def main() -> None:
    """Measure requests on a kept connection, and requests that need a new one."""
    mode, port = sys.argv[1], sys.argv[2]
    if mode == "opentelemetry":
        instrument_with_opentelemetry()
    url = f"http://127.0.0.1:{port}/items?key=value"
    last_url = f"http://127.0.0.1:{port}/close"
    manager = urllib3.PoolManager()

    def reused() -> None:
        for _ in range(REUSED):
            manager.request("GET", url)

    def new() -> None:
        for _ in range(NEW):
            manager.request("GET", last_url)

    reused()
    print(json.dumps({"reused": cpu_us(reused, REUSED), "new": cpu_us(new, NEW)}))


if __name__ == "__main__":
    main()
