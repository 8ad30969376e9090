"""One invocation, until all who take part are done; the response goes out before."""

from __future__ import annotations

import time

from conntrace.simulator import settings as configured
from conntrace.simulator.board import Task
from conntrace.simulator.ending import TIMED_OUT, Failed, Failure, TimedOut
from conntrace.simulator.generation import Generation
from conntrace.simulator.invocation import Invocation, Order
from conntrace.simulator.reporting import error_payload
from conntrace.simulator.settings import FunctionSettings


def task_of(order: Order, settings: FunctionSettings, started: float) -> Task:
    """What the Runtime API hands out; the function's time limit begins at `started`."""
    limit = settings.timeout_s
    return Task(
        event=order.event,
        request_id=order.invocation.request_id,
        arn=settings.arn,
        trace_header=order.trace_header,
        deadline=started + limit,
        deadline_ms=int((time.time() + limit) * 1000),
        client_context=order.client_context,
    )


class Performance:
    """An invocation in an environment that is ready for it."""

    def __init__(
        self, generation: Generation, settings: FunctionSettings, task: Task, invocation: Invocation
    ) -> None:
        self._generation = generation
        self._settings = settings
        self._task = task
        self._invocation = invocation
        self._started = time.monotonic()

    def run(self, begun: float, failure: Failure | None) -> str:
        """Do it, unless INIT has failed already; gives the status.

        `begun` is when the caller's wait for the response began.
        """
        task, invocation = self._task, self._invocation
        try:
            if failure is not None:
                raise Failed(failure)
            self._tell_start()
            self._generation.send(task)
            self._generation.wait(lambda: task.answer is not None, task.deadline)
            invocation.respond(task.answer or b"", task.error_type, time.monotonic() - begun)
            status = "error" if task.is_error else "success"
            self._tell_done(status, task.error_type)
            if not self._settings.managed:
                self._generation.wait(self._generation.all_at_rest, task.deadline)
            return status
        except TimedOut:
            failure, status = Failure(TIMED_OUT, ""), "timeout"
        except Failed as failed:
            failure = failed.failure
            status = "timeout" if failure.error_type == TIMED_OUT else "failure"
        payload = error_payload(failure, task.request_id, self._settings.timeout_s)
        if invocation.respond(payload, failure.error_type, time.monotonic() - begun):
            self._tell_done(status, failure.error_type if status == "failure" else "")
        return status

    def _tell_start(self) -> None:
        record: dict[str, object] = {
            "requestId": self._task.request_id,
            "version": configured.VERSION,
        }
        if self._task.trace_header:
            record["tracing"] = {"type": "X-Amzn-Trace-Id", "value": self._task.trace_header}
        self._generation.telemetry.add("platform.start", record)

    def _tell_done(self, status: str, error_type: str) -> None:
        took_ms = round((time.monotonic() - self._started) * 1000, 3)
        record: dict[str, object] = {
            "requestId": self._task.request_id,
            "status": status,
            "metrics": {"durationMs": took_ms, "producedBytes": len(self._task.answer or b"")},
        }
        if error_type:
            record["errorType"] = error_type
        self._generation.telemetry.add("platform.runtimeDone", record)
