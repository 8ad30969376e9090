"""The front door: lost processes, redaction, recordings, bad input, memory."""

from __future__ import annotations

import pytest
from tests.unit.analyzer.streams import Stream, analyze, text

from conntrace.analyzer.exporters.memory import MemoryExporter
from conntrace.analyzer.pipeline import MAX_ENDED_PROCESSES, Pipeline, replay
from conntrace.analyzer.spans_redaction import redact
from conntrace.events import ConnectStart, Drops, LookupStart, RequestSent, SetupStart, TlsStart


def started(stream: Stream) -> tuple[int, int, int]:
    """A request whose set-up has just begun."""
    pool = stream.pool(stream.manager())
    request = stream.start(pool)
    stream.checkout(request, pool)
    before = len(stream.events)
    setup = stream.setup(pool, request)
    del stream.events[before + 1 :]
    return pool, request, setup


@pytest.mark.parametrize("phase", ["dns", "connect", "tls"])
def test_what_a_killed_process_left_open_is_ended_in_its_phase(phase: str) -> None:
    """Nothing unfinished is lost: request, set-up and step are errors, and the cause is there."""
    stream = Stream()
    _, _, setup = started(stream)
    step = {
        "dns": LookupStart(operation=900, setup=setup, host="api.example.com"),
        "connect": ConnectStart(operation=900, setup=setup, address="192.0.2.1", port=443),
        "tls": TlsStart(operation=900, setup=setup, host="api.example.com"),
    }[phase]
    stream.send(step)
    stream.sleep(30)
    result = analyze([stream], lost=True)
    assert len(result.spans) == 3
    for span in result.spans:
        assert span.error
        assert span.attributes["error.type"] == "process_lost"
        assert span.attributes["conntrace.unfinished_phase"] == phase
        assert span.end_ns - span.start_ns > 29_000_000_000
    assert result.causes == ["first_use_of_destination"]


def test_a_request_without_an_answer_was_waiting() -> None:
    """Connection made, nothing came back before the kill."""
    stream = Stream()
    pool = stream.pool(stream.manager())
    stream.request(pool)
    request = stream.start(pool)
    stream.checkout(request, pool)
    result = analyze([stream], lost=True)
    done, waiting = result.named("GET")
    assert not done.error
    assert waiting.attributes["conntrace.unfinished_phase"] == "waiting"


@pytest.mark.parametrize(
    ("large", "sent", "phase"),
    [(True, False, "sending"), (True, True, "waiting"), (False, False, "waiting")],
)
def test_a_large_body_is_sent_before_anybody_waits(large: bool, sent: bool, phase: str) -> None:
    """On a connection that stands; while the pool has none, nothing is sent."""
    stream = Stream()
    pool = stream.pool(stream.manager())
    stream.request(pool)
    request = stream.start(pool, large_body=large)
    stream.checkout(request, pool)
    stream.start(pool, large_body=large)
    if sent:
        stream.send(RequestSent(request=request))
    spans = analyze([stream], lost=True).named("GET")
    assert len(spans) == 3
    phases = [span.attributes.get("conntrace.unfinished_phase") for span in spans]
    assert phases == [None, phase, "waiting"]


def test_what_is_open_at_the_end_of_a_recording_is_unfinished() -> None:
    """An orderly end has another word."""
    stream = Stream()
    started(stream)
    result = stream.analyze()
    assert {span.attributes["error.type"] for span in result.spans} == {"unfinished"}


def test_a_goodbye_ends_what_a_thread_left_open() -> None:
    """Daemon threads die with the interpreter: their spans end there, not when we look next."""
    stream = Stream()
    started(stream)
    stream.goodbye()
    memory = MemoryExporter()
    pipeline = Pipeline([memory])
    pipeline.feed(stream.process, stream.lines)
    assert len(memory.spans) == 2
    pipeline.tick(stream.now + 60_000_000_000)
    pipeline.finish()
    assert len(memory.spans) == 2
    assert all(span.end_ns - span.start_ns < 1_000_000_000 for span in memory.spans)


def test_redacted_hosts_are_the_same_everywhere_and_nowhere_readable() -> None:
    """Names, attributes, details, evidence, advice: all hold the replacement."""
    stream = Stream()
    manager = stream.manager(num_pools=1)
    first = stream.pool(manager, "secret.example", num_pools=1)
    stream.request(first)
    second = stream.pool(manager, "other.secret.example", num_pools=1)
    stream.evict(first, second, manager, 1)
    stream.request(second)
    stream.request(stream.pool(manager, "secret.example", num_pools=1))
    result = analyze([stream], redact=frozenset({"hosts", "paths"}))
    everything = repr(result.spans)
    assert "secret" not in everything
    assert "/items" not in everything
    assert "192.0.2.1" not in everything
    setup = result.setups[2]
    assert text(setup, "conntrace.cause.name") == "pool_evicted_lru"
    host = text(setup, "server.address")
    assert host.startswith("host-")
    assert len(host) == 13
    assert host in setup.name
    assert host in text(setup, "conntrace.cause.detail")


