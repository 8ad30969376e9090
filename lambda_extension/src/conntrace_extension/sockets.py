"""Everything that the main loop waits for, in one `poll`."""

from __future__ import annotations

import select
import time

from conntrace_extension.platform_facts import TelemetryReader

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from conntrace.analyzer.server import Server
    from conntrace_extension.platform_api import PlatformApi
    from conntrace_extension.store import Store
    from conntrace_extension.telemetry import Telemetry
    from conntrace_extension.thinker import Thinker

# A sleeping reader that each message wakes costs the function's core 25 us a message. So after one
# it sleeps by the clock for a moment; the sockets hold what comes meanwhile.
BUSY_SLEEP_S = 0.005

TURN_PACKETS = 16
"""So many at a time: a packet holds up to 32 KiB of lines, and deadlines are kept in between."""


class Sockets:
    """Waits, and stores what comes."""

    def __init__(
        self,
        api: PlatformApi,
        server: Server,
        telemetry: Telemetry | None,
        store: Store,
        thinker: Thinker,
    ) -> None:
        self._api = api
        self._server = server
        self._telemetry = telemetry
        self._store = store
        self._thinker = thinker
        self._reader = TelemetryReader()
        self.last_packet_s = 0.0
        """When something came from the function last."""

    def wait(self, timeout_s: float, on_wake: Callable[[], None] | None = None) -> bool:
        """Wait until something comes, at most `timeout_s`; True when the platform has answered.

        What processes send is stored, and what the Telemetry API posts as well; `on_wake` is
        called before that.
        """
        endings = self._store.endings
        ready = self._poll(timeout_s)
        if on_wake is not None:
            on_wake()
        if 0 < self.drain() < TURN_PACKETS and self._store.endings == endings:
            time.sleep(min(BUSY_SLEEP_S, timeout_s))
            self.drain()
        if self._telemetry is not None:
            now_ns = time.monotonic_ns()
            for body in self._telemetry.receive(ready):
                for fact in self._reader.read(body, now_ns):
                    self._store.add(fact)
                    if fact.event == "PlatformRuntimeDone":
                        self._store.note_over(str(fact.values["request_id"]))
        return self._api.asked and self._api.fileno() in ready

    def drain(self) -> int:
        """Store what processes have sent, for a moment; returns the number of packets."""
        taken = self._server.drain(TURN_PACKETS)
        if taken:
            self.last_packet_s = time.monotonic()
        return taken

    def _poll(self, timeout_s: float) -> set[int]:
        poll = select.poll()
        for descriptor in self._descriptors():
            if descriptor >= 0:
                poll.register(descriptor, select.POLLIN)
        return {descriptor for descriptor, _ in poll.poll(max(0.0, timeout_s) * 1000)}

    def _descriptors(self) -> Iterator[int]:
        if self._api.asked:
            yield self._api.fileno()
        yield from self._server.descriptors()
        if self._telemetry is not None:
            yield from self._telemetry.descriptors()
        if self._thinker.flusher is not None:
            yield self._thinker.flusher.fileno()
