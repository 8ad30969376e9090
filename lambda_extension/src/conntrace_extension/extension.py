"""The life of the extension between its first `/next` and SHUTDOWN.

While an invocation runs it only stores what comes. Once the response is out it thinks and sends, a
moment only, and then tells the platform that it is done: the environment may be frozen from then
on. It is never on the way of the response.
"""

from __future__ import annotations

import os
import time

from conntrace.analyzer.listener import Address
from conntrace.analyzer.server import Server
from conntrace.channel import LAMBDA_TOKEN, lambda_address
from conntrace_extension.closing import closing_lines
from conntrace_extension.entries import Fact
from conntrace_extension.platform_facts import NextEvent
from conntrace_extension.say import say
from conntrace_extension.sockets import Sockets
from conntrace_extension.store import Store
from conntrace_extension.thinker import SLICE_S, Thinker
from conntrace_extension.window import WINDOW_S, window

TYPE_CHECKING = False
if TYPE_CHECKING:
    import _socket
    from collections.abc import Callable

    from conntrace_extension.platform_api import PlatformApi
    from conntrace_extension.telemetry import Telemetry

TICK_S = 0.1
FROZEN_FROM_S = 0.3
"""A tick that comes so late was kept by a freeze; a busy machine delays less."""
INIT_FROZEN_FROM_S = 2.0
"""The same while the function starts, which may take all of a small environment's processor."""
MARGIN_S = 0.1
"""Before the deadline nothing is done any more."""
EARLY_S = 1.0
"""So long before a deadline, or after the function's last word, the analyzer is loaded."""
INIT_EARLY_S = 5.0
"""INIT may take so long; before that the processor is the function's."""
UNSTARTED_S = 0.5
"""An invocation that no process has begun within this time is not waited for."""
SHUTDOWN_S = 1.5
SHUTDOWN_MARGIN_S = 0.2
THINK_SHARE = 0.5
"""Of the time at SHUTDOWN; the rest is for sending."""
MANAGED_FLUSH_S = 10.0
_LOW_PRIORITY = 10
_THIN_FROM_BYTES = 1024 * 1024


