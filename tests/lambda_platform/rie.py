"""AWS's Runtime Interface Emulator as a platform: its program in a mount namespace of its own, the
layer on /opt, and a bootstrap that honours the wrapper variable, which the emulator leaves to it.
"""

from __future__ import annotations

import json
import signal
import sys
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Mapping
from pathlib import Path

from conntrace.simulator.layers import unpack
from conntrace.simulator.sandbox import Mount, Program, Sandbox
from tests.components.processes import free_port, listens, wait_until
from tests.lambda_platform.platforms import DIFFERENCES, Answer, Function, Platform

BOOTSTRAP = """\
#!/bin/sh
set -- "{python}" -m awslambdaric "$1"
exec ${{AWS_LAMBDA_EXEC_WRAPPER:+"$AWS_LAMBDA_EXEC_WRAPPER"}} "$@"
"""
INVOKE = "/2015-03-31/functions/function/invocations"
_SHUTDOWN_S = 10.0
# Loopback must never go through a proxy that the environment names.
_opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))


class EmulatorFunction(Function):
    """One emulator, and in it one function."""

    def __init__(self, program: Program, mounts: list[Mount], port: int, log: Path) -> None:
        self._url = f"http://127.0.0.1:{port}{INVOKE}"
        self._log = log
        self._ended = threading.Event()
        self._sandbox = Sandbox(mounts, lambda name, code: self._ended.set())
        try:
            assert self._sandbox.mounted or not mounts, self._sandbox.why_not_mounted
            with open(log, "wb") as output:
                self._sandbox.start(program, output.fileno())
            wait_until(lambda: listens(port) or self._ended.is_set(), "the emulator to listen")
        except BaseException:
            self._sandbox.close()
            raise

    def invoke(self, event: object, gap_s: float = 0.0, trace_header: str = "") -> Answer:
        """POST it to the emulator. It freezes nothing: the pause is only a pause."""
        time.sleep(gap_s)
        headers = {"X-Amzn-Trace-Id": trace_header} if trace_header else {}
        request = urllib.request.Request(self._url, json.dumps(event).encode(), headers)
        begun = time.monotonic()
        try:
            with _opener.open(request, timeout=60) as answer:
                return Answer(answer.read(), time.monotonic() - begun)
        except urllib.error.HTTPError as problem:
            with problem:
                return Answer(problem.read(), time.monotonic() - begun)

    def shutdown(self) -> None:
        """SIGTERM, upon which it shuts its environment down; then nothing is left."""
        if not self._ended.is_set():
            self._sandbox.signal("emulator", signal.SIGTERM)
            self._ended.wait(_SHUTDOWN_S)
        self._sandbox.close()

    @property
    def log(self) -> str:
        """The emulator's own lines are among them."""
        return self._log.read_text(errors="replace")


class EmulatorPlatform(Platform):
    """The real program from AWS, on free loopback ports."""

    name = "AWS's emulator"

    def __init__(self, program: Path, folder: Path) -> None:
        self._program = program
        self._folder = folder
        self._count = 0

    def lacks(self, difference: str) -> bool:
        """In every row."""
        assert difference in DIFFERENCES
        return True

    def start(
        self,
        handler: str,
        task_root: Path,
        layer: Path | None,
        environment: Mapping[str, str],
        timeout_s: int,
        mounts: tuple[Mount, ...] = (),
        init_timeout_s: float = 10.0,
    ) -> Function:
        """An emulator of its own for each function."""
        self._count += 1
        folder = self._folder / str(self._count)
        folder.mkdir()
        bootstrap = folder / "bootstrap"
        bootstrap.write_text(BOOTSTRAP.format(python=sys.executable))
        bootstrap.chmod(0o755)
        opt = [Mount(unpack([layer], folder / "opt"), Path("/opt"))] if layer else []
        port, api = free_port(), free_port()
        argv = [str(self._program), "--log-level", "warn"]
        argv += ["--runtime-interface-emulator-address", f"127.0.0.1:{port}"]
        argv += ["--runtime-api-address", f"127.0.0.1:{api}", str(bootstrap), handler]
        variables = {
            "PATH": f"{Path(sys.executable).parent}:/usr/local/bin:/usr/bin:/bin",
            "LANG": "en_US.UTF-8",
            "AWS_LAMBDA_FUNCTION_NAME": "local-function",
            "AWS_LAMBDA_FUNCTION_TIMEOUT": str(timeout_s),
            "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": "512",
            "AWS_REGION": "eu-west-1",
            "AWS_DEFAULT_REGION": "eu-west-1",
            "AWS_ACCESS_KEY_ID": "local",
            "AWS_SECRET_ACCESS_KEY": "local",
            **environment,
        }
        program = Program("emulator", argv, variables, str(task_root))
        return EmulatorFunction(program, [*opt, *mounts], port, folder / "log")
