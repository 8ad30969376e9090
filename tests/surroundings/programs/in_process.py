"""`in_process.py FAULT URL`: the program's own OpenTelemetry fails, with conntrace in the process.

FAULT is `none` (no conntrace, nothing fails), or what fails: `exporter`, `processor`, `sampler`,
`close`, `slow`, `lock`. Prints what the program got.
"""

import os
import sys
import threading
import time

import urllib3
from opentelemetry.sdk.trace import SpanProcessor, TracerProvider
from opentelemetry.sdk.trace.sampling import ALWAYS_ON, Sampler

import conntrace
from conntrace.analyzer.exporters import contained

FAULT, URL = sys.argv[1], sys.argv[2]
contained.MAX_WAIT_S = 0.5


class Exporter:
    """One of conntrace's own kind, from somebody else."""

    dropped = 0

    def export(self, spans):
        if FAULT == "exporter":
            raise RuntimeError("hunter2")

    def close(self, timeout_s):
        if FAULT == "close":
            raise RuntimeError("hunter2")


class Processor(SpanProcessor):
    lock = threading.Lock()

    def on_end(self, span):
        if FAULT == "processor":
            raise RuntimeError("hunter2")
        if FAULT == "slow":
            time.sleep(0.6)
        if FAULT == "lock":
            # What it protects makes requests itself, and has nobody who says so.
            with self.lock:
                urllib3.PoolManager().request("GET", URL)


class Moody(Sampler):
    def should_sample(self, *arguments, **more):
        if FAULT == "sampler":
            raise RuntimeError("hunter2")
        return ALWAYS_ON.should_sample(*arguments, **more)

    def get_description(self):
        return "moody"


provider = TracerProvider(sampler=Moody())
provider.add_span_processor(Processor())
if FAULT in ("exporter", "close"):
    assert conntrace.instrument(exporters=[Exporter()])
elif FAULT != "none":
    assert conntrace.instrument(tracer_provider=provider)
pool = urllib3.PoolManager()
print([pool.request("GET", URL).data for _ in range(15)])
try:
    pool.request("GET", "http://127.0.0.1:1/", retries=False)
except urllib3.exceptions.HTTPError as error:
    print(type(error).__name__)
child = os.fork()
if child == 0:
    print(urllib3.PoolManager().request("GET", URL).data, flush=True)
    os._exit(7)
print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
if FAULT in ("close", "sampler"):
    conntrace.uninstrument()
sys.exit(3)