@pytest.mark.parametrize("proxy", ["proxy.internal:3128", "proxy.internal:", "proxy.internal"])
def test_a_redacted_proxy_is_hidden_with_or_without_its_port(proxy: str) -> None:
    """The port stays, where there is one."""
    event = SetupStart(setup=1, host="db.example", proxy=proxy)
    redact(event, frozenset({"hosts"}))
    assert "internal" not in event.proxy
    assert event.proxy.endswith("3128") == proxy.endswith("3128")


def test_without_redaction_hosts_and_paths_are_shown() -> None:
    """Control."""
    stream = Stream()
    stream.request(stream.pool(stream.manager(), "open.example"))
    assert stream.analyze().one("GET").attributes["url.path"] == "/items"


def test_a_recording_replays_to_the_same_verdicts_without_secrets() -> None:
    """The token of the run and URL paths are not saved."""
    stream = Stream()
    pool = stream.pool(stream.manager())
    stream.request(pool)
    stream.sleep(3)
    stream.request(pool, stream.server_closed(pool, 2.0))
    saved: list[bytes] = []
    pipeline = Pipeline([], recorder=saved.append)
    pipeline.feed(stream.process, stream.lines)
    pipeline.finish()
    assert b"token" not in b"".join(saved)
    assert b"secret" not in b"".join(saved)
    assert b"/items" not in b"".join(saved)
    memory = MemoryExporter()
    replay([line + b"\n" for line in saved], Pipeline([memory]))
    causes = [
        span.attributes["conntrace.cause.name"]
        for span in memory.spans
        if span.name.startswith("HTTP connection_setup")
    ]
    assert causes == ["first_use_of_destination", "server_closed_idle"]


def test_bad_lines_are_counted_and_skipped() -> None:
    """Garbage between good lines costs only itself."""
    stream = Stream()
    stream.request(stream.pool(stream.manager()))
    lines = stream.lines
    lines[3:3] = [b"nonsense\t1", b"checkout\tx\ty", b"\xff\xfe", b""]
    memory = MemoryExporter()
    pipeline = Pipeline([memory])
    pipeline.feed(stream.process, lines)
    pipeline.finish()
    assert pipeline.summary().bad_lines == 3
    assert len(memory.spans) == 5


def test_the_summary_counts_what_happened() -> None:
    """What the last line of a run says."""
    stream = Stream()
    pool = stream.pool(stream.manager())
    stream.request(pool)
    stream.request(pool)
    stream.sleep(3)
    stream.request(pool, stream.server_closed(pool, 2.0))
    stream.send(Drops(requests=3, events=1, failures=2, switched_off=("dns",)))
    summary = stream.analyze().summary
    assert (summary.processes, summary.requests, summary.reused) == (1, 3, 1)
    assert (summary.connections, summary.lookups, summary.connects) == (2, 2, 2)
    assert (summary.handshakes, summary.findings, summary.unexplained) == (2, 1, 0)
    assert 0 < summary.avoidable_s < summary.setup_s
    assert (summary.dropped, summary.failures, summary.switched_off) == (4, 2, ["dns"])


def test_an_exporter_that_fails_costs_no_other_one_its_spans(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A mistake in one is counted."""
    monkeypatch.delenv("CONNTRACE_TESTING")

    class Broken(MemoryExporter):
        def export(self, spans: object) -> None:
            raise RuntimeError("no")

    memory = MemoryExporter()
    pipeline = Pipeline([Broken(), memory])
    stream = Stream()
    stream.request(stream.pool(stream.manager()))
    pipeline.feed(stream.process, stream.lines)
    pipeline.finish()
    assert len(memory.spans) == 5
    assert pipeline.summary().failures == 1


def test_ended_processes_are_forgotten_but_their_counts_are_kept() -> None:
    """Thousands of short processes: bounded, and the totals still add up."""
    pipeline = Pipeline([])
    runs = MAX_ENDED_PROCESSES * 2
    for index in range(runs):
        stream = Stream(f"{index:016x}")
        stream.request(stream.pool(stream.manager()))
        stream.goodbye()
        pipeline.feed(stream.process, stream.lines)
        pipeline.lost(stream.process)
    pipeline.finish()
    summary = pipeline.summary()
    assert (summary.processes, summary.requests, summary.connections) == (runs, runs, runs)
    assert len(pipeline._ended) == MAX_ENDED_PROCESSES


def test_a_forked_copy_of_the_pipeline_says_nothing_of_its_parent() -> None:
    """In process, the child's copy holds the parent's open spans: they are the parent's to end."""
    memory = MemoryExporter()
    pipeline = Pipeline([memory])
    stream = Stream()
    pool, _, _ = started(stream)
    pipeline.feed(stream.process, stream.lines)
    pipeline.abandon()
    child = stream.fork()
    child.request(pool)
    pipeline.feed(child.process, child.lines)
    pipeline.finish()
    assert {dict(span.resource.attributes)["service.instance.id"] for span in memory.spans} == {
        child.process
    }
    assert pipeline.summary().processes == 1


def test_memory_stays_bounded_with_requests_that_never_end() -> None:
    """What is crowded out is ended as unfinished, not lost."""
    stream = Stream()
    pool = stream.pool(stream.manager())
    for _ in range(5000):
        stream.start(pool)
    result = stream.analyze()
    requests = result.named("GET")
    assert len(requests) == 5000
    assert all(span.attributes["error.type"] == "unfinished" for span in requests)
