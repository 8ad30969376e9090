"""What the platform says, read: events of `/next` and posts of the Telemetry API.

Everything is checked like any input: what is missing or of another kind counts as not said.
"""

from __future__ import annotations

import json
from datetime import datetime, timezone

from conntrace_extension.entries import Fact

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Any

_MAX_DURATION_S = 900.0  # no function may run longer


class NextEvent:
    """One event of `/next`. `deadline_s` is on the monotonic clock, 0 when it is not known."""

    __slots__ = ("deadline_s", "fact", "is_shutdown", "reason", "request_id")

    def __init__(self, body: bytes, now_ns: int, wall_ns: int, spent_ns: int = 0) -> None:
        """`now_ns` and `wall_ns`: both clocks, now. `spent_ns`: of the extension, before it."""
        values = _object(body)
        self.is_shutdown = values.get("eventType") == "SHUTDOWN"
        self.reason = _text(values, "shutdownReason")
        self.request_id = _text(values, "requestId")
        deadline_ns = _whole(values, "deadlineMs") * 1_000_000
        left_s = (deadline_ns - wall_ns) / 1e9
        # A clock that was set meanwhile makes a deadline that cannot be.
        plausible = 0 < left_s <= _MAX_DURATION_S
        self.deadline_s = now_ns / 1e9 + left_s if plausible else 0.0
        self.fact = self._fact(values, now_ns, wall_ns, deadline_ns, spent_ns)

    def _fact(
        self, values: dict[str, Any], now_ns: int, wall_ns: int, deadline_ns: int, spent_ns: int
    ) -> Fact:
        if self.is_shutdown:
            return Fact("PlatformShutdown", time_ns=now_ns, reason=self.reason)
        tracing = values.get("tracing")
        return Fact(
            "PlatformInvoke",
            time_ns=now_ns,
            request_id=self.request_id,
            wall_ns=wall_ns,
            deadline_wall_ns=deadline_ns,
            arn=_text(values, "invokedFunctionArn"),
            xray=_text(tracing, "value") if isinstance(tracing, dict) else "",
            spent_ns=spent_ns,
        )


class TelemetryReader:
    """Turns posts of the Telemetry API into facts."""

    def __init__(self) -> None:
        self._init_start_ns = 0
        self._initialization = ""
        self._phase = ""

    def read(self, body: bytes, now_ns: int) -> Iterator[Fact]:
        """The facts of one post."""
        try:
            events = json.loads(body)
        except ValueError:
            return
        for event in events if isinstance(events, list) else ():
            if isinstance(event, dict) and isinstance(event.get("record"), dict):
                fact = self._fact(event, event["record"], now_ns)
                if fact is not None:
                    yield fact

    def _fact(self, event: dict[str, Any], record: dict[str, Any], now_ns: int) -> Fact | None:
        kind = event.get("type")
        if kind == "platform.initStart":
            self._init_start_ns = _wall_ns(_text(event, "time"))
            self._initialization = _text(record, "initializationType")
            self._phase = _text(record, "phase")
            # Told at once: when it fails, there may be no time for the platform's word on its end.
            return Fact(
                "PlatformInit",
                time_ns=now_ns,
                start_wall_ns=self._init_start_ns,
                initialization=self._initialization,
                phase=self._phase,
            )
        elif kind == "platform.initRuntimeDone":
            return Fact(
                "PlatformInit",
                time_ns=now_ns,
                start_wall_ns=self._init_start_ns,
                end_wall_ns=_wall_ns(_text(event, "time")),
                initialization=self._initialization,
                error=_error(record),
                phase=_text(record, "phase") or self._phase,
            )
        elif kind == "platform.runtimeDone":
            return Fact(
                "PlatformRuntimeDone",
                time_ns=now_ns,
                request_id=_text(record, "requestId"),
                status=_text(record, "status"),
                error=_error(record),
            )
        return None


def _error(record: dict[str, Any]) -> str:
    status = _text(record, "status")
    return "" if status in ("", "success") else _text(record, "errorType") or status


def _object(body: bytes) -> dict[str, Any]:
    try:
        values = json.loads(body)
    except ValueError:
        return {}
    return values if isinstance(values, dict) else {}


def _text(values: dict[str, Any], name: str) -> str:
    value = values.get(name)
    return value if isinstance(value, str) else ""


def _whole(values: dict[str, Any], name: str) -> int:
    value = values.get(name)
    return int(value) if isinstance(value, (int, float)) and abs(value) < 1e18 else 0


def _wall_ns(time: str) -> int:
    """Unix epoch of `2022-10-12T00:03:50.000Z`; 0 when it is no time."""
    try:
        moment = datetime.fromisoformat(time.replace("Z", "+00:00"))
    except ValueError:
        return 0
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=timezone.utc)
    return round(moment.timestamp() * 1000) * 1_000_000
