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
_OWN_FAILURES = {"[agent-failure]": "failures", "[hook-switched-off]": "hooks"}
# More rounds than the failures after which a hook is switched off: one that does not get along with
# the libraries that are installed here shows itself.
_ROUNDS = guard.MAX_FAILURES + 5
_TRIAL = f"""
import http.client, http.server, socket, threading

class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    def do_GET(self):
        self.send_response(204)
        self.end_headers()
    def log_message(self, *arguments):
        pass

server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
server.daemon_threads = True
threading.Thread(target=server.serve_forever, daemon=True).start()
url = f"http://127.0.0.1:{{server.server_port}}/"

for _ in range({_ROUNDS}):
    socket.getaddrinfo("localhost", 80)
    client = http.client.HTTPConnection("127.0.0.1", server.server_port, timeout=10)
    client.request("GET", "/")
    client.getresponse().read()
    client.close()
try:
    import urllib3
except ImportError:
    pass
else:
    kept = urllib3.PoolManager(num_pools=1)
    for _ in range({_ROUNDS}):
        kept.request("GET", url)
        urllib3.PoolManager().request("GET", url)
try:
    import requests
except ImportError:
    pass
else:
    for _ in range({_ROUNDS}):
        requests.get(url, timeout=10)
try:
    from botocore import UNSIGNED, config, session
except ImportError:
    pass
else:
    options = config.Config(signature_version=UNSIGNED, s3={{"addressing_style": "path"}})
    s3 = session.Session().create_client(
        "s3", region_name="eu-west-1", endpoint_url=url, config=options
    )
    for _ in range({_ROUNDS}):
        s3.list_objects(Bucket="trial")
server.shutdown()
"""


def checks() -> Iterator[Check]:
    """All of this group."""
    yield _active()
    yield from _patched()
    yield from _other_agents()
    yield from _trial()


def _active() -> Check:
    running = recorder.running
    if running is None:
        return Check(_GROUP, "this process", "not traced")
    failures = guard.failure_count()
    off = ", ".join(sorted(guard.switched_off))
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


def _trial() -> Iterator[Check]:
    """A small program under `conntrace run`, which connects to itself with what is installed."""
    from conntrace.testing import run_program

    names = [name for name in os.environ if name.startswith(("OTEL_", "CONNTRACE_"))]
    environment = {**dict.fromkeys(names, ""), "NO_PROXY": "*", "no_proxy": "*"}
    try:
        result = run_program(_TRIAL, env=environment, timeout_s=60)
    except Exception as error:
        yield Check(_GROUP, "trial run", f"failed: {error!r}"[:200], False)
        return
    if result.exit_code == 0 and len(result.spans.setups) >= _ROUNDS:
        found = f"recorded {len(result.spans.setups)} connections and their causes"
        yield Check(_GROUP, "trial run", found, True)
    else:
        said = " ".join(result.stderr.split())[-160:]
        yield Check(_GROUP, "trial run", f"recorded too little: {said}", False)
    yield from _own_failures(result.stderr)


def _own_failures(said: str) -> Iterator[Check]:
    """What the trial says of faults of ours: hooks that failed, and those switched off for it."""
    for line in said.splitlines():
        for slug, name in _OWN_FAILURES.items():
            if line.startswith("conntrace: ") and line.endswith(slug):
                yield Check(_GROUP, name, line.removeprefix("conntrace: "), False)
