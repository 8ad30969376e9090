"""Walks the path of somebody who has just heard of conntrace: `python -m scripts.newcomer`.

In a clean folder: a clone, `make demo`, an own script under `conntrace run`, the report in its
three forms, a cause explained, `conntrace doctor`, then a contributor's commands. The cache is the
usual one; point CONNTRACE_CACHE at an empty folder to begin with nothing. Ends with the first step
that fails.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import NamedTuple

from scripts.cache import CHECKOUT
from scripts.shell import say

OWN_SCRIPT = """
import sys
import time
import urllib.request

for number in range(3):
    print(urllib.request.urlopen(sys.argv[1]).read().decode())
    time.sleep(0.1)
"""


class Step(NamedTuple):
    """A command as it is typed, and what its output must hold."""

    command: str
    expected: tuple[str, ...]


# Neither history nor what was built: a copy, because git clones no folder of another user's.
NOT_CLONED = shutil.ignore_patterns(
    ".git", "build", "dist", "htmlcov", "__pycache__", ".coverage*", ".*_cache", ".hypothesis"
)
BEFORE = ("make -s env",)
"""Run before the steps, because it says where the programs are."""
STEPS = (
    Step("make && make demo", ("lab-%", "server_closed_idle", "client_recreated", "avoidable")),
    Step('cd .. && conntrace run -- python own.py "$SERVER"', ("hello", "one_shot_api")),
    Step('cd .. && conntrace run -o spans.jsonl -- python own.py "$SERVER"', ("3 connections",)),
    Step("cd .. && conntrace report spans.jsonl", ("avoidable", "own.py")),
    Step("cd .. && conntrace report spans.jsonl --format html -o report.html", ()),
    Step("cd .. && grep -c one_shot_api report.html", ()),
    Step("cd .. && conntrace report spans.jsonl --format json", ('"one_shot_api"',)),
    Step("conntrace causes one_shot_api", ("What to do",)),
    Step("conntrace doctor", ("all is well",)),
    # In an environment of their own, with nothing but conntrace.
    Step("cd .. && python3 -m venv own && own/bin/pip install -q ./conntrace", ()),
    Step('cd .. && own/bin/conntrace run -- own/bin/python own.py "$SERVER"', ("one_shot_api",)),
    Step(
        "cd .. && own/bin/pip install -q './conntrace[lambda]' './conntrace[otel]'"
        " urllib3 awslambdaric && own/bin/conntrace doctor",
        ("all is well",),
    ),
    Step("cd .. && own/bin/pip uninstall -y -q conntrace && ! ls own/bin/conntrace", ()),
    # What a contributor types.
    Step("make lab-keepalive", ("server_closed_idle",)),
    Step("make layer FLAVOUR=protobuf", ("conntrace-layer-protobuf.zip",)),
    Step("make docs && git diff --exit-code", ()),
    Step("make format && git diff --exit-code", ()),
    Step("make lock ARGS=site", ("wrote requirements/site.txt",)),
    Step("make clean && ! ls dist", ()),
    Step("CONNTRACE_CACHE=$PWD/../cache make distclean && ! ls ../cache", ()),
)


class Hello(BaseHTTPRequestHandler):
    """The server that the own script asks."""

    def do_GET(self) -> None:
        self.send_response(200)
        self.send_header("Content-Length", "5")
        self.end_headers()
        self.wfile.write(b"hello")

    def log_message(self, format: str, *args: object) -> None:
        """The steps are what the reader came for."""


def walk(folder: Path, server: str) -> None:
    clone = folder / "conntrace"
    shutil.copytree(CHECKOUT, clone, symlinks=True, ignore=NOT_CLONED)
    for words in ("init -q", "add -A", "-c user.name=n -c user.email=n@localhost commit -qm all"):
        subprocess.run(["git", *words.split()], cwd=clone, check=True)
    (folder / "own.py").write_text(OWN_SCRIPT)
    environment = {**os.environ, "SERVER": server, "NO_PROXY": "*"}
    venv = subprocess.run(BEFORE[0].split(), cwd=clone, check=True, capture_output=True, text=True)
    environment["PATH"] = f"{venv.stdout.strip()}/bin{os.pathsep}{environment['PATH']}"
    for step in STEPS:
        say(f"newcomer: {step.command}")
        ended = subprocess.run(
            step.command, shell=True, cwd=clone, env=environment, capture_output=True, text=True
        )
        told = ended.stdout + ended.stderr
        missing = [each for each in step.expected if each not in told]
        if ended.returncode or missing:
            sys.exit(
                f"{told}\nconntrace: newcomer: exit code {ended.returncode}, missing {missing}"
            )


def main() -> None:
    with (
        tempfile.TemporaryDirectory(prefix="conntrace-newcomer-") as folder,
        ThreadingHTTPServer(("127.0.0.1", 0), Hello) as server,
    ):
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            walk(Path(folder), f"http://127.0.0.1:{server.server_port}/")
        finally:
            server.shutdown()
            thread.join()
    say("newcomer: everything worked")


if __name__ == "__main__":
    main()
