"""A function on a local Lambda: its environments, started and frozen as the platform does it."""

from __future__ import annotations

import secrets
import shutil
import sys
import tempfile
import threading
import time
import uuid
import weakref
from collections.abc import Mapping, Sequence
from os import PathLike, fspath
from pathlib import Path
from types import TracebackType
from typing import Any

from conntrace.errors import ConntraceError
from conntrace.simulator import layers, settings
from conntrace.simulator.checks import (
    check_gap,
    client_context_text,
    event_bytes,
    trace_header_text,
)
from conntrace.simulator.environment import Environment
from conntrace.simulator.generation import Place
from conntrace.simulator.invocation import Invocation, Order
from conntrace.simulator.logs import Log
from conntrace.simulator.settings import FunctionSettings

AnyPath = str | PathLike[str]
_SLACK_S = 60.0


class LocalLambda:
    """Use it in a `with` block: at its end every environment gets SHUTDOWN, and no process is left.

    `layer` is a zip file, an unpacked folder, or several; where the system allows it they stand at
    /opt, for the function's processes only. `environment` is the function's configuration; nothing
    of this process's own environment is handed on. Raises ConntraceError.
    """

    def __init__(
        self,
        handler: str,
        task_root: AnyPath = ".",
        layer: AnyPath | Sequence[AnyPath] | None = None,
        environment: Mapping[str, str] | None = None,
        timeout_s: float = 3.0,
        memory_mb: int = 512,
        python: AnyPath = sys.executable,
        **more: Any,
    ) -> None:
        """`more`: the other fields of `FunctionSettings`."""
        if not sys.platform.startswith("linux"):
            raise ConntraceError("lambda-needs-linux", "the local Lambda runs on Linux only")
        self._lock = threading.Lock()
        self._environments: list[Environment] = []
        self._count = 0
        self._closed = False
        self._log = Log()
        self.settings = FunctionSettings(
            handler=handler,
            task_root=_folder_of(task_root),
            environment=dict(environment or {}),
            timeout_s=timeout_s,
            memory_mb=memory_mb,
            python=_program(python),
            **more,
        )
        given = [layer] if isinstance(layer, (str, PathLike)) else list(layer or ())
        self._folder = Path(tempfile.mkdtemp(prefix="conntrace-lambda-"))
        # By `close`, or when nobody did, with this object.
        self._remove_folder = weakref.finalize(self, shutil.rmtree, self._folder, True)
        try:
            self._place = self._make_place([Path(each) for each in given])
        except BaseException:
            self._remove_folder()
            raise

    def _make_place(self, given: list[Path]) -> Place:
        chosen = self.settings
        path = settings.search_path(chosen.python, self._folder)
        if not given:
            return Place(chosen, None, chosen.mounts, path)
        layer = layers.unpack(given, self._folder / "layer")
        needed = [Path(chosen.python).resolve(), Path(sys.prefix), chosen.task_root, self._folder]
        mounts = (*layers.mounts(layer, needed, self._folder), *chosen.mounts)
        return Place(chosen, layer, mounts, path)

    def __enter__(self) -> LocalLambda:
        kinds = (settings.PROVISIONED, settings.SNAP_START, settings.MANAGED)
        if self.settings.initialization_type in kinds:
            try:
                self._new_environment().prepare()
            except BaseException:
                self.close()
                raise
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close(at_once=kind is not None)

    def invoke(
        self,
        event: object = None,
        *,
        gap_s: float = 0.0,
        trace_header: str | None = None,
        client_context: str | Mapping[str, object] = "",
    ) -> Invocation:
        """Invoke the function; returns when the response is out. Raises ConntraceError.

        `event` is bytes, or anything that JSON can hold. `gap_s` is how long the environment stays
        frozen before, at least; it is counted from the end of its last invocation. Calls from
        several threads at once get an environment each, as on the platform. `trace_header` is the
        X-Ray header; by default a new one that is not sampled, as without active tracing.
        `client_context` is an object, or its JSON.
        """
        check_gap(gap_s)
        payload = event_bytes(event)
        context = client_context_text(client_context) if client_context else ""
        if self._closed:
            raise ConntraceError("lambda-request", "the function is closed: its `with` has ended")
        limit = gap_s + self.settings.timeout_s * 2 + self.settings.init_timeout_s + _SLACK_S
        invocation = Invocation(str(uuid.UUID(bytes=secrets.token_bytes(16), version=4)), limit)
        header = new_trace_header() if trace_header is None else trace_header_text(trace_header)
        environment = self._take()
        try:
            environment.submit(Order(invocation, payload, gap_s, header, context))
            invocation.wait_for_response()
        finally:
            with self._lock:
                environment.busy = False
                environment.used_at = time.monotonic()
        return invocation

    def shutdown(self, reason: str = "spindown", *, at_once: bool = False) -> None:
        """End all environments with SHUTDOWN; the next invocation is cold again.

        Invocations are brought to their end first, or `at_once` broken off.
        """
        with self._lock:
            ended, self._environments = self._environments, []
        for wait in [environment.shut_down(reason, at_once) for environment in ended]:
            wait()

    def close(self, *, at_once: bool = False) -> None:
        """SHUTDOWN, and nothing is left of the function."""
        self._closed = True
        self.shutdown(at_once=at_once)
        self._remove_folder()

    @property
    def log(self) -> str:
        """The log of all environments so far."""
        return self._log.since(0)

    def _take(self) -> Environment:
        """The environment that was used last and is free, else a new one."""
        with self._lock:
            free = [each for each in self._environments if not each.busy]
            if self.settings.managed and self._environments:
                return self._environments[0]
            if free:
                chosen = max(free, key=lambda each: each.used_at)
                chosen.busy = True
                return chosen
        return self._new_environment(busy=True)

    def _new_environment(self, busy: bool = False) -> Environment:
        with self._lock:
            self._count += 1
            environment = Environment(self._count, self._place, self._log)
            environment.busy = busy
            self._environments.append(environment)
            return environment


def new_trace_header() -> str:
    """An X-Ray header with `Sampled=0`, as functions get when active tracing is off."""
    root = f"1-{int(time.time()):08x}-{secrets.token_hex(12)}"
    return f"Root={root};Parent={secrets.token_hex(8)};Sampled=0"


def _folder_of(path: AnyPath) -> Path:
    folder = Path(path).resolve()
    if not folder.is_dir():
        raise ConntraceError("lambda-no-code", f"the function's folder {folder} is not there")
    return folder


def _program(python: AnyPath) -> str:
    """Absolute, links not followed: a virtualenv's Python is a link."""
    found = shutil.which(fspath(python))
    if found is None:
        raise ConntraceError(
            "lambda-no-python", f"the Python for the function is not there: {fspath(python)}"
        )
    return str(Path(found).absolute())
