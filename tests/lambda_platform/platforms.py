"""The two platforms of the suite: the local Lambda, and AWS's Runtime Interface Emulator.

Where they differ, DIFFERENCES says how. A test that meets a difference names its row and asserts
what is true there instead; `test_differences.py` shows that each row is still so.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from conntrace.simulator import LocalLambda, Mount

DIFFERENCES = {
    "no-freeze": "The emulator's environment runs on between invocations.",
    "late-response": "The emulator answers its caller when the extensions are done, not before.",
    "no-trace-header": "The emulator's function never sees a trace header in `_X_AMZN_TRACE_ID`.",
    "no-telemetry": "The emulator answers a telemetry subscription with 202 and sends nothing.",
    "one-at-a-time": "The emulator has one environment; a second call at the same time breaks it.",
    "plain-time-out": "The emulator tells a time-out as plain text, and only whole seconds.",
    "other-reasons": "The emulator's SHUTDOWN reasons are Timeout, ReleaseFail, SandboxTerminated.",
    "no-init-type": "The emulator does not set AWS_LAMBDA_INITIALIZATION_TYPE.",
    "no-report": "The emulator's REPORT line holds the memory size as memory used.",
    "no-memory-limit": "The emulator's functions may use any amount of memory.",
    "one-init": "The emulator tries an INIT that failed only once.",
    "lets-log-names-through": "The emulator's extensions see the log's group and stream.",
}


@dataclass(frozen=True)
class Answer:
    """What the caller of a function got."""

    payload: bytes
    response_s: float


class Function(ABC):
    """A function that can be invoked."""

    @abstractmethod
    def invoke(self, event: object, gap_s: float = 0.0, trace_header: str = "") -> Answer:
        """Invoke it after a pause (frozen where the platform freezes)."""

    @abstractmethod
    def shutdown(self) -> None:
        """End its environments, with SHUTDOWN for extensions."""

    @property
    @abstractmethod
    def log(self) -> str:
        """What function and extensions have printed."""


class Platform(ABC):
    """Starts functions."""

    name: str

    @abstractmethod
    def start(
        self,
        handler: str,
        task_root: Path,
        layer: Path | None,
        environment: Mapping[str, str],
        timeout_s: int,
        mounts: tuple[Mount, ...] = (),
        init_timeout_s: float = 10.0,
    ) -> Function:
        """A function whose environment is started by the first invocation."""

    def lacks(self, difference: str) -> bool:
        """Whether this platform differs from AWS's own in this row of the table."""
        assert difference in DIFFERENCES
        return False


class LocalFunction(Function):
    """On the local Lambda."""

    def __init__(self, function: LocalLambda) -> None:
        self.function = function

    def invoke(self, event: object, gap_s: float = 0.0, trace_header: str = "") -> Answer:
        """An invocation, with the freeze before it."""
        done = self.function.invoke(event, gap_s=gap_s, trace_header=trace_header or None)
        return Answer(done.payload, done.response_s)

    def shutdown(self) -> None:
        """SHUTDOWN with the reason spindown; nothing is left."""
        self.function.close()

    @property
    def log(self) -> str:
        """All environments' log."""
        return self.function.log


class LocalPlatform(Platform):
    """conntrace.simulator."""

    name = "local Lambda"

    def start(
        self,
        handler: str,
        task_root: Path,
        layer: Path | None,
        environment: Mapping[str, str],
        timeout_s: int,
        mounts: tuple[Mount, ...] = (),
        init_timeout_s: float = 10.0,
    ) -> Function:
        """A function on the local Lambda."""
        function = LocalLambda(
            handler,
            task_root,
            layer,
            environment,
            timeout_s=timeout_s,
            mounts=mounts,
            init_timeout_s=init_timeout_s,
        )
        return LocalFunction(function)
