"""The events that only AWS Lambda has: rows of the same table as `conntrace.events`.

The first group comes from the function's process. The second, `platform_...`, is what the
extension learns from the platform and hands to the analyzer itself; it is saved in recordings
beside the rest, so that they can be replayed.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from conntrace.event_fields import Event, about


@dataclass(slots=True, eq=False, repr=False)
class Function(Event):
    """What function this is, as only its own process knows it. Follows `hello` in the layer."""

    kind: ClassVar[str] = "function"

    name: str = about("AWS_LAMBDA_FUNCTION_NAME", "", "")
    version: str = about("AWS_LAMBDA_FUNCTION_VERSION", "", "")
    memory_mb: int = about("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", "MB", 0)
    region: str = about("AWS_REGION", "", "")
    log_group: str = about("AWS_LAMBDA_LOG_GROUP_NAME", "", "")
    log_stream: str = about("AWS_LAMBDA_LOG_STREAM_NAME", "", "")
    handler: str = about("_HANDLER", "", "")
    initialization: str = about("AWS_LAMBDA_INITIALIZATION_TYPE", "", "")
    runtime: str = about("AWS_EXECUTION_ENV", "", "")
    client: str = about("version of the runtime client, awslambdaric", "", "")


@dataclass(slots=True, eq=False, repr=False)
class InvocationStart(Event):
    """An invocation reaches the function's process; one at a time in each process."""

    kind: ClassVar[str] = "invocation_start"

    invocation: int = about("id", "", 0)
    request_id: str = about("aws_request_id", "", "")
    wall_ns: int = about("wall clock at time_ns (Unix epoch)", "ns", 0)
    deadline_wall_ns: int = about("wall clock at which the platform ends it", "ns", 0)
    arn: str = about("ARN by which it was invoked", "", "")
    cold: bool = about("first one of an environment that was not prepared ahead", "", False)
    trigger: str = about("faas.trigger: http, pubsub, datasource, timer or other", "", "")
    source: str = about("what sent the event, e.g. `aws:sqs`, `aws:apigateway`", "", "")
    method: str = about("HTTP method of the event", "", "")
    route: str = about("route of the event, without values: `/orders/{id}`", "", "")
    trace_id: str = about("W3C parent in the event: trace id", "", "")
    span_id: str = about("its span id; followed by `-00` when it is not sampled", "", "")
    xray: str = about("X-Ray header of the invocation", "", "")
    links: tuple[str, ...] = about("X-Ray headers or traceparents of the event's records", "", ())
    other_tool: str = about("tool that makes the invocation span itself; then we make none", "", "")


@dataclass(slots=True, eq=False, repr=False)
class InvocationEnd(Event):
    """The response or the error of the invocation has been handed to the platform."""

    kind: ClassVar[str] = "invocation_end"

    invocation: int = about("id", "", 0)
    error: str = about("error.type, empty when it succeeded", "", "")
    agent_ns: int = about("time the agent itself took in it, as far as it is known", "ns", 0)


@dataclass(slots=True, eq=False, repr=False)
class InitError(Event):
    """The handler could not be imported."""

    kind: ClassVar[str] = "init_error"

    error: str = about("the platform's error type, e.g. `Runtime.ImportModuleError`", "", "")


@dataclass(slots=True, eq=False, repr=False)
class Restored(Event):
    """The process woke up from a snapshot (SnapStart): every connection is from another life."""

    kind: ClassVar[str] = "restored"

    wall_ns: int = about("wall clock at time_ns (Unix epoch)", "ns", 0)


@dataclass(slots=True, eq=False, repr=False)
class LeftOut(Event):
    """The extension had no room or time for some requests: the least of what there is to know."""

    kind: ClassVar[str] = "left_out"

    requests: int = about("requests on reused connections that went well", "", 0)


@dataclass(slots=True, eq=False, repr=False)
class PlatformInvoke(Event):
    """The platform told the extension of an invocation."""

    kind: ClassVar[str] = "platform_invoke"

    request_id: str = about("aws_request_id", "", "")
    wall_ns: int = about("wall clock at time_ns (Unix epoch)", "ns", 0)
    deadline_wall_ns: int = about("wall clock at which the platform ends it", "ns", 0)
    arn: str = about("ARN by which it was invoked", "", "")
    xray: str = about("X-Ray header of the invocation", "", "")
    spent_ns: int = about("time of the extension after the response before", "ns", 0)


@dataclass(slots=True, eq=False, repr=False)
class PlatformFrozen(Event):
    """The environment stood still: neither function nor extension ran. time_ns is its end."""

    kind: ClassVar[str] = "platform_frozen"

    start_ns: int = about("CLOCK_MONOTONIC at which it began", "ns", 0)


@dataclass(slots=True, eq=False, repr=False)
class PlatformInit(Event):
    """The platform's own times of the INIT phase (Telemetry API); without an end it goes on."""

    kind: ClassVar[str] = "platform_init"

    start_wall_ns: int = about("wall clock at the start (Unix epoch)", "ns", 0)
    end_wall_ns: int = about("wall clock at the end (Unix epoch)", "ns", 0)
    initialization: str = about("`on-demand`, `provisioned-concurrency`, `snap-start`, ...", "", "")
    error: str = about("error.type, empty when it succeeded", "", "")
    phase: str = about("`init`, or `invoke` when an invocation waits for it", "", "")


@dataclass(slots=True, eq=False, repr=False)
class PlatformRuntimeDone(Event):
    """The platform says how an invocation ended (Telemetry API)."""

    kind: ClassVar[str] = "platform_runtime_done"

    request_id: str = about("aws_request_id", "", "")
    status: str = about("`success`, `error`, `failure` or `timeout`", "", "")
    error: str = about("the platform's error type", "", "")


@dataclass(slots=True, eq=False, repr=False)
class PlatformShutdown(Event):
    """The environment ends or is reset: what is still open was not ended by the function."""

    kind: ClassVar[str] = "platform_shutdown"

    reason: str = about("`spindown`, `timeout` or `failure`", "", "")


LAMBDA_EVENTS: tuple[type[Event], ...] = (
    Function,
    InvocationStart,
    InvocationEnd,
    InitError,
    Restored,
    LeftOut,
    PlatformInvoke,
    PlatformFrozen,
    PlatformInit,
    PlatformRuntimeDone,
    PlatformShutdown,
)
