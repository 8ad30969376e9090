"""One execution environment: a thread that does to it what the platform does, in its order."""

from __future__ import annotations

import queue
import secrets
import threading
import time
from collections.abc import Callable
from concurrent.futures import Future
from datetime import datetime, timezone

from conntrace.simulator import settings as configured
from conntrace.simulator.api_server import ApiServer
from conntrace.simulator.apis import ROUTES
from conntrace.simulator.board import Task
from conntrace.simulator.ending import TIMED_OUT, Failed, Failure, TimedOut
from conntrace.simulator.generation import Generation, Place
from conntrace.simulator.invocation import Figures, Invocation, Order
from conntrace.simulator.logs import Log
from conntrace.simulator.performing import Performance, task_of
from conntrace.simulator.reporting import Spent, init_report, report_line

_RESTORE_LIMIT_S = 10.0


class Environment:
    """Made empty; its processes are started by the first invocation, or by `prepare`."""

    def __init__(self, number: int, place: Place, journal: Log) -> None:
        self.number = number
        self.busy = False
        """An invocation has not got its response yet. Owned by the function, under its lock."""
        self.used_at = 0.0
        self._place = place
        self._settings = place.settings
        self._log = Log(journal)
        day = datetime.now(timezone.utc).strftime("%Y/%m/%d")
        self.log_stream = f"{day}/[{configured.VERSION}]{secrets.token_hex(16)}"
        self._server = ApiServer(ROUTES)
        self._generation: Generation | None = None
        self._spoiled = False
        """An INIT has failed, or an invocation has: the next INIT is part of an invocation."""
        self._rest_since = 0.0
        self._broken_off = threading.Event()
        self._orders: queue.Queue[Callable[[], None] | None] = queue.Queue()
        self._thread = threading.Thread(target=self._work, name="lambda", daemon=True)
        self._thread.start()

    # --- for the function -----------------------------------------------------------------------

    def submit(self, order: Order) -> None:
        """Do an invocation after those before it."""
        if self._settings.managed and self._generation is not None:
            # Several at once in one environment.
            name = "lambda-managed"
            threading.Thread(target=self._invoke, args=(order,), name=name, daemon=True).start()
        else:
            self._orders.put(lambda: self._invoke(order))

    def prepare(self) -> None:
        """INIT now, as provisioned concurrency does; returns when it is over.

        Raises ConntraceError.
        """
        done: Future[None] = Future()

        def work() -> None:
            try:
                _, failure = self._initialise("init")
                if failure is None:
                    self._rest()
                else:
                    self._end("failure")
                done.set_result(None)
            except BaseException as problem:
                self._end("failure")
                done.set_exception(problem)

        self._orders.put(work)
        done.result()

    def shut_down(self, reason: str, at_once: bool = False) -> Callable[[], None]:
        """End the environment; gives a function that waits for the end.

        What it does now is done first, or `at_once` broken off.
        """
        if at_once:
            self._broken_off.set()
            self._break_off()
        self._orders.put(lambda: self._end(reason))
        self._orders.put(None)
        return self._thread.join

    def _break_off(self) -> None:
        generation = self._generation
        if generation is not None and self._broken_off.is_set():
            generation.board.fail(Failure("Sandbox.Failure", "broken off by the caller"))

    def _work(self) -> None:
        while (order := self._orders.get()) is not None:
            order()
        self._server.close()

    # --- INIT -----------------------------------------------------------------------------------

    def _initialise(self, phase: str, deadline: float = 0.0) -> tuple[float, Failure | None]:
        """How long it took, and why it failed; None when it did not."""
        generation = Generation(self._place, self.log_stream, self._server, self._log)
        self._generation = generation
        # The caller may have broken off before there was anything to tell it to.
        self._break_off()
        begun = time.monotonic()
        kind = self._settings.initialization_type
        version = f"python:{configured.python_version(self._settings.python)}"
        self._log.line(f"INIT_START Runtime Version: {version} (local)")
        record = {"initializationType": kind, "phase": phase, "runtimeVersion": version}
        generation.telemetry.add("platform.initStart", record)
        failure, status = None, "success"
        try:
            generation.initialise(phase, deadline or begun + self._settings.init_timeout_s)
        except TimedOut:
            status = "timeout"
        except Failed as failed:
            failure, status = failed.failure, "error"
        took = time.monotonic() - begun
        record = {"initializationType": kind, "phase": phase, "status": status}
        metrics = {"metrics": {"durationMs": round(took * 1000, 3)}}
        generation.telemetry.add("platform.initReport", {**record, **metrics})
        if status != "success":
            self._log.drain()
            self._log.line(init_report(took, phase, status, failure))
            failure = failure or Failure(TIMED_OUT, "")
        return took, failure

    def _restore(self) -> Failure | None:
        """SnapStart: before the first invocation the snapshot comes to life."""
        generation = self._generation
        if generation is None or generation.board.restored:
            return None
        if self._settings.initialization_type == configured.SNAP_START:
            try:
                generation.restore(time.monotonic() + _RESTORE_LIMIT_S)
            except TimedOut:
                return Failure(TIMED_OUT, "")
            except Failed as failed:
                return failed.failure
        return None

    # --- INVOKE ---------------------------------------------------------------------------------

    def _invoke(self, order: Order) -> None:
        try:
            self._run(order)
        except BaseException as problem:
            self._end("failure")
            order.invocation.fail(problem)

    def _run(self, order: Order) -> None:
        invocation = order.invocation
        invocation.environment = self.number
        self._wake_up(order)
        position = self._log.position
        begun = time.monotonic()
        invocation.cold = self._generation is None
        init_s = 0.0
        if self._generation is None and not self._spoiled:
            init_s, failure = self._initialise("init")
            if failure is not None:
                init_s = 0.0
                self._end("timeout" if failure.error_type == TIMED_OUT else "failure")
        failure = self._restore()
        started = time.monotonic()
        task = task_of(order, self._settings, started)
        if self._generation is None:
            _, failure = self._initialise("invoke", task.deadline)
            failure = failure or self._restore()
        self._log.line(f"START RequestId: {task.request_id} Version: {configured.VERSION}")
        assert self._generation is not None
        performance = Performance(self._generation, self._settings, task, invocation)
        status = performance.run(begun, failure)
        spent = Spent(time.monotonic() - started, init_s, status)
        self._conclude(task, invocation, spent, position)

    def _conclude(self, task: Task, invocation: Invocation, spent: Spent, position: int) -> None:
        """END and REPORT, then freeze, or reset after a time-out or a crash."""
        generation = self._generation
        memory = generation.memory_mb() if generation is not None else 0
        self._log.drain()
        for line in report_line(task, invocation, spent, memory, self._settings):
            self._log.line(line)
            report = line
        if generation is not None:
            record = spent.telemetry(task.request_id, memory, self._settings.memory_mb)
            generation.telemetry.add("platform.report", record)
        if spent.status == "failure" or (spent.status == "timeout" and not self._settings.managed):
            self._end(spent.status)
        else:
            self._rest()
        invocation.finish(
            Figures(
                duration_s=spent.duration_s,
                init_s=spent.init_s,
                memory_mb=memory,
                status=spent.status,
                report=report,
                log=self._log.since(position),
            )
        )

    # --- between invocations --------------------------------------------------------------------

    def _wake_up(self, order: Order) -> None:
        """Stay frozen as long as the caller wants, counted from the freeze."""
        generation = self._generation
        if generation is None:
            return
        rest = self._rest_since + order.gap_s - time.monotonic()
        if rest > 0:
            self._broken_off.wait(rest)
        if generation.frozen:
            generation.thaw()
            order.invocation.frozen_s = time.monotonic() - self._rest_since

    def _rest(self) -> None:
        if self._generation is not None and not self._settings.managed:
            self._generation.freeze()
        self._rest_since = time.monotonic()

    def _end(self, reason: str) -> None:
        generation, self._generation = self._generation, None
        if reason in ("timeout", "failure"):
            self._spoiled = True
        if generation is not None:
            generation.end(reason)
