"""How processes end, in the platform's words."""

from __future__ import annotations

from dataclasses import dataclass

TIMED_OUT = "Sandbox.Timedout"
_SIGNALS = {6: "aborted", 9: "killed", 11: "segmentation fault", 15: "terminated"}


@dataclass(frozen=True, slots=True)
class Failure:
    """Why INIT or an invocation cannot succeed."""

    error_type: str
    message: str
    payload: bytes = b""
    """What the runtime itself posted, when it did."""


class TimedOut(Exception):
    """The phase took longer than it may."""


class Failed(Exception):
    """The phase cannot succeed."""

    def __init__(self, failure: Failure) -> None:
        super().__init__(failure.error_type)
        self.failure = failure


def runtime_exited(code: int) -> Failure:
    """The runtime's process is gone, which it never should be."""
    if code == 0:
        return Failure("Runtime.ExitError", "Runtime exited without providing a reason")
    return Failure("Runtime.ExitError", f"Runtime exited with error: {exit_words(code)}")


def extension_exited(code: int) -> Failure:
    """An extension ended before SHUTDOWN: a crash, whatever its exit code."""
    return Failure("Extension.Crash", "exit code 0" if code == 0 else exit_words(code))


def exit_words(code: int) -> str:
    """`exit status 1`, or `signal: killed`."""
    return f"exit status {code}" if code >= 0 else f"signal: {_SIGNALS.get(-code, str(-code))}"
