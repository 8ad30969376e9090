"""However much one invocation does: bounded memory, counted drops, and the telling spans stay."""

from __future__ import annotations

from tests.unit.analyzer.lambda_streams import LambdaStream, invocations
from tests.unit.analyzer.streams import Result, number

from conntrace.analyzer.exporters.memory import MemoryExporter
from conntrace.analyzer.pipeline import Pipeline
from conntrace.analyzer.span_room import MAX_OTHERS, MAX_SMOOTH
from conntrace.events_lambda import LeftOut


class Feeder:
    """Feeds a pipeline a few packets at a time, as the extension does, and forgets them."""

    def __init__(self) -> None:
        self.memory = MemoryExporter(limit=1_000_000)
        self.pipeline = Pipeline([self.memory])
        self.stream = LambdaStream()
        self.pool = self.stream.pool(self.stream.manager(), "a.example")
        self.stream.request(self.pool)

    def slice(self) -> None:
        self.pipeline.feed(self.stream.process, self.stream.lines)
        self.stream.events.clear()
        self.stream.order.clear()

    def result(self) -> Result:
        self.slice()
        self.pipeline.finish()
        return Result(self.memory.spans, self.pipeline.summary())


def test_many_thousands_of_requests_in_one_invocation() -> None:
    feeder = Feeder()
    stream = feeder.stream
    identifier = stream.start_invocation("r-1", cold=True)
    for index in range(20_000):
        stream.request(feeder.pool)
        if index % 100 == 99:
            feeder.slice()
        if index == 18_000:
            stream.sleep(3)
            stream.request(feeder.pool, stream.server_closed(feeder.pool, 2.0))
    stream.end_invocation(identifier)
    with stream.invocation("r-2"):
        stream.request(feeder.pool)
    result = feeder.result()
    first, second = invocations(result)
    within = [span for span in result.spans if span.trace_id == first.trace_id]
    assert len(within) <= MAX_SMOOTH + 20
    assert number(first, "conntrace.ledger.requests") == 20_001
    dropped = number(first, "conntrace.ledger.spans_dropped")
    assert dropped == 20_001 - MAX_SMOOTH - 1
    assert result.summary.dropped == dropped
    assert "conntrace.ledger.spans_dropped" not in second.attributes
    # The one connection that was lost is there, late as it came.
    assert result.causes == ["first_use_of_destination", "server_closed_idle"]


def test_requests_for_which_the_extension_had_no_room_count() -> None:
    """In the totals of their invocation, and as spans that are missing."""
    stream = LambdaStream()
    pool = stream.pool(stream.manager(), "a.example")
    stream.request(pool)
    with stream.invocation("r-1"):
        stream.request(pool)
        stream.send(LeftOut(requests=40))
    with stream.invocation("r-2"):
        stream.request(pool)
    names = ("requests", "reused", "spans_dropped")
    first, second = invocations(stream.play())
    assert [number(first, f"conntrace.ledger.{name}") for name in names] == [41, 41, 40]
    assert [number(second, f"conntrace.ledger.{name}") for name in names[:2]] == [1, 1]
    assert "conntrace.ledger.spans_dropped" not in second.attributes


def test_thousands_of_set_ups_in_one_invocation() -> None:
    feeder = Feeder()
    stream = feeder.stream
    identifier = stream.start_invocation("r-1")
    for index in range(2_000):
        manager = stream.manager("requests.Session", "app.py:9", one_shot="requests.get")
        pool = stream.pool(manager, "a.example")
        stream.request(pool)
        stream.collect_manager(manager, [pool])
        del stream.pools[pool]
        if index % 50 == 49:
            feeder.slice()
    stream.end_invocation(identifier)
    result = feeder.result()
    (span,) = invocations(result)
    assert len(result.spans) <= MAX_OTHERS + MAX_SMOOTH + 20
    assert number(span, "conntrace.ledger.connects") == 2_000
    assert number(span, "conntrace.ledger.spans_dropped") >= 4_000
