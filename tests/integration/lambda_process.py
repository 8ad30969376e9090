"""A function's process on the loopback: AWS's runtime client, with the agent or without."""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from importlib.metadata import version
from pathlib import Path

from conntrace import events
from conntrace.events_lambda import InvocationEnd, InvocationStart
from tests.servers.lambda_runtime_api import ExtensionEnd, Post, RuntimeApi

LAUNCHER = Path(__file__).parent / "programs" / "lambda_main.py"
PATIENCE_S = 30
LINUX = sys.platform.startswith("linux")
CLIENT = tuple(map(int, version("awslambdaric").split(".")[:2])) if LINUX else ()
"""Version of the runtime client: later ones do more. PYTHONPATH may bring another one."""


class FunctionProcess:
    """A running function, its platform and its extension."""

    def __init__(
        self, api: RuntimeApi, extension: ExtensionEnd, process: subprocess.Popen[bytes]
    ) -> None:
        self.api = api
        self.extension = extension
        self.process = process

    def invoke(self, event: object = None, **headers: str) -> Post:
        """One invocation, until its reply is with the platform."""
        return self.api.invoke(event, **headers)

    def events(self) -> list[events.Event]:
        """What the function told so far."""
        return self.extension.events()

    def starts(self) -> list[InvocationStart]:
        """The invocations it told of."""
        return [event for event in self.events() if isinstance(event, InvocationStart)]

    def ends(self, count: int) -> list[InvocationEnd]:
        """The ends of invocations, when there are as many: they come after the reply."""

        def found() -> list[InvocationEnd]:
            return [event for event in self.events() if isinstance(event, InvocationEnd)]

        wait_for(lambda: len(found()) >= count)
        return found()

    def leave(self) -> int:
        """Wait for a process that ends by itself; its exit code."""
        return self.process.wait(PATIENCE_S)


def wait_for(condition: Callable[[], bool]) -> None:
    """Wait until it is so. Raises AssertionError when it never is."""
    deadline = time.monotonic() + PATIENCE_S
    while not condition():
        assert time.monotonic() < deadline, "it never came"
        time.sleep(0.01)


@contextlib.contextmanager
def function_process(
    task: Path, source: str, *, traced: bool = True, listening: bool = True, **variables: str
) -> Iterator[FunctionProcess]:
    """Start `app.handler` of this source; killed at the end."""
    (task / "app.py").write_text(source, encoding="utf-8")
    with RuntimeApi() as api, contextlib.closing(ExtensionEnd(api.address)) as extension:
        if not listening:
            extension.close()
        environment = {
            **os.environ,
            "CONNTRACE_TESTING": "1",
            "CONNTRACE_ENABLED": "true" if traced else "false",
            "AWS_LAMBDA_RUNTIME_API": api.address,
            "AWS_LAMBDA_FUNCTION_NAME": "orders",
            "_HANDLER": "app.handler",
            **variables,
        }
        process = subprocess.Popen(
            [sys.executable, str(LAUNCHER)],
            cwd=task,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
        )
        try:
            yield FunctionProcess(api, extension, process)
        finally:
            process.kill()
            process.wait()
