"""botocore: the SDK call around its HTTP requests."""

from __future__ import annotations

import sys
from typing import Any

from conntrace.traced import context, notes, recording
from conntrace.traced.context import CALL, Operation, current
from conntrace.traced.error_types import error_type
from conntrace.traced.hooks.base import Arguments, Hook, Keywords


class Call:
    """An SDK call that is going on."""

    __slots__ = ("operation", "token")

    def __init__(self, operation: Operation) -> None:
        self.operation = operation
        self.token = current.set(operation)


def begin_call(instance: Any, args: Arguments, kwargs: Keywords) -> object:
    """Note an SDK call, unless another tool already makes a span of it."""
    if recording.active is None or _shown_by_another_tool():
        return None
    name = args[0] if args else kwargs.get("operation_name", "")
    operation = Operation(CALL, context.ids.next(), current.get())
    where = context.place()
    operation.span = (where.trace_id, where.span_id)
    meta = instance.meta
    service = str(meta.service_model.service_id).replace(" ", "")
    recording.send(
        notes.call_start(
            operation.identity, service, str(name), str(meta.region_name or ""), operation.span
        )
    )
    return Call(operation)


def end_call(token: object, result: object, error: BaseException | None) -> None:
    """Note how the call ended: the service's own error code where there is one."""
    assert isinstance(token, Call)
    current.reset(token.token)
    response = getattr(error, "response", None)
    code = response.get("Error", {}).get("Code", "") if isinstance(response, dict) else ""
    recording.send(notes.call_end(token.operation.identity, str(code) or error_type(error)))


def _shown_by_another_tool() -> bool:
    """True when OpenTelemetry's or Datadog's botocore instrumentation is on."""
    module = sys.modules.get("opentelemetry.instrumentation.botocore")
    if module is not None:
        instrumentor = getattr(module, "BotocoreInstrumentor", None)
        if instrumentor is not None and instrumentor().is_instrumented_by_opentelemetry:
            return True
    client = sys.modules.get("botocore.client")
    return bool(getattr(client, "_datadog_patch", False))


HOOKS = (Hook("botocore.client", "BaseClient._make_api_call", begin_call, end_call),)
