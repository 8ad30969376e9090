"""What one process is, as OpenTelemetry's resource attributes."""

from __future__ import annotations

from collections.abc import Mapping

from conntrace import semantic_names as names
from conntrace.analyzer.span import AttributeValue, Resource
from conntrace.events import Hello
from conntrace.events_lambda import Function

_MEBIBYTE = 1024 * 1024


def resource_of(
    hello: Hello,
    process: str,
    function: Function | None = None,
    host: Mapping[str, AttributeValue] | None = None,
) -> Resource:
    """The resource of a process, with what its host adds.

    `service.name` falls back to the function's name, then to the command, as the SDKs do.
    """
    service = hello.service or (function.name if function is not None else "")
    found: dict[str, AttributeValue] = {
        names.SERVICE_NAME: service or f"unknown_service:{hello.command or 'python'}",
        names.SERVICE_INSTANCE_ID: process,
        names.TELEMETRY_SDK_NAME: "conntrace",
        names.TELEMETRY_SDK_LANGUAGE: "python",
        names.TELEMETRY_SDK_VERSION: hello.version,
        names.PROCESS_PID: hello.pid,
        names.PROCESS_PARENT_PID: hello.parent_pid,
        names.PROCESS_COMMAND: hello.command,
        names.PROCESS_RUNTIME_VERSION: hello.python,
        names.SCHEMA: names.SCHEMA_VERSION,
        **(host or {}),
        **(_function(function) if function is not None else {}),
    }
    return Resource(tuple((name, value) for name, value in found.items() if value not in ("", 0)))


def _function(function: Function) -> dict[str, AttributeValue]:
    """The conventions for functions and for AWS; what is not known is left to the host."""
    found: dict[str, AttributeValue] = {
        names.CLOUD_PROVIDER: "aws",
        names.CLOUD_PLATFORM: "aws_lambda",
        names.CLOUD_REGION: function.region,
        names.FAAS_NAME: function.name,
        names.FAAS_VERSION: function.version,
        names.FAAS_INSTANCE: function.log_stream,
        names.FAAS_MAX_MEMORY: function.memory_mb * _MEBIBYTE,
    }
    if function.log_group:
        found[names.AWS_LOG_GROUP_NAMES] = (function.log_group,)
    if function.log_stream:
        found[names.AWS_LOG_STREAM_NAMES] = (function.log_stream,)
    return {name: value for name, value in found.items() if value not in ("", 0)}
