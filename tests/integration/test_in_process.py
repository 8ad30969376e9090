"""`conntrace.instrument()` and `capture()`: agent and analyzer within the program itself."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable, Iterator, Sequence

import pytest
import urllib3
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.sdk.trace.sampling import ALWAYS_OFF, ParentBased

import conntrace
from conntrace import in_process
from conntrace import semantic_names as names
from conntrace.analyzer.exporters.memory import MemoryExporter
from conntrace.testing import Span, Spans, capture
from tests.integration.conftest import Serve
from tests.integration.running import FIRST, cause, confidence
from tests.integration.sound import assert_sound
from tests.servers.authority import Authority


@pytest.fixture
def memory() -> InMemorySpanExporter:
    """Where the program's own OpenTelemetry set-up puts its spans."""
    return InMemorySpanExporter()


@pytest.fixture
def provider(memory: InMemorySpanExporter) -> Iterator[TracerProvider]:
    """A TracerProvider of the program's own."""
    made = TracerProvider()
    made.add_span_processor(SimpleSpanProcessor(memory))
    yield made
    made.shutdown()


def get(url: str, authority: Authority, times: int = 1) -> None:
    """Some requests through one manager, which is gone afterwards."""
    with urllib3.PoolManager(ca_certs=str(authority.bundle)) as manager:
        for _ in range(times):
            manager.request("GET", url)


def test_capture(serve: Serve, authority: Authority) -> None:
    """The block's spans are there when it ends; an agent that came late does not claim proof."""
    server = serve(tls="1.3")
    with capture() as spans:
        get(server.url("localhost"), authority, times=2)
    assert spans.causes == [FIRST]
    assert confidence(spans.setups[0]) == "inferred"
    assert len(spans.requests) == 2
    assert_sound(spans)


def test_capture_twice(serve: Serve, authority: Authority) -> None:
    """One block does not see what another one did, and one at a time is all there is."""
    server = serve()
    for _ in range(2):
        with capture() as spans:
            get(server.url(), authority)
        assert len(spans.setups) == 1
    with capture(), pytest.raises(RuntimeError), capture():
        pass


class Sending(MemoryExporter):
    """Looks a name up for each export, as one that sends does, while another thread connects."""

    def __init__(self, connect: Callable[[], object]) -> None:
        super().__init__()
        self._connect = connect
        self._inside = False
        self.entered_twice = False

    def export(self, spans: Sequence[Span]) -> None:
        self.entered_twice = self.entered_twice or self._inside
        if not self._inside and not self.spans:
            self._inside = True
            socket.getaddrinfo("localhost", 9)
            other = threading.Thread(target=self._connect)
            other.start()
            other.join()
            self._inside = False
        super().export(spans)


def test_what_waits_is_handed_over_by_one_thread_and_its_sending_is_not_traced(
    serve: Serve,
) -> None:
    """`flush` exports too: another thread's events wait until it is done."""
    server = serve()
    exporter = Sending(lambda: socket.create_connection(("127.0.0.1", server.port)).close())
    assert conntrace.instrument(exporters=[exporter])
    try:
        socket.getaddrinfo("localhost", 7)
        in_process.flush()
    finally:
        conntrace.uninstrument()
    spans = Spans(exporter.spans)
    assert not exporter.entered_twice
    assert len(spans.named(names.DNS_LOOKUP)) == 1
    assert len(spans.named(names.SOCKET_CONNECT)) == 1


