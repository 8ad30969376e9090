"""What an AWS Lambda function knows of itself, mostly from its environment variables.

The extension's process does not get some of them (log group and stream, handler), so the function
tells.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping
from typing import NamedTuple

# Initialization types whose first invocation waits for the start of the environment; an emulator
# and a container elsewhere set none.
_STARTED_ON_DEMAND = ("", "on-demand")


class FunctionFacts(NamedTuple):
    """Fields of the `function` event, in its order."""

    name: str
    version: str
    memory_mb: int
    region: str
    log_group: str
    log_stream: str
    handler: str
    initialization: str
    runtime: str
    client: str


def function_facts(environment: Mapping[str, str]) -> FunctionFacts:
    """Facts of the function whose environment variables these are."""

    def value(name: str) -> str:
        return environment.get(name, "")

    return FunctionFacts(
        name=value("AWS_LAMBDA_FUNCTION_NAME"),
        version=value("AWS_LAMBDA_FUNCTION_VERSION"),
        memory_mb=_number(value("AWS_LAMBDA_FUNCTION_MEMORY_SIZE")),
        region=value("AWS_REGION"),
        log_group=value("AWS_LAMBDA_LOG_GROUP_NAME"),
        log_stream=value("AWS_LAMBDA_LOG_STREAM_NAME"),
        handler=value("_HANDLER"),
        initialization=value("AWS_LAMBDA_INITIALIZATION_TYPE"),
        runtime=value("AWS_EXECUTION_ENV"),
        client=runtime_client_version(),
    )


def runtime_client_version() -> str:
    """Version of awslambdaric; empty before the program has imported it."""
    return str(getattr(sys.modules.get("awslambdaric"), "__version__", ""))


def starts_cold(environment: Mapping[str, str]) -> bool:
    """Whether the first invocation of an environment waits for its start."""
    return environment.get("AWS_LAMBDA_INITIALIZATION_TYPE", "") in _STARTED_ON_DEMAND


def other_tool(environment: Mapping[str, str]) -> str:
    """The tool that makes the invocation's span itself, or nothing.

    Datadog's layer sets its own handler; its library, used by hand, is a decorator. OpenTelemetry's
    layer and library both go through its instrumentor.
    """
    if environment.get("_HANDLER", "").startswith("datadog_lambda."):
        return "datadog"
    if "datadog_lambda.wrapper" in sys.modules:
        return "datadog"
    module = sys.modules.get("opentelemetry.instrumentation.aws_lambda")
    instrumentor = getattr(module, "AwsLambdaInstrumentor", None)
    if instrumentor is not None and instrumentor().is_instrumented_by_opentelemetry:
        return "opentelemetry"
    return ""


def _number(text: str) -> int:
    return int(text) if text.isascii() and text.isdigit() else 0
