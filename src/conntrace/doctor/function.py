"""Inside AWS Lambda: is the layer there, and is it what starts the function."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping

from conntrace.channel import SocketChannel, lambda_address
from conntrace.doctor.check import Check

_GROUP = "lambda"
WRAPPER = "/opt/conntrace"
EXTENSION = "/opt/extensions/conntrace"


def checks(environment: Mapping[str, str]) -> Iterator[Check]:
    """All of this group; nothing outside a function's environment."""
    runtime_api = environment.get("AWS_LAMBDA_RUNTIME_API", "")
    if not runtime_api:
        return
    yield Check(_GROUP, "function", environment.get("AWS_LAMBDA_FUNCTION_NAME", "(no name)"))
    wrapper = environment.get("AWS_LAMBDA_EXEC_WRAPPER", "")
    yield Check(_GROUP, "exec wrapper", wrapper or "AWS_LAMBDA_EXEC_WRAPPER is not set")
    yield _executable("wrapper in the layer", WRAPPER)
    yield _executable("extension in the layer", EXTENSION)
    yield _listens(runtime_api)


def _executable(name: str, path: str) -> Check:
    if not os.path.exists(path):
        return Check(_GROUP, name, f"{path} is not there: is the layer attached?", False)
    if not os.access(path, os.X_OK):
        return Check(_GROUP, name, f"{path} is not executable", False)
    return Check(_GROUP, name, path, True)


def _listens(runtime_api: str) -> Check:
    channel = SocketChannel(lambda_address(runtime_api))
    connected = channel.open("0" * 16)
    channel.close()
    finding = "takes events" if connected else "cannot be reached: see the function's log"
    return Check(_GROUP, "extension", finding, connected)
