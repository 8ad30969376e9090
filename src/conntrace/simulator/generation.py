"""One life of an environment's processes: from INIT to SHUTDOWN or to the reset after a failure."""

from __future__ import annotations

import signal
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from conntrace.errors import ConntraceError
from conntrace.simulator import settings as configured
from conntrace.simulator.api_server import ApiServer, Platform
from conntrace.simulator.board import RUNTIME, Board, Task
from conntrace.simulator.ending import Failed, Failure, TimedOut
from conntrace.simulator.layers import extensions_in
from conntrace.simulator.logs import Log
from conntrace.simulator.network_pause import NetworkPause
from conntrace.simulator.sandbox import Mount, Program, Sandbox
from conntrace.simulator.settings import FunctionSettings
from conntrace.simulator.telemetry import Telemetry

_BOOTSTRAP = Path(__file__).with_name("bootstrap.py")
_SHUTDOWN_S = 2.0
_INTERNAL_SHUTDOWN_S = 0.5
_RUNTIME_SHARE = 0.3
_LAST_WORDS_S = 0.5
"""The longest that telemetry holds SHUTDOWN back: its listener may be busy or gone."""
_MIB = 1024 * 1024


@dataclass(frozen=True, slots=True)
class Place:
    """What all environments of a function share."""

    settings: FunctionSettings
    layer: Path | None
    mounts: tuple[Mount, ...]
    path: str


