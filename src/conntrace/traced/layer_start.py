"""Start of the agent in the process of an AWS Lambda function, by the layer's launcher."""

from __future__ import annotations

import os

from conntrace.channel import LAMBDA_TOKEN, Channel, SocketChannel, lambda_address
from conntrace.config import Settings
from conntrace.traced import call_sites, context, guard, notes_lambda, originals, recorder
from conntrace.traced.hooks import lambda_runtime, lambda_runtime_tracebacks
from conntrace.traced.lambda_function import function_facts
from conntrace.traced.lambda_packages import handler_package, is_packed_library

ATTEMPTS = 10
PAUSE_S = 0.005


class PatientChannel(SocketChannel):
    """Tries for up to 50 ms: the extension may be about to listen, or have many callers at once."""

    def open(self, process: str) -> bool:
        for attempt in range(ATTEMPTS):
            if attempt:
                originals.sleep(PAUSE_S)
            if super().open(process):
                return True
        return False


def start() -> bool:
    """Start recording to the extension; False when switched off or when nobody listens.

    Never raises. A wrong setting is told by the extension, which reads the same variables.
    """
    return bool(guard.contained("start", _start))


def _start() -> bool:
    settings = Settings(os.environ)
    runtime_api = os.environ.get("AWS_LAMBDA_RUNTIME_API", "")
    if not settings.active or not runtime_api:
        return False
    host, _, port = runtime_api.rpartition(":")
    context.private_origin = (host, int(port)) if port.isdecimal() else None
    call_sites.enabled = settings.call_sites
    call_sites.application_package = handler_package(os.environ.get("_HANDLER", ""))
    call_sites.is_packed_library = is_packed_library
    lambda_runtime.reads_traceparent = settings.reads_traceparent

    def open_channel() -> Channel:
        return PatientChannel(lambda_address(runtime_api))

    def introduction() -> bytes:
        return notes_lambda.function(function_facts(os.environ))

    agent = recorder.Recorder(
        open_channel,
        way="layer",
        token=LAMBDA_TOKEN,
        service=settings.service_name,
        hooks=(*recorder.HOOKS, *lambda_runtime.HOOKS, *lambda_runtime_tracebacks.HOOKS),
        introduction=introduction,
    )
    return recorder.start(agent, with_audit=settings.audit is not False)
