"""Hand-made streams of an AWS Lambda environment: its function's process, and the platform.

environment = LambdaStream()
environment.initialised()
with environment.invocation("r-1", cold=True):
    environment.request(pool)
environment.freeze(60.0)
result = environment.play()
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from dataclasses import replace

from tests.unit.analyzer.streams import (
    BOOT_NS,
    EPOCH_NS,
    PROCESS,
    SECOND,
    Result,
    Stream,
    text,
)

from conntrace.analyzer.exporters.memory import MemoryExporter
from conntrace.analyzer.pipeline import PLATFORM, Pipeline
from conntrace.analyzer.span import AttributeValue, Span
from conntrace.events import ConnectStart, Event, decode, encode
from conntrace.events_lambda import (
    Function,
    InvocationEnd,
    InvocationStart,
    PlatformFrozen,
    PlatformInvoke,
    PlatformShutdown,
    Restored,
)

ARN = "arn:aws:lambda:eu-west-1:123456789012:function:orders:live"
NAME = "orders"


class LambdaStream(Stream):
    """The function's process; what the platform says is put in between, in order."""

    def __init__(self, process: str = PROCESS, *, service: str = "", **function: object) -> None:
        self.order: list[tuple[str, Event]] = []
        super().__init__(process, service=service)
        self.function = event = Function(
            name=NAME,
            version="7",
            memory_mb=256,
            region="eu-west-1",
            log_group="/aws/lambda/orders",
            log_stream="2026/01/01/[7]abc",
            handler="app.handler",
            initialization="on-demand",
        )
        for name, value in function.items():
            setattr(event, name, value)
        self.send(event)

    def send(self, event: Event) -> None:
        super().send(event)
        self.order.append((self.process, event))

    def platform(self, event: Event) -> None:
        """What the platform tells the extension, now."""
        event.time_ns = event.time_ns or self.now
        self.order.append((PLATFORM, event))

    @property
    def wall_ns(self) -> int:
        """The wall clock now."""
        return EPOCH_NS + self.now - BOOT_NS

    def invoke(self, request_id: str, **facts: object) -> None:
        """The platform tells the extension of an invocation."""
        event = PlatformInvoke(
            request_id=request_id,
            wall_ns=self.wall_ns,
            deadline_wall_ns=self.wall_ns + 3 * SECOND,
            arn=ARN,
        )
        for name, value in facts.items():
            setattr(event, name, value)
        self.platform(event)

    def start_invocation(self, request_id: str = "r-1", **facts: object) -> int:
        """The function's process begins it."""
        identifier = self.draw()
        self.now += SECOND // 10_000
        event = InvocationStart(
            time_ns=self.now,
            invocation=identifier,
            request_id=request_id,
            wall_ns=self.wall_ns,
            deadline_wall_ns=self.wall_ns + 3 * SECOND,
            arn=ARN,
            trigger="other",
        )
        for name, value in facts.items():
            setattr(event, name, value)
        self.send(event)
        return identifier

    def end_invocation(self, identifier: int, error: str = "", agent_ns: int = 700_000) -> None:
        """Its outcome is handed over."""
        self.send(InvocationEnd(invocation=identifier, error=error, agent_ns=agent_ns))

    @contextlib.contextmanager
    def invocation(
        self, request_id: str = "r-1", *, error: str = "", **facts: object
    ) -> Iterator[None]:
        """A whole invocation, told by both."""
        self.invoke(request_id)
        identifier = self.start_invocation(request_id, **facts)
        yield
        self.end_invocation(identifier, error)

    def connect(self, setup: int) -> None:
        """A connect begins, and does not come back."""
        self.send(ConnectStart(operation=self.draw(), setup=setup, address="192.0.2.1", port=443))

    def freeze(self, seconds: float) -> None:
        """Everything stands still; the extension notices when it wakes."""
        start_ns = self.now
        self.sleep(seconds)
        self.platform(PlatformFrozen(start_ns=start_ns))

    def restore(self, after_s: float = 3600.0) -> LambdaStream:
        """A snapshot is taken; later the process wakes up in a life with a name of its own."""
        self.goodbye()
        life = LambdaStream("fedcba9876543210")
        life.order, life.events = self.order, self.events
        life.now, life.next_id, life.pools = self.now, self.next_id, self.pools
        life.sleep(after_s)
        life.hello(forked_from=self.process, first_id=self.next_id)
        life.send(replace(self.function, time_ns=0))
        life.send(Restored(wall_ns=life.wall_ns))
        return life

    def shutdown(self, reason: str = "spindown") -> None:
        """The platform ends the environment."""
        self.platform(PlatformShutdown(reason=reason))

    def recording(self) -> list[str]:
        """The lines as a recorder saves them."""
        return [f"{process}\t{encode(event).decode()}" for process, event in self.order]

    def play(
        self,
        *,
        lost: bool = False,
        host: dict[str, AttributeValue] | None = None,
        propagators: tuple[str, ...] = (),
    ) -> Result:
        """Feed everything in order and finish. `lost`: the process dies before the last word of
        the platform."""
        memory = MemoryExporter()
        pipeline = Pipeline([memory], host_resource=host, propagators=propagators)
        last = max((at for at, (who, _) in enumerate(self.order) if who != PLATFORM), default=0)
        for at, (process, event) in enumerate(self.order):
            if process == PLATFORM:
                pipeline.platform(decode(encode(event)))
            else:
                pipeline.feed(process, [encode(event)])
            if lost and at == last:
                pipeline.tick(event.time_ns)
                pipeline.lost(self.process)
        pipeline.finish()
        return Result(memory.spans, pipeline.summary())


def invocations(result: Result) -> list[Span]:
    """The spans of invocations, by start."""
    found = [span for span in result.spans if span.kind in ("SERVER", "CONSUMER")]
    return sorted(found, key=lambda span: span.start_ns)


def below(result: Result, parent: Span) -> list[Span]:
    """The spans directly below, by start."""
    found = [span for span in result.spans if span.parent_span_id == parent.span_id]
    return sorted(found, key=lambda span: span.start_ns)


def ended(span: Span) -> tuple[bool, str, str]:
    """Whether it failed, error.type, and what was going on."""
    return span.error, text(span, "error.type"), text(span, "conntrace.unfinished_phase")


def one(result: Result) -> Span:
    """The only invocation."""
    (span,) = invocations(result)
    return span
