"""What is known of the machine that all processes share: in AWS Lambda, what the platform says.

Elsewhere it stays empty.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Collection, Mapping

from conntrace.analyzer.freezes import Freezes
from conntrace.analyzer.ledger_records import SpanReference
from conntrace.analyzer.span import AttributeValue, Resource, Span
from conntrace.events_lambda import PlatformInit, PlatformInvoke, PlatformRuntimeDone

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
_RUN_TO_ITS_END = ("success", "error")
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
        self.any_process = False
        """Whether any process is traced."""
        self.init_error = ""
        self.init_span: SpanReference | None = None
        self.init_phase = ""
        """In which phase the platform ran the latest initialisation: `init` is ahead of any
        invocation, and is tried again in one; empty when it does not say."""
        self.any_told = False
        """Whether there was an invocation: then the runtime had been initialised."""
        self.any_started = False
        self.failed_request = ""
        """Request id of an invocation that failed before anybody was told of it."""
        self._outcomes: dict[str, str] = {}
        self._waiting: dict[str, PlatformInvoke] = {}
        self._begun: deque[str] = deque(maxlen=MAX_INVOCATIONS)
        self._spent_ns = 0
        self._failed_init: tuple[Span, Callable[[Span], None]] | None = None

    def init_begins(self) -> None:
        """A process begins to initialise itself; one before it is over, however it ended."""
        self.any_process = True
        self.leave_failed_init()
        self.init_error = ""

    def init_told(self, event: PlatformInit) -> None:
        """The platform says how the initialisation went."""
        self.init_phase = event.phase
        self.init_error = self.init_error or event.error

    def init_failed(self, span: Span, leave: Callable[[Span], None]) -> None:
        """Keep the span of an initialisation that failed until it is known what failed with it."""
        self.leave_failed_init()
        self._failed_init = (span, leave)

    def take_failed_init(self) -> Span | None:
        """The span that was kept, for an invocation that failed with it."""
        kept, self._failed_init = self._failed_init, None
        return kept[0] if kept is not None else None

    def leave_failed_init(self) -> None:
        """No invocation failed with it: it leaves as what it is."""
        kept, self._failed_init = self._failed_init, None
        if kept is not None:
            kept[1](kept[0])

    def invoked(self, event: PlatformInvoke) -> None:
        """The platform hands an invocation to the function, which may never begin it, or may be
        heard of before the platform is."""
        self.any_told = True
        self._spent_ns += event.spent_ns
        if event.request_id in self._begun:
            return
        self._waiting[event.request_id] = event
        if len(self._waiting) > MAX_INVOCATIONS:
            del self._waiting[next(iter(self._waiting))]

    def take_spent(self) -> int:
        """Nanoseconds that the extension took after responses, since they were last taken."""
        spent_ns, self._spent_ns = self._spent_ns, 0
        return spent_ns

    def started(self, request_id: str) -> tuple[PlatformInvoke | None, list[PlatformInvoke]]:
        """The function begins an invocation: what the platform said of it, and the invocations
        before it that nobody has begun."""
        self.any_started = True
        self._begun.append(request_id)
        if request_id == self.failed_request:
            self.failed_request = ""
        if request_id not in self._waiting:
            return None, []
        before: list[PlatformInvoke] = []
        for identifier in list(self._waiting):
            event = self._waiting.pop(identifier)
            if identifier == request_id:
                return event, before
            before.append(event)
        return None, before

    def failed_unbegun(self, error: str) -> list[PlatformInvoke]:
        """Take the invocations that nobody has begun; those that failed are returned.

        `error` by which the environment ends fails the last one. A runtime that is not traced has
        run the others.
        """
        told = list(self._waiting.values())
        self._waiting.clear()
        last = told[-1:] if error or self.init_error or self._failed_init else []
        return [each for each in told if each in last or self.outcome(each.request_id)]

    def done(self, event: PlatformRuntimeDone) -> None:
        """The platform says how an invocation ended."""
        status = event.status.strip().lower()
        error = _DONE.get(status, EXIT_ERROR)
        if status in _RUN_TO_ITS_END:
            self._waiting.pop(event.request_id, None)
        if error and error != TIMEOUT:
            error = event.error or error
        if error:
            self._outcomes[event.request_id] = error
            if not self.knows(event.request_id):
                self.failed_request = event.request_id
            if len(self._outcomes) > MAX_INVOCATIONS:
                del self._outcomes[next(iter(self._outcomes))]

    def knows(self, request_id: str) -> bool:
        """Whether anybody but the platform's last word has told of an invocation."""
        return request_id in self._begun or request_id in self._waiting

    def outcome(self, request_id: str) -> str:
        """error.type by which the platform says an invocation ended; empty when it does not."""
        return self._outcomes.get(request_id, "")