def test_threads(serve: Serve, authority: Authority) -> None:
    """Many threads at once: every connection is seen, each thread's spans in its own trace."""
    server = serve()
    with capture() as spans:
        threads = [
            threading.Thread(target=get, args=(server.url(), authority, 3)) for _ in range(8)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert len(spans.setups) == server.accepts == 8
    assert len(spans.requests) == 24
    assert_sound(spans)


def test_own_tracer_provider(
    serve: Serve, authority: Authority, provider: TracerProvider, memory: InMemorySpanExporter
) -> None:
    """Spans go to the program's provider, below its active span, with explicit times and links."""
    server = serve(tls="1.3")
    assert conntrace.instrument(tracer_provider=provider)
    try:
        with provider.get_tracer("app").start_as_current_span("work") as work:
            get(f"{server.url('localhost')}/close", authority, times=2)
    finally:
        conntrace.uninstrument()
    spans = memory.get_finished_spans()
    setups = [span for span in spans if span.name.startswith(names.CONNECTION_SETUP)]
    causes = [(span.attributes or {})[names.CAUSE_NAME] for span in setups]
    assert causes == [FIRST, "response_connection_close"]
    assert {span.context.trace_id for span in spans if span.context} == {
        work.get_span_context().trace_id
    }
    requests = [span for span in spans if span.name == "GET"]
    assert [parent_id(span) for span in requests] == [work.get_span_context().span_id] * 2
    assert [parent_id(span) for span in setups] == [own_id(span) for span in requests]
    closes = [own_id(span) for span in spans if span.name.startswith(names.CONNECTION_CLOSE)]
    assert [link.context.span_id for link in setups[1].links] == closes[:1]
    for span in spans:
        assert span.start_time is not None
        assert span.end_time is not None
        assert span.start_time <= span.end_time


def own_id(span: ReadableSpan) -> int:
    """The span's id."""
    assert span.context is not None
    return span.context.span_id


def parent_id(span: ReadableSpan) -> int:
    """The id of the span above."""
    assert span.parent is not None
    return span.parent.span_id


def test_instrument_twice(provider: TracerProvider, capsys: pytest.CaptureFixture[str]) -> None:
    """The first agent wins; the second says so once and does nothing."""
    assert conntrace.instrument(tracer_provider=provider) is True
    try:
        assert conntrace.instrument(tracer_provider=provider) is False
        assert conntrace.instrument(tracer_provider=provider) is False
        assert capsys.readouterr().err.count("already-traced") == 1
    finally:
        conntrace.uninstrument()
    conntrace.uninstrument()


def test_kill_switch(
    provider: TracerProvider, monkeypatch: pytest.MonkeyPatch, serve: Serve, authority: Authority
) -> None:
    """With OTEL_SDK_DISABLED=true nothing is patched."""
    monkeypatch.setenv("OTEL_SDK_DISABLED", "true")
    before = urllib3.HTTPConnectionPool.urlopen
    assert conntrace.instrument(tracer_provider=provider) is False
    assert urllib3.HTTPConnectionPool.urlopen is before


def test_undo_while_in_use(serve: Serve, authority: Authority) -> None:
    """A request that began under the agent ends well after the agent is gone."""
    server = serve()
    answers: list[bytes] = []

    def wait() -> None:
        with urllib3.PoolManager() as manager:
            answers.append(manager.request("GET", server.url(path="/gate/2")).data)

    with capture() as spans:
        thread = threading.Thread(target=wait)
        thread.start()
        while not server.requests:
            pass
    wait()
    thread.join()
    assert answers == [b"ok", b"ok"]
    assert cause(spans.setups[0]) == FIRST


def test_suppressed(serve: Serve, authority: Authority) -> None:
    """OpenTelemetry's suppress_instrumentation is obeyed."""
    from opentelemetry.instrumentation.utils import suppress_instrumentation

    server = serve()
    with capture() as spans:
        with suppress_instrumentation():
            get(server.url(), authority)
    assert spans == []
    assert server.accepts == 1


def test_unsampled_parent_takes_our_spans_out(serve: Serve, memory: InMemorySpanExporter) -> None:
    """A program that samples one per cent must not get all of ours."""
    server = serve()
    provider = TracerProvider(sampler=ParentBased(ALWAYS_OFF))
    provider.add_span_processor(SimpleSpanProcessor(memory))
    assert conntrace.instrument(tracer_provider=provider)
    try:
        with provider.get_tracer("app").start_as_current_span("work"):
            urllib3.PoolManager().request("GET", server.url("127.0.0.1"))
    finally:
        conntrace.uninstrument()

    assert server.accepts == 1
    assert [span.name for span in memory.get_finished_spans()] == []
