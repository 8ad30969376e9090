"""The platform's words: error payloads, INIT_REPORT and REPORT lines."""

from __future__ import annotations

import json
import math
from dataclasses import dataclass
from datetime import datetime, timezone
from typing import Any

from conntrace.simulator.board import Task
from conntrace.simulator.ending import TIMED_OUT, Failure
from conntrace.simulator.invocation import Invocation
from conntrace.simulator.settings import FunctionSettings


@dataclass(frozen=True, slots=True)
class Spent:
    """How long an invocation took, in seconds, and how it ended."""

    duration_s: float
    init_s: float
    status: str

    @property
    def billed_ms(self) -> int:
        """Whole milliseconds, INIT included."""
        return math.ceil((self.duration_s + self.init_s) * 1000)

    def telemetry(self, request_id: str, memory_mb: int, limit_mb: int) -> dict[str, Any]:
        """The record of `platform.report`."""
        metrics: dict[str, float] = {
            "durationMs": round(self.duration_s * 1000, 3),
            "billedDurationMs": self.billed_ms,
            "memorySizeMB": limit_mb,
            "maxMemoryUsedMB": memory_mb,
        }
        if self.init_s:
            metrics["initDurationMs"] = round(self.init_s * 1000, 3)
        return {"requestId": request_id, "metrics": metrics, "status": self.status}


def error_payload(failure: Failure, request_id: str, timeout_s: float) -> bytes:
    """What the caller gets instead of a result."""
    if failure.payload:
        return failure.payload
    message = failure.message
    if failure.error_type == TIMED_OUT:
        message = f"Task timed out after {timeout_s:.2f} seconds"
    text = f"RequestId: {request_id} Error: {message}"
    return json.dumps({"errorType": failure.error_type, "errorMessage": text}).encode()


def init_report(took_s: float, phase: str, status: str, failure: Failure | None) -> str:
    """The line about an INIT that did not succeed."""
    line = f"INIT_REPORT Init Duration: {took_s * 1000:.2f} ms\tPhase: {phase}\tStatus: {status}"
    return f"{line}\tError Type: {failure.error_type}" if failure is not None else line


def report_line(
    task: Task, invocation: Invocation, spent: Spent, memory_mb: int, settings: FunctionSettings
) -> list[str]:
    """The lines at the end of an invocation; REPORT is the last."""
    lines = []
    if spent.status == "timeout":
        now = datetime.now(timezone.utc).strftime("%Y-%m-%dT%H:%M:%S.%f")[:-3]
        text = f"Task timed out after {settings.timeout_s:.2f} seconds"
        lines.append(f"{now}Z {task.request_id} {text}")
    elif spent.status == "failure" and not task.error_type:
        lines.append(f"RequestId: {task.request_id} Error: {_message(invocation)}")
    lines.append(f"END RequestId: {task.request_id}")
    parts = [
        f"REPORT RequestId: {task.request_id}",
        f"Duration: {spent.duration_s * 1000:.2f} ms",
        f"Billed Duration: {spent.billed_ms} ms",
        f"Memory Size: {settings.memory_mb} MB",
        f"Max Memory Used: {memory_mb} MB",
    ]
    if spent.init_s:
        parts.append(f"Init Duration: {spent.init_s * 1000:.2f} ms")
    if spent.status != "success":
        parts.append(f"Status: {spent.status}")
    if spent.status in ("failure", "error") and invocation.error:
        parts.append(f"Error Type: {invocation.error}")
    lines.append("\t".join(parts))
    return lines


def _message(invocation: Invocation) -> str:
    try:
        message = str(invocation.json().get("errorMessage", ""))
    except (ValueError, AttributeError):
        return invocation.error
    return message.partition(" Error: ")[2] or message
