"""Composition root of the traced side: settings, channel, hooks; fork and exit.

One recorder a process: the first one wins. `start` and `stop` are its two verbs.
"""

from __future__ import annotations

import atexit
import os
import sys
from collections.abc import Callable, Sequence

from conntrace import __version__
from conntrace.channel import Channel
from conntrace.clock import clock_pair
from conntrace.event_lines import line
from conntrace.traced import (
    audit,
    call_sites,
    connections,
    context,
    guard,
    notes,
    originals,
    own_name,
    recording,
)
from conntrace.traced.hooks import (
    asyncio_lookups,
    botocore,
    dns,
    green,
    http_client,
    tcp,
    tls,
    urllib3_checkouts,
    urllib3_pools,
    urllib3_probes,
    urllib3_requests,
    urllib3_returns,
)
from conntrace.traced.hooks.base import Hook, Installer
from conntrace.traced.outbox import Outbox
from conntrace.traced.own_process import command, started_ns

SCHEMA = 1
PATIENCE_NS = 250_000_000
HOOKS: tuple[Hook, ...] = (
    *dns.HOOKS,
    *tcp.HOOKS,
    *tls.HOOKS,
    *http_client.HOOKS,
    *urllib3_pools.HOOKS,
    *urllib3_requests.HOOKS,
    *urllib3_checkouts.HOOKS,
    *urllib3_probes.HOOKS,
    *urllib3_returns.HOOKS,
    *botocore.HOOKS,
    *asyncio_lookups.HOOKS,
    *green.HOOKS,
)
_CLIENT_MODULES = ("urllib3.connectionpool", "http.client")


class Recorder:
    """The running agent of this process."""

    def __init__(
        self,
        open_channel: Callable[[], Channel],
        *,
        way: str,
        token: str = "",
        service: str = "",
        hooks: Sequence[Hook] = HOOKS,
        introduction: Callable[[], bytes] | None = None,
    ) -> None:
        """`introduction` gives a line that follows each hello of this process and its children."""
        self._open_channel = open_channel
        self._way = way
        self._token = token
        self._service = service
        self._introduction = introduction
        self._installer = Installer(hooks)
        self._channel: Channel | None = None
        self._paused: recording.Recording | None = None
        self._sent_drops = (0, 0, 0)

    @property
    def process(self) -> str:
        """Name of this process on the channel."""
        return recording.active.process if recording.active is not None else ""

    def start(self, *, with_audit: bool) -> bool:
        """Begin; False when nobody listens, and then the program is left untouched."""
        late = self._way == "instrument" and any(name in sys.modules for name in _CLIENT_MODULES)
        if not self._connect(late=late, forked_from="", first_id=0):
            return False
        self._installer.install()
        if with_audit:
            audit.install()
        atexit.register(self._leave)
        _register_fork_hook()
        return True

    def stop(self) -> None:
        """Undo every patch and forget everything."""
        atexit.unregister(self._leave)
        audit.remove()
        self._installer.remove()
        guard.contained("stop", self._say_goodbye)
        recording.active = None
        connections.forget_all()
        self._close_channel()

    def patched(self) -> list[str]:
        """The functions that are patched now."""
        return self._installer.patched()

    def places(self) -> list[str]:
        """The same as `module:Class.function`."""
        return self._installer.places()

    def flush(self) -> None:
        """Send what waits, with the totals of what was dropped."""
        active = recording.active
        if active is None:
            return
        totals = (
            active.outbox.dropped_requests,
            active.outbox.dropped_events + guard.exhausted_count(),
            guard.failure_count(),
        )
        if totals != self._sent_drops:
            self._sent_drops = totals
            active.outbox.note(notes.drops(*totals, sorted(guard.switched_off)))
        active.outbox.drain()

    def forked(self) -> None:
        """In a forked child: a process of its own, on a connection of its own."""
        parent, recording.active = recording.active, None
        heard = self._channel is not None and self._channel.alive
        self._close_channel()
        if heard:
            self._go_on_from(parent)

    def pause(self) -> None:
        """Before a snapshot of the process: send what waits and let go of the channel."""
        self._say_goodbye()
        self._paused, recording.active = recording.active, None
        self._close_channel()

    def resume(self) -> None:
        """After `pause`: every copy of the snapshot is a process with a name of its own."""
        before, self._paused = self._paused, None
        self._go_on_from(before)

    def _go_on_from(self, before: recording.Recording | None) -> None:
        if before is None:
            return
        self._sent_drops = (0, 0, 0)
        first_id = context.ids.first_of_child()
        self._connect(late=before.late, forked_from=before.process, first_id=first_id)

    def _connect(self, *, late: bool, forked_from: str, first_id: int) -> bool:
        process = originals.urandom(8).hex()
        channel = self._open_channel()
        if not channel.open(process):
            return False
        self._channel = channel
        own_name.learn()
        recording.spent_ns = 0
        recording.active = recording.Recording(
            Outbox(channel), process, late=late, in_process=self._way == "instrument"
        )
        recording.note(self._hello(process, late, forked_from, first_id))
        if self._introduction is not None:
            recording.note(self._introduction())
        recording.drain()
        return True

    def _hello(self, process: str, late: bool, forked_from: str, first_id: int) -> bytes:
        monotonic_ns, wall_ns = clock_pair()
        return line(
            b"hello", monotonic_ns, originals.get_ident(),
            SCHEMA, self._token, process, originals.getpid(), originals.getppid(), wall_ns,
            started_ns(), self._way, late, forked_from, first_id,
            ".".join(map(str, sys.version_info[:3])), command(), self._service, __version__,
        )  # fmt: skip

    def _leave(self) -> None:
        """At exit: a socket left to the interpreter's end would warn in the program's name."""
        self._say_goodbye()
        self.wait_for_reader()
        self._close_channel()

    def wait_for_reader(self) -> None:
        """Before an end or a freeze: facts that wait because the channel is full would be lost."""
        active = recording.active
        if active is None or self._way == "instrument":
            return
        deadline = originals.monotonic_ns() + PATIENCE_NS
        while active.outbox.still_congested() and originals.monotonic_ns() < deadline:
            originals.sleep(0.005)

    def _close_channel(self) -> None:
        if self._channel is not None:
            self._channel.close()

    def _say_goodbye(self) -> None:
        self.flush()
        recording.send(notes.goodbye(recording.spent_ns))


running: Recorder | None = None
_fork_hook_registered = False


def _register_fork_hook() -> None:
    """Once a process: a fork hook cannot be taken out again."""
    global _fork_hook_registered
    if not _fork_hook_registered and hasattr(os, "register_at_fork"):
        _fork_hook_registered = True
        os.register_at_fork(after_in_child=_after_fork)


def _after_fork() -> None:
    if running is not None:
        guard.contained("fork", running.forked)


def start(recorder: Recorder, *, with_audit: bool) -> bool:
    """Start this recorder unless one runs already: the first wins."""
    global running
    if running is not None:
        return False
    running = recorder
    if not recorder.start(with_audit=with_audit):
        running = None
        return False
    return True


def stop() -> None:
    """Stop the recorder that runs, if one does."""
    global running
    recorder, running = running, None
    if recorder is not None:
        recorder.stop()


__all__ = ["HOOKS", "Recorder", "call_sites", "running", "start", "stop"]
