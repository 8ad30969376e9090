"""What one process is, as OpenTelemetry's resource attributes."""

from __future__ import annotations

from conntrace import semantic_names as names
from conntrace.analyzer.span import AttributeValue, Resource
from conntrace.events import Hello


def resource_of(hello: Hello, process: str) -> Resource:
    """The resource of a process; `service.name` falls back to the command, as the SDKs do."""
    service = hello.service or f"unknown_service:{hello.command or 'python'}"
    found: list[tuple[str, AttributeValue]] = [
        (names.SERVICE_NAME, service),
        (names.SERVICE_INSTANCE_ID, process),
        (names.TELEMETRY_SDK_NAME, "conntrace"),
        (names.TELEMETRY_SDK_LANGUAGE, "python"),
        (names.TELEMETRY_SDK_VERSION, hello.version),
        (names.PROCESS_PID, hello.pid),
        (names.PROCESS_PARENT_PID, hello.parent_pid),
        (names.PROCESS_COMMAND, hello.command),
        (names.PROCESS_RUNTIME_VERSION, hello.python),
        (names.SCHEMA, names.SCHEMA_VERSION),
    ]
    return Resource(tuple((name, value) for name, value in found if value not in ("", 0)))
