"""What made a set-up slow without being its reason: each qualifier beside its control."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pytest

from conntrace import semantic_names as names
from conntrace.testing import Span, Spans
from tests.integration.conftest import Serve
from tests.integration.running import FIRST, Runner, cause, confidence

PROGRAM = "with_delays"


def contributing(spans: Spans) -> list[str]:
    """What had a part in the only set-up, which is a proved first use all the same."""
    (setup,) = spans.setups
    assert (cause(setup), confidence(setup)) == (FIRST, "proved")
    return words(setup, names.CAUSE_CONTRIBUTING)


def words(span: Span, name: str) -> list[str]:
    """An attribute that is a list of words."""
    found = span.attributes.get(name, [])
    assert isinstance(found, Sequence)
    return [str(word) for word in found]


@pytest.mark.skipif(not Path("/proc/thread-self/schedstat").exists(), reason="needs Linux")
def test_cpu_starved(run: Runner, serve: Serve) -> None:
    """A handshake of a thread that others keep from its processor."""
    server = serve(tls="1.3")
    spans = run(PROGRAM, "starved", server.url("a.test"))
    starved = [one for one in spans.setups if words(one, names.CAUSE_CONTRIBUTING)]
    # The scheduler lets a thread that has slept have its turn at once, now and then.
    assert starved
    for setup in starved:
        assert words(setup, names.CAUSE_CONTRIBUTING) == ["cpu_starved"]
        assert "for a processor" in words(setup, names.CAUSE_EVIDENCE)[-1]


def test_slow_handshake(run: Runner, serve: Serve) -> None:
    """Control: a server that takes its time does not keep the client from its processor."""
    server = serve(tls="1.3", handshake_delay_s=1.0)
    spans = run(PROGRAM, "with_context", server.url("a.test"))
    (handshake,) = spans.named(names.TLS_HANDSHAKE)
    assert handshake.end_ns - handshake.start_ns > 900_000_000
    assert contributing(spans) == []
