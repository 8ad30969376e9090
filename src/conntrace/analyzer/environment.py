"""What is known of the machine that all processes share: in AWS Lambda, what the platform says.

Elsewhere it stays empty.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Collection, Mapping

from conntrace.analyzer.freezes import Freezes
from conntrace.analyzer.ledger_records import SpanReference
from conntrace.analyzer.span import AttributeValue, Resource
from conntrace.events_lambda import PlatformInvoke, PlatformRuntimeDone

EXIT_ERROR = "Runtime.ExitError"
TIMEOUT = "timeout"
"""error.type of what a process could not end: it is gone, or had no time left."""

MAX_INVOCATIONS = 256

_REASONS = {
    "timeout": TIMEOUT,
    "failure": EXIT_ERROR,
    "releasefail": EXIT_ERROR,  # the Runtime Interface Emulator's word for a failure
    "spindown": "",
    "sandboxterminated": "",  # the emulator's word for a spindown
}
_DONE = {"success": "", "error": "error", "failure": EXIT_ERROR, "timeout": TIMEOUT}


def error_of_shutdown(reason: str) -> str:
    """error.type of what a shutdown finds open; empty when the environment was only not needed."""
    return _REASONS.get(reason.strip().lower(), EXIT_ERROR)


class Environment:
    """The platform's facts, in bounded memory.

    `host_resource`: attributes that only the host of the analyzer knows. `xray_parent`: an X-Ray
    header becomes the parent of its invocation instead of a link.
    """

    def __init__(
        self,
        host_resource: Mapping[str, AttributeValue] | None = None,
        propagators: Collection[str] = (),
    ) -> None:
        self.host_resource: dict[str, AttributeValue] = {
            name: tuple(value) if isinstance(value, list) else value
            for name, value in (host_resource or {}).items()
        }
        self.xray_parent = "xray-lambda" in propagators
        self.freezes = Freezes()
        self.resource = Resource(tuple(self.host_resource.items()))
        """The resource of the function's process that spoke last."""
        self.init_error = ""
        self.init_span: SpanReference | None = None
        self.any_started = False
        self._outcomes: dict[str, str] = {}
        self._waiting: dict[str, PlatformInvoke] = {}
        self._begun: deque[str] = deque(maxlen=MAX_INVOCATIONS)

    def invoked(self, event: PlatformInvoke) -> None:
        """The platform hands an invocation to the function, which may never begin it, or may be
        heard of before the platform is."""
        if event.request_id in self._begun:
            return
        self._waiting[event.request_id] = event
        if len(self._waiting) > MAX_INVOCATIONS:
            del self._waiting[next(iter(self._waiting))]

    def started(self, request_id: str) -> tuple[PlatformInvoke | None, list[PlatformInvoke]]:
        """The function begins an invocation: what the platform said of it, and the invocations
        before it that nobody has begun."""
        self.any_started = True
        self._begun.append(request_id)
        if request_id not in self._waiting:
            return None, []
        before: list[PlatformInvoke] = []
        for identifier in list(self._waiting):
            event = self._waiting.pop(identifier)
            if identifier == request_id:
                return event, before
            before.append(event)
        return None, before

    def never_started(self) -> list[PlatformInvoke]:
        """Take the invocations that nobody has begun."""
        left = list(self._waiting.values())
        self._waiting.clear()
        return left

    def done(self, event: PlatformRuntimeDone) -> None:
        """The platform says how an invocation ended."""
        error = _DONE.get(event.status.strip().lower(), EXIT_ERROR)
        if error and error != TIMEOUT:
            error = event.error or error
        if error:
            self._outcomes[event.request_id] = error
            if len(self._outcomes) > MAX_INVOCATIONS:
                del self._outcomes[next(iter(self._outcomes))]

    def outcome(self, request_id: str) -> str:
        """error.type by which the platform says an invocation ended; empty when it does not."""
        return self._outcomes.get(request_id, "")