class Extension:
    """Built while the function's runtime starts."""

    def __init__(
        self,
        api: PlatformApi,
        channel: _socket.socket,
        telemetry: Telemetry | None,
        layer: str,
    ) -> None:
        self._api = api
        self._store = Store()
        self._thinker = Thinker(self._store, api.facts, layer)
        address = Address(lambda_address(api.address), channel)
        self._server = Server(address, LAMBDA_TOKEN, self._store)
        self._telemetry = telemetry
        self._sockets = Sockets(api, self._server, telemetry, self._store, self._thinker)
        self._tick_s = time.monotonic()
        self._frozen_from_s = INIT_FROZEN_FROM_S
        self._spent_ns = 0
        """After the response of the invocation before; the next one tells of it."""
        self._said_untraced = False

    def close(self) -> None:
        """Let go of everything but the connection to the platform."""
        self._server.close()
        if self._telemetry is not None:
            self._telemetry.close()

    def run(self) -> None:
        """From one event to the next, until SHUTDOWN."""
        initializing = True
        while True:
            event = self._next_event(initializing=initializing)
            self._store.add(event.fact)
            if event.is_shutdown:
                self._shut_down(event)
                return
            initializing = False
            self._invocation(event)

    def run_managed(self) -> None:
        """Managed instances are never frozen and tell of no invocations: think all the time."""
        os.nice(_LOW_PRIORITY)
        next_flush_s = time.monotonic() + MANAGED_FLUSH_S
        while True:
            event = self._received(TICK_S)
            if event is not None:
                self._store.add(event.fact)
                self._shut_down(event)
                return
            self._think(time.monotonic() + TICK_S)
            flusher, now_s = self._thinker.flusher, time.monotonic()
            if flusher is None:
                continue
            is_time = now_s >= next_flush_s
            if is_time:
                next_flush_s = now_s + MANAGED_FLUSH_S
            # A full batch goes at once: in 10 s there may be more than there is room for.
            if is_time or flusher.has_full_batch:
                flusher.after_response(now_s + WINDOW_S, self._wait)

    def _next_event(self, *, initializing: bool) -> NextEvent:
        """Wait for the platform, looking at the clock meanwhile: a gap in the ticks is a freeze."""
        # Looked at before asking: the platform may freeze us before the next line runs.
        began_s = self._tick_s = time.monotonic()
        self._frozen_from_s = INIT_FROZEN_FROM_S if initializing else FROZEN_FROM_S
        self._api.ask_next()
        while True:
            # The function may wake first, and its events must come after the freeze before them.
            event = self._received(TICK_S, self._look_for_freeze)
            if event is not None:
                return event
            if initializing and time.monotonic() >= began_s + INIT_EARLY_S:
                self._thinker.load_step()

    def _received(
        self, timeout_s: float, on_wake: Callable[[], None] | None = None
    ) -> NextEvent | None:
        answered = self._sockets.wait(timeout_s, on_wake)
        self._collect()
        body = self._api.receive() if answered else None
        if body is None:
            return None
        return NextEvent(body, time.monotonic_ns(), time.time_ns(), self._spent_ns)

    def _look_for_freeze(self) -> None:
        now_s = time.monotonic()
        if now_s - self._tick_s >= self._frozen_from_s:
            start_ns, end_ns = int(self._tick_s * 1e9), int(now_s * 1e9)
            self._store.add(Fact("PlatformFrozen", time_ns=end_ns, start_ns=start_ns))
            if self._thinker.flusher is not None:
                self._thinker.flusher.note_freeze(now_s - self._tick_s)
        self._tick_s = now_s

    def _invocation(self, event: NextEvent) -> None:
        began_s = time.monotonic()
        last_s = event.deadline_s - MARGIN_S if event.deadline_s else began_s + EARLY_S
        if self._thinker.flusher is not None:
            self._thinker.flusher.note_invocation(began_s)
        self._spent_ns = 0
        if not self._is_seen_out(event, began_s, last_s):
            return
        ended_s = self._store.ended_ns(event.request_id) / 1e9
        think_until_s, until_s = window(ended_s, time.monotonic(), last_s)
        if self._think(think_until_s):
            self._thinker.invocation_done(event.request_id)
        if self._thinker.flusher is not None:
            self._thinker.flusher.after_response(until_s, self._wait)
        if ended_s:
            self._spent_ns = max(0, time.monotonic_ns() - int(ended_s * 1e9))

    def _is_seen_out(self, event: NextEvent, began_s: float, last_s: float) -> bool:
        """Wait for the response of an invocation; False when there is no use in waiting longer."""
        self._sockets.drain()
        if not self._store.packets:
            self._say_untraced()
        while not self._store.is_over(event.request_id):
            now_s = time.monotonic()
            if now_s >= last_s or not self._server.peers:
                return False
            started = self._store.is_started(event.request_id)
            if not started and now_s >= began_s + UNSTARTED_S:
                return False
            if now_s >= last_s + MARGIN_S - EARLY_S or self._is_silent(began_s):
                # It may hang: be ready for the end, which leaves little time.
                self._think(now_s + SLICE_S)
            self._wait(min(TICK_S, last_s - now_s))
        return True

    def _say_untraced(self) -> None:
        """An invocation is here, and no process has said a word: a setting may be missing."""
        if not self._said_untraced:
            self._said_untraced = True
            wrapper = os.environ.get("AWS_LAMBDA_EXEC_WRAPPER", "") or "not set"
            say(
                "no process of this function is traced: AWS_LAMBDA_EXEC_WRAPPER is "
                f"{wrapper} [layer-not-started]"
            )

    def _is_silent(self, began_s: float) -> bool:
        return time.monotonic() - max(began_s, self._sockets.last_packet_s) >= EARLY_S

    def _wait(self, timeout_s: float) -> None:
        self._sockets.wait(timeout_s)
        self._collect()

    def _collect(self) -> None:
        if self._thinker.flusher is not None:
            self._thinker.flusher.collect()

    def _think(self, until_s: float) -> bool:
        return self._thinker.work(until_s, self._drain)

    def _drain(self) -> None:
        self._sockets.drain()

    def _shut_down(self, event: NextEvent) -> None:
        """Nothing runs any more: work off, end what is open, and send what there is time for."""
        now_s = time.monotonic()
        until_s = now_s + SHUTDOWN_S
        if event.deadline_s:
            until_s = min(until_s, event.deadline_s - SHUTDOWN_MARGIN_S)
        while self._sockets.drain() and time.monotonic() < until_s:
            pass
        if self._store.size > _THIN_FROM_BYTES:
            self._store.thin()
        while not self._thinker.is_ready:
            self._thinker.load_step()
        if not self._thinker.work(now_s + (until_s - now_s) * THINK_SHARE, self._drain):
            self._store.drop_rest()
            self._store.add(event.fact)
            self._thinker.work(until_s, self._drain)
        summary = self._thinker.finish()
        flusher = self._thinker.flusher
        if flusher is not None:
            flusher.at_shutdown(until_s, self._wait)
            flusher.say_what_is_left()
        if summary is not None:
            for line in closing_lines(summary, self._server, self._store.left_out):
                say(line)
