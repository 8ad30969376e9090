"""The result of one invocation: what the caller got, and what the platform says of it."""

from __future__ import annotations

import json
import math
import threading
from dataclasses import dataclass
from typing import Any

from conntrace.errors import ConntraceError


@dataclass(frozen=True, slots=True)
class Figures:
    """What the REPORT line tells; known when all extensions are done. Times in seconds."""

    duration_s: float
    init_s: float
    """0.0 when the environment was there already."""
    memory_mb: int
    """The most physical memory of all its processes together."""
    status: str
    """`success`, `error`, `timeout` or `failure`."""
    report: str
    """The REPORT line."""
    log: str
    """What function, extensions and platform wrote, from INIT or START to REPORT."""

    @property
    def billed_s(self) -> float:
        """INIT and duration, in whole milliseconds."""
        return math.ceil((self.duration_s + self.init_s) * 1000) / 1000


class Invocation:
    """Returned as soon as the response is out, as the platform answers its caller.

    What is known only when the extensions are done (`duration_s`, `report`, `log` …) waits for it.
    """

    def __init__(self, request_id: str, limit_s: float) -> None:
        self.request_id = request_id
        self.payload: bytes = b""
        """What the caller gets: the handler's result as JSON, or an error's description."""
        self.error: str = ""
        """Empty on success, else the error's type: `ValueError`, `Sandbox.Timedout` …"""
        self.response_s: float = 0.0
        """From the start of the invocation (INIT included, when it was cold) to the response."""
        self.frozen_s: float = 0.0
        """How long the environment had been frozen before."""
        self.cold = False
        self.environment: int = 0
        """Which of the function's environments it was; they count from 1."""
        self._limit_s = limit_s
        self._responded = threading.Event()
        self._finished = threading.Event()
        self._figures: Figures | None = None
        self._problem: BaseException | None = None

    def json(self) -> Any:
        """The payload as Python data."""
        return json.loads(self.payload)

    @property
    def duration_s(self) -> float:
        """From START until function and extensions were done."""
        return self.finished().duration_s

    @property
    def init_s(self) -> float:
        """How long INIT took; 0.0 when the environment was there already."""
        return self.finished().init_s

    @property
    def memory_mb(self) -> int:
        """The most physical memory that the environment's processes had."""
        return self.finished().memory_mb

    @property
    def status(self) -> str:
        """`success`, `error`, `timeout` or `failure`."""
        return self.finished().status

    @property
    def report(self) -> str:
        """The REPORT line."""
        return self.finished().report

    @property
    def log(self) -> str:
        """The log of this invocation, and of the INIT before it when it was cold."""
        return self.finished().log

    def finished(self) -> Figures:
        """Wait until all extensions are done. Raises ConntraceError when they never are."""
        if not self._finished.wait(self._limit_s):
            raise ConntraceError(
                "lambda-stuck", f"invocation {self.request_id} did not end in {self._limit_s:g} s"
            )
        if self._problem is not None:
            raise self._problem
        assert self._figures is not None
        return self._figures

    def wait_for_response(self) -> None:
        """Wait until `payload` is there."""
        if not self._responded.wait(self._limit_s):
            raise ConntraceError(
                "lambda-stuck", f"invocation {self.request_id} got no answer in {self._limit_s:g} s"
            )
        if self._problem is not None:
            raise self._problem

    # --- for the environment --------------------------------------------------------------------

    def respond(self, payload: bytes, error: str, response_s: float) -> bool:
        """The caller's answer; the first one counts, and others are refused with False."""
        if self._responded.is_set():
            return False
        self.payload, self.error, self.response_s = payload, error, response_s
        self._responded.set()
        return True

    def finish(self, figures: Figures) -> None:
        """All is over."""
        self._figures = figures
        self._finished.set()

    def fail(self, problem: BaseException) -> None:
        """The simulator itself could not do it."""
        self._problem = problem
        self._responded.set()
        self._finished.set()


@dataclass(frozen=True, slots=True)
class Order:
    """An invocation as the caller asked for it."""

    invocation: Invocation
    event: bytes
    gap_s: float
    trace_header: str
    client_context: str = ""
