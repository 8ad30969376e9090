"""What an environment's runtime and extensions have said so far, and what they are to be told.

The HTTP threads write here and wait here for events; the environment's own thread waits for what it
needs to go on. One lock for all: nothing of this is hot.
"""

from __future__ import annotations

import secrets
import threading
import time
import uuid
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from conntrace.simulator.ending import Failure, extension_exited, runtime_exited

RUNTIME = "runtime"
_TICK_S = 0.1


@dataclass(slots=True)
class Extension:
    """One extension process, or an internal one that lives in the runtime's."""

    name: str
    external: bool
    id: str = ""
    events: tuple[str, ...] = ()
    waiting: bool = False
    """It sits in /next, and nothing is there for it."""
    mail: deque[dict[str, Any]] = field(default_factory=deque)
    exit_code: int | None = None

    @property
    def registered(self) -> bool:
        """Whether it has an identifier."""
        return bool(self.id)


@dataclass(slots=True)
class Task:
    """One invocation as the Runtime API sees it. Times are of the monotonic clock, in seconds."""

    event: bytes
    request_id: str
    arn: str
    trace_header: str
    deadline: float
    deadline_ms: int
    client_context: str = ""
    taken: bool = False
    answer: bytes | None = None
    error_type: str = ""
    is_error: bool = False
    answered_at: float = 0.0


class Board:
    """The state of one generation of an environment: a new INIT gets a new one."""

    def __init__(self, extensions: list[str]) -> None:
        self.changed = threading.Condition()
        self.extensions = {name: Extension(name, external=True) for name in extensions}
        self.registration_open = True
        self.closed = False
        self.failure: Failure | None = None
        self.runtime_waiting = 0
        self.restore_waiting = False
        self.restored = False
        self.runtime_exit: int | None = None
        self.stopping = False
        self._tasks: deque[Task] = deque()
        self._running: dict[str, Task] = {}

    # --- told by the HTTP threads ---------------------------------------------------------------

    def next_task(self) -> Task | None:
        """The runtime asks for work; waits. None when the environment is at its end."""
        with self.changed:
            self.runtime_waiting += 1
            self.changed.notify_all()
            self.changed.wait_for(lambda: self.closed or self._tasks)
            self.runtime_waiting -= 1
            if self.closed:
                return None
            task = self._tasks.popleft()
            task.taken = True
            self._running[task.request_id] = task
            return task

    def answer(self, request_id: str, body: bytes, error_type: str | None) -> bool:
        """The runtime's result; `error_type` is None on success. False: no such invocation."""
        with self.changed:
            task = self._running.pop(request_id, None)
            if task is None:
                return False
            task.answered_at = time.monotonic()
            task.answer, task.is_error = body, error_type is not None
            task.error_type = error_type or ""
            self.changed.notify_all()
            return True

    def wait_for_restore(self) -> bool:
        """The runtime says that it may be snapshotted; waits for the restore."""
        with self.changed:
            self.restore_waiting = True
            self.changed.notify_all()
            self.changed.wait_for(lambda: self.closed or self.restored)
            return not self.closed

    def fail(self, failure: Failure) -> None:
        """INIT or the environment as a whole has failed; the first failure counts."""
        with self.changed:
            self._fail(failure)
            self.changed.notify_all()

    def register(self, name: str, events: tuple[str, ...]) -> Extension:
        """Give an extension its identifier. The caller has checked that it may have one."""
        with self.changed:
            extension = self.extensions.setdefault(name, Extension(name, external=False))
            extension.events = events
            extension.id = str(uuid.UUID(bytes=secrets.token_bytes(16)))
            self.changed.notify_all()
            return extension

    def by_id(self, identifier: str) -> Extension | None:
        """The extension with this identifier."""
        with self.changed:
            found = (each for each in self.extensions.values() if each.id == identifier)
            return next(found, None) if identifier else None

    def next_event(self, extension: Extension) -> dict[str, Any] | None:
        """An extension asks for its next event; waits. None at the environment's end."""
        with self.changed:
            extension.waiting = not extension.mail
            self.changed.notify_all()
            self.changed.wait_for(lambda: self.closed or extension.mail)
            extension.waiting = False
            return extension.mail.popleft() if extension.mail else None

    def exited(self, name: str, code: int) -> None:
        """A process of the environment has ended."""
        with self.changed:
            if name == RUNTIME:
                self.runtime_exit = code
                self._fail(runtime_exited(code))
            else:
                self.extensions[name].exit_code = code
                self._fail(extension_exited(code))
            self.changed.notify_all()

    def _fail(self, failure: Failure) -> None:
        if self.failure is None and not self.stopping:
            self.failure = failure

    # --- used by the environment's own thread ---------------------------------------------------

    def wait(
        self, condition: Callable[[], bool], deadline: float, each_tick: Callable[[], None]
    ) -> bool:
        """Wait for a condition or a failure; False when the time is up first.

        `each_tick` is called ten times a second, without the lock.
        """
        while True:
            with self.changed:
                left = deadline - time.monotonic()
                done = self.changed.wait_for(
                    lambda: self.failure is not None or condition(), min(max(left, 0), _TICK_S)
                )
            if done:
                return True
            if time.monotonic() >= deadline:
                return False
            each_tick()

    def all_registered(self) -> bool:
        """Every external extension has registered."""
        return all(each.registered for each in self.extensions.values())

    def extensions_wait(self, event: str = "") -> bool:
        """Every registered extension (or those who want this event) sits in /next."""
        return all(
            each.waiting
            for each in self.extensions.values()
            if each.registered and (not event or event in each.events)
        )

    def runtime_ready(self) -> bool:
        """The runtime sits in /next."""
        return self.runtime_waiting > 0 and not self._tasks

    def send(self, task: Task, invoke_event: dict[str, Any]) -> None:
        """Give an invocation to the runtime, and its event to the extensions that want it."""
        with self.changed:
            self._tasks.append(task)
            self._post("INVOKE", invoke_event)
            self.changed.notify_all()

    def post_shutdown(self, event: dict[str, Any]) -> None:
        """Tell the extensions that want to know that the environment ends."""
        with self.changed:
            self._post("SHUTDOWN", event)
            self.changed.notify_all()

    def _post(self, kind: str, event: dict[str, Any]) -> None:
        for extension in self.extensions.values():
            if extension.registered and kind in extension.events:
                extension.waiting = False
                extension.mail.append(event)

    def restore(self) -> None:
        """Answer the runtime that waits to be restored."""
        with self.changed:
            self.restored = True
            self.changed.notify_all()

    def close_registration(self) -> None:
        """From here on nobody may register or subscribe."""
        with self.changed:
            self.registration_open = False

    def stop(self) -> None:
        """The environment is being ended: who exits now has not failed."""
        with self.changed:
            self.stopping = True

    def close(self) -> None:
        """Let every waiting HTTP thread go."""
        with self.changed:
            self.closed = True
            self.changed.notify_all()
