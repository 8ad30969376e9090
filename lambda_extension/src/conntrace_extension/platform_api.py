"""The platform's Extensions API: register, then ask for the next event, again and again.

AWS Lambda developer guide, "Extensions API". There is no time-out on `/next`: the process may be
frozen inside the call for hours.
"""

from __future__ import annotations

import time

from conntrace_extension.wire import Connection, Message, NotHttp, request

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

_REGISTER = "/2020-01-01/extension/register"
_NEXT = "/2020-01-01/extension/event/next"
_FIRST_PAUSE_S = 0.02
_MAX_PAUSE_S = 1.0

INVOKE = "INVOKE"
SHUTDOWN = "SHUTDOWN"


class PlatformApi:
    """This extension, as the platform knows it."""

    __slots__ = ("_connection", "_pause_s", "address", "asked", "facts", "identifier", "is_over")

    def __init__(self, address: str) -> None:
        """`address`: AWS_LAMBDA_RUNTIME_API, `host:port`."""
        self.address = address
        self.identifier = ""
        self.facts = b""
        """What the platform told at registration: JSON."""
        self.asked = False
        """A request for the next event is under way."""
        self.is_over = False
        """SHUTDOWN was told: nothing more follows."""
        self._connection = Connection(address)
        self._pause_s = _FIRST_PAUSE_S

    def register(self, name: str, events: Sequence[str]) -> Sequence[str]:
        """Register; returns the events that were granted.

        Managed instances refuse INVOKE with 403. There is no giving up: an extension that does
        not register keeps the function from starting, and so does one that exits.
        """
        while True:
            reply = self._register(name, events)
            if reply is not None and reply.status == 200:
                self.identifier = reply.headers.get("lambda-extension-identifier", "")
                self.facts = reply.body
                self._pause_s = _FIRST_PAUSE_S
                return events
            if reply is not None and reply.status == 403 and INVOKE in events:
                events = (SHUTDOWN,)
            else:
                self._pause()

    def _register(self, name: str, events: Sequence[str]) -> Message | None:
        names = ",".join(f'"{event}"' for event in events)
        headers = {
            "Lambda-Extension-Name": name,
            "Lambda-Extension-Accept-Feature": "accountId",
            "Content-Type": "application/json",
        }
        body = f'{{"events":[{names}]}}'.encode()
        try:
            return self._connection.exchange(
                request("POST", _REGISTER, self.address, headers, body)
            )
        except (OSError, NotHttp):
            return None

    def ask_next(self) -> None:
        """Say that this phase is done, and ask for the next event."""
        if self.asked:
            return
        headers = {"Lambda-Extension-Identifier": self.identifier}
        data = request("GET", _NEXT, self.address, headers)
        while not self.asked:
            try:
                self._connection.send(data)
                self.asked = True
            except OSError:
                self._connection.close()
                self._pause()

    def fileno(self) -> int:
        """For `poll`."""
        return self._connection.fileno()

    def receive(self) -> bytes | None:
        """Read what has come, waiting if nothing has; the event's JSON when it is complete.

        A connection that broke is made again and the question asked again.
        """
        try:
            message = self._connection.receive()
        except (OSError, NotHttp):
            message = None
            self.asked = False
        if message is not None:
            self.asked = False
            if message.status == 200:
                self._pause_s = _FIRST_PAUSE_S
                self.is_over = b'"SHUTDOWN"' in message.body
                return message.body
        if not self.asked:
            self._pause()
            self.ask_next()
        return None

    def next_event(self) -> bytes:
        """Wait for the next event, however long it takes."""
        self.ask_next()
        while (event := self.receive()) is None:
            pass
        return event

    def _pause(self) -> None:
        time.sleep(self._pause_s)
        self._pause_s = min(self._pause_s * 2, _MAX_PAUSE_S)
