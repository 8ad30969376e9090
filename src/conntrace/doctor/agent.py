"""The agent: is it at work in this process, what does it patch, does a trial run record."""

from __future__ import annotations

import importlib
import importlib.util
import os
import sys
from collections import Counter
from collections.abc import Iterator

from conntrace.doctor.check import Check
from conntrace.traced import guard, recorder
from conntrace.traced.hooks.base import Installer

_GROUP = "agent"
_CLIENTS = ("urllib3.connectionpool", "botocore.client", "requests.sessions")

# Tool -> the module it has in a process where it is at work.
_OTHER_AGENTS = {
    "OpenTelemetry": "opentelemetry.instrumentation.auto_instrumentation",
    "Datadog": "ddtrace",
    "Sentry": "sentry_sdk",
    "New Relic": "newrelic",
    "Elastic": "elasticapm",
    "AWS X-Ray": "aws_xray_sdk",
}
_TRIAL = """
import http.client, http.server, threading

class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(204)
        self.end_headers()
    def log_message(self, *arguments):
        pass

server = http.server.HTTPServer(("127.0.0.1", 0), Handler)
threading.Thread(target=server.handle_request).start()
client = http.client.HTTPConnection("127.0.0.1", server.server_port, timeout=10)
client.request("GET", "/")
client.getresponse().read()
client.close()
server.server_close()
"""


def checks() -> Iterator[Check]:
    """All of this group."""
    yield _active()
    yield from _patched()
    yield from _other_agents()
    yield _trial()


def _active() -> Check:
    running = recorder.running
    if running is None:
        return Check(_GROUP, "this process", "not traced")
    failures = guard.failure_count()
    off = ", ".join(guard.switched_off_places())
    finding = "traced"
    if failures:
        finding += f", {failures} failures of the agent's own"
    if off:
        finding += f"; switched off after repeated failures: {off}"
    return Check(_GROUP, "this process", finding, not off)


def _patched() -> Iterator[Check]:
    """What the hooks find in the libraries that are installed here."""
    for name in _CLIENTS:
        try:
            importlib.import_module(name)
        except Exception:
            continue  # not installed, which the versions say
    places = _places()
    counts = Counter(place.partition(":")[0] for place in places)
    told = ", ".join(f"{module} {count}" for module, count in sorted(counts.items()))
    yield Check(_GROUP, "functions patched", told or "none", bool(places))
    missing = sorted(_wanted() - set(places))
    if missing:
        yield Check(_GROUP, "not in this version", ", ".join(missing))


def _places() -> list[str]:
    if recorder.running is not None:
        return recorder.running.places()
    installer = Installer(recorder.HOOKS)
    installer.install()
    try:
        return installer.places()
    finally:
        installer.remove()


def _wanted() -> set[str]:
    """The functions that some version of the loaded libraries has."""
    return {f"{hook.module}:{hook.path}" for hook in recorder.HOOKS if hook.module in sys.modules}


def _other_agents() -> Iterator[Check]:
    """Tools that patch the same libraries. conntrace works beside them; see the docs."""
    present = [tool for tool, module in _OTHER_AGENTS.items() if module in sys.modules]
    for tool, module in _OTHER_AGENTS.items():
        if tool not in present and module.split(".")[0] in os.environ.get("PYTHONPATH", ""):
            present.append(tool)
    yield Check(_GROUP, "other agents", ", ".join(present) or "none in this process")


def _trial() -> Check:
    """A small program under `conntrace run`, which connects to itself."""
    from conntrace.testing import run_program

    names = [name for name in os.environ if name.startswith(("OTEL_", "CONNTRACE_"))]
    try:
        result = run_program(_TRIAL, env=dict.fromkeys(names, ""), timeout_s=30)
    except Exception as error:
        return Check(_GROUP, "trial run", f"failed: {error!r}"[:200], False)
    if result.exit_code == 0 and len(result.spans.setups) == 1:
        return Check(_GROUP, "trial run", "recorded its connection and the cause", True)
    said = " ".join(result.stderr.split())[-160:]
    return Check(_GROUP, "trial run", f"recorded nothing: {said}", False)