class Generation:
    """Extensions and runtime of one INIT, and what they said."""

    def __init__(self, place: Place, log_stream: str, server: ApiServer, log: Log) -> None:
        self._place = place
        self._settings = place.settings
        self._log = log
        self.board = Board(extensions_in(place.layer))
        self.telemetry = log.telemetry = Telemetry(place.settings.telemetry)
        server.platform = Platform(self.board, self.telemetry, self._facts())
        self._sandbox = Sandbox(place.mounts, self.board.exited)
        try:
            if self._settings.mounts and not self._sandbox.mounted:
                raise ConntraceError(
                    "lambda-no-mount",
                    f"the function's own mounts cannot be made: {self._sandbox.why_not_mounted}",
                )
            self._network = NetworkPause() if place.settings.pause_network else None
        except BaseException:
            self._sandbox.close()
            raise
        opt = "/opt" if self._sandbox.mounted or place.layer is None else str(place.layer)
        self._opt = opt
        self._env = configured.function_environment(
            self._settings, server.address, log_stream, place.path, opt
        )
        self.frozen = False

    def _facts(self) -> dict[str, object]:
        return {
            "functionName": self._settings.name,
            "functionVersion": configured.VERSION,
            "handler": self._settings.handler,
            "accountId": configured.ACCOUNT,
            "managed": self._settings.managed,
        }

    # --- INIT -----------------------------------------------------------------------------------

    def initialise(self, phase: str, deadline: float) -> None:
        """Extensions register, then the runtime starts, then all wait. Raises TimedOut, Failed."""
        env = configured.extension_environment(self._env)
        for name in self.board.extensions:
            self._start(name, "extension", [f"{self._opt}/extensions/{name}"], env, "/")
        self.wait(self.board.all_registered, deadline)
        env = self._env if self._opt == "/opt" else {**self._env, "_LOCAL_LAMBDA_OPT": self._opt}
        root = str(self._settings.task_root)
        self._start(RUNTIME, "function", self._runtime_command(), env, root)
        outcome = {"status": "success"}
        try:
            self.wait(self._runtime_at_rest, deadline)
        except TimedOut:
            outcome = {"status": "timeout"}
            raise
        except Failed as failed:
            outcome = {"status": "error", "errorType": failed.failure.error_type}
            raise
        finally:
            kind = self._settings.initialization_type
            record = {"initializationType": kind, "phase": phase, **outcome}
            self.telemetry.add("platform.initRuntimeDone", record)
            self.board.close_registration()
        self.wait(self.board.extensions_wait, deadline)
        self._tell_extensions()

    def _runtime_command(self) -> list[str]:
        command = [self._settings.python, str(_BOOTSTRAP)]
        wrapper = self._env.get("AWS_LAMBDA_EXEC_WRAPPER", "")
        if wrapper.startswith("/opt/"):
            wrapper = self._opt + wrapper[len("/opt") :]
        return [wrapper, *command] if wrapper else command

    def _runtime_at_rest(self) -> bool:
        if self._settings.initialization_type == configured.SNAP_START:
            return self.board.restore_waiting
        workers = self._settings.max_concurrency if self._settings.managed else 1
        return self.board.runtime_waiting >= workers

    def _tell_extensions(self) -> None:
        for each in self.board.extensions.values():
            if each.registered:
                wanted = ", ".join(each.events)
                self._log.line(f"EXTENSION\tName: {each.name}\tState: Ready\tEvents: [{wanted}]")
                record = {"name": each.name, "state": "Ready", "events": list(each.events)}
                self.telemetry.add("platform.extension", record)

    def _start(self, name: str, kind: str, argv: list[str], env: dict[str, str], cwd: str) -> None:
        output = self._log.output(kind)
        try:
            self._sandbox.start(Program(name, argv, env, cwd), output.writer)
        finally:
            output.started()

    # --- INVOKE ---------------------------------------------------------------------------------

    def wait(self, condition: Callable[[], bool], deadline: float) -> None:
        """Wait for a condition. Raises TimedOut, Failed."""
        if not self.board.wait(condition, deadline, self._look_at_memory):
            raise TimedOut
        if self.board.failure is not None and not condition():
            raise Failed(self.board.failure)

    def restore(self, deadline: float) -> None:
        """SnapStart: the snapshot comes to life. Raises TimedOut, Failed."""
        kind = {"initializationType": configured.SNAP_START}
        self.telemetry.add("platform.restoreStart", {"functionVersion": configured.VERSION})
        begun = time.monotonic()
        self.board.restore()
        self.wait(self.board.runtime_ready, deadline)
        self.telemetry.add("platform.restoreRuntimeDone", {**kind, "status": "success"})
        took_ms = round((time.monotonic() - begun) * 1000, 3)
        self.telemetry.add("platform.restoreReport", {**kind, "metrics": {"durationMs": took_ms}})
        self._log.line(f"RESTORE_REPORT Restore Duration: {took_ms:.2f} ms")

    def send(self, task: Task) -> None:
        """Give an invocation to the runtime and tell the extensions."""
        event = {
            "eventType": "INVOKE",
            "deadlineMs": task.deadline_ms,
            "requestId": task.request_id,
            "invokedFunctionArn": task.arn,
        }
        if task.trace_header:
            event["tracing"] = {"type": "X-Amzn-Trace-Id", "value": task.trace_header}
        self.board.send(task, event)

    def all_at_rest(self) -> bool:
        """Runtime and extensions are done with the invocation."""
        return self.board.runtime_ready() and self.board.extensions_wait("INVOKE")

    def _look_at_memory(self) -> None:
        """The platform kills the runtime that needs more than the function has."""
        used = self._sandbox.resident_bytes()
        self._sandbox.peak_bytes()
        if used > self._settings.memory_mb * _MIB:
            text = "Runtime exited with error: signal: killed"
            self.board.fail(Failure("Runtime.OutOfMemory", text))
            self._sandbox.signal(RUNTIME, signal.SIGKILL)

    def memory_mb(self) -> int:
        """The most that its processes ever used together, in MiB, rounded up."""
        return -(-self._sandbox.peak_bytes() // _MIB)

    def freeze(self) -> None:
        """Nothing of the environment runs from here on; its telemetry waits too."""
        self.telemetry.pause(True)
        self._sandbox.freeze()
        if self._network is not None:
            self._network.begin(self._sandbox.pids())
        self.frozen = True

    def thaw(self) -> None:
        """The environment goes on."""
        if self._network is not None:
            self._network.end()
        self._sandbox.thaw()
        self.telemetry.pause(False)
        self.frozen = False

    # --- SHUTDOWN -------------------------------------------------------------------------------

    def end(self, reason: str) -> None:
        """SHUTDOWN with its time limits, then SIGKILL for what is left."""
        if self.frozen:
            self.thaw()
        self.board.stop()
        registered = [each for each in self.board.extensions.values() if each.registered]
        if registered:
            external = any(each.external for each in registered)
            limit = _SHUTDOWN_S if external else _INTERNAL_SHUTDOWN_S
            begun = time.monotonic()
            self._end_runtime(begun + limit * _RUNTIME_SHARE)
            self._end_extensions(reason, begun + limit)
        self._sandbox.close()
        if self._network is not None:
            self._network.close()
        self.board.close()
        self._log.close_outputs()
        self._log.telemetry = None
        self.telemetry.close()

    def _end_runtime(self, deadline: float) -> None:
        self._sandbox.signal(RUNTIME, signal.SIGTERM)
        with self.board.changed:
            self.board.changed.wait_for(
                lambda: self.board.runtime_exit is not None, deadline - time.monotonic()
            )
        self._sandbox.signal(RUNTIME, signal.SIGKILL)

    def _end_extensions(self, reason: str, deadline: float) -> None:
        self.telemetry.flush(_LAST_WORDS_S)
        deadline_ms = int((time.time() + deadline - time.monotonic()) * 1000)
        event = {"eventType": "SHUTDOWN", "shutdownReason": reason, "deadlineMs": deadline_ms}
        self.board.post_shutdown(event)
        waited_for = [
            each
            for each in self.board.extensions.values()
            if each.external and each.registered and "SHUTDOWN" in each.events
        ]
        with self.board.changed:
            self.board.changed.wait_for(
                lambda: all(each.exit_code is not None for each in waited_for),
                deadline - time.monotonic(),
            )
