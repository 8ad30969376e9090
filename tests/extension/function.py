"""The function's side of the channel: sends what a traced process would send."""

from __future__ import annotations

import time

from conntrace.channel import LAMBDA_TOKEN, SocketChannel, lambda_address
from conntrace.events import Goodbye, Hello, encode
from conntrace.events_lambda import Function, InvocationEnd, InvocationStart
from tests.unit.analyzer.streams import Stream

LINES_A_PACKET = 50
"""Each of a few hundred bytes: a packet holds 32 KiB."""


class FunctionProcess:
    """One process of the function. `stream` makes the events, in this machine's clock."""

    def __init__(
        self, runtime_api: str, process: str = "0123456789abcdef", *, patience_s: float = 5.0
    ) -> None:
        self.stream = Stream(process)
        self.stream.now = time.monotonic_ns()
        self.stream.events.clear()
        self._channel = SocketChannel(lambda_address(runtime_api))
        self._invocation = 0
        deadline = time.monotonic() + patience_s
        while not self._channel.open(process):
            assert time.monotonic() < deadline, "nobody listens"
            time.sleep(0.005)
        self.stream.send(
            Hello(
                schema=1,
                token=LAMBDA_TOKEN,
                process=process,
                pid=4242,
                wall_ns=time.time_ns(),
                way="layer",
                python="3.13.0",
                command="bootstrap.py",
            )
        )
        self.stream.send(Function(name="shop", memory_mb=256, region="eu-west-1"))
        self.flush()

    def flush(self) -> None:
        """Send what the stream holds, and take its clock on."""
        lines = [encode(event) for event in self.stream.events]
        self.stream.events.clear()
        self.send_lines(lines)
        self.stream.now = max(self.stream.now, time.monotonic_ns())

    def send_lines(self, lines: list[bytes]) -> None:
        """Send lines as they are."""
        for begin in range(0, len(lines), LINES_A_PACKET):
            packet = lines[begin : begin + LINES_A_PACKET]
            deadline = time.monotonic() + 20
            while not self._channel.send(packet):
                assert time.monotonic() < deadline, "the extension takes nothing"
                time.sleep(0.001)

    def begin(self, request_id: str, *, timeout_s: float = 30.0) -> None:
        """An invocation reaches the process."""
        self._invocation = self.stream.draw()
        wall_ns = time.time_ns()
        self.stream.send(
            InvocationStart(
                invocation=self._invocation,
                request_id=request_id,
                wall_ns=wall_ns,
                deadline_wall_ns=wall_ns + round(timeout_s * 1e9),
                cold=self._invocation < 3,
            )
        )
        self.flush()

    def end(self, error: str = "") -> float:
        """The response is out; returns when (monotonic)."""
        self.stream.now = max(self.stream.now, time.monotonic_ns())
        self.stream.send(InvocationEnd(invocation=self._invocation, error=error))
        self.flush()
        return time.monotonic()

    def say_goodbye(self) -> None:
        self.stream.send(Goodbye())
        self.flush()

    def close(self) -> None:
        """As when it is killed."""
        self._channel.close()
