"""What must hold for the spans of every run, whatever the program does."""

from __future__ import annotations

import itertools

from conntrace import semantic_names as names
from conntrace.catalogue import CAUSES
from conntrace.testing import Span, Spans

STEPS = (
    names.DNS_LOOKUP,
    names.SOCKET_CONNECT,
    names.PROXY_CONNECT,
    names.TRUST_STORE_LOAD,
    names.TLS_HANDSHAKE,
)


def assert_sound(spans: Spans, *, foreign_parents: bool = False, in_lambda: bool = False) -> None:
    """Assert the rules of the contract that hold for all spans together."""
    without_advice = {"unexplained"} if in_lambda else {"unexplained", "first_use_of_destination"}
    keys = [(span.trace_id, span.span_id) for span in spans]
    assert len(keys) == len(set(keys)), "two spans share an id"
    for span in spans:
        assert span.end_ns >= span.start_ns, f"{span.name} ends before it starts"
        # An invocation links to X-Ray's span, which is not ours.
        if not (in_lambda and span.kind == names.SERVER):
            found = len(spans.linked(span))
            assert found == len(span.links), f"a link of {span.name} leads nowhere"
        _assert_inside_parent(spans, span, foreign_parents)
        _assert_modest(span, without_advice)
    for setup in spans.setups:
        _assert_explained(setup)
        _assert_steps(spans, setup)


def _assert_inside_parent(spans: Spans, span: Span, foreign_parents: bool) -> None:
    parent = spans.parent(span)
    if not span.parent_span_id or (parent is None and foreign_parents):
        return
    assert parent is not None, f"the parent of {span.name} is missing"
    assert parent.start_ns <= span.start_ns, f"{span.name} starts before {parent.name}"
    assert span.end_ns <= parent.end_ns, f"{span.name} ends after {parent.name}"


def _assert_modest(span: Span, without_advice: set[str]) -> None:
    """Advice only with proof; for a first use only where an invocation waited for it."""
    given = span.attributes
    if given.get(names.CAUSE_ADVICE):
        assert given[names.CAUSE_CONFIDENCE] == "proved", f"advice in doubt: {given}"
        assert given[names.CAUSE_NAME] not in without_advice
    else:
        assert not given.get(names.CAUSE_AVOIDABLE), f"avoidable, but no advice: {given}"


def _assert_explained(setup: Span) -> None:
    given = setup.attributes
    assert given[names.CAUSE_NAME] in CAUSES
    assert given[names.CAUSE_CONFIDENCE] in ("proved", "inferred")
    assert given[names.CAUSE_DETAIL]
    assert given[names.PURPOSE] in ("app", "credentials", "telemetry")
    assert given[names.SERVER_ADDRESS]
    assert given[names.SERVER_PORT]
    assert setup.error == (names.ERROR_TYPE in given)


def _assert_steps(spans: Spans, setup: Span) -> None:
    """The steps come one after the other, and together take no longer than the set-up."""
    steps = [step for step in spans.children(setup) if step.name.startswith(STEPS)]
    assert sum(step.end_ns - step.start_ns for step in steps) <= setup.end_ns - setup.start_ns
    for earlier, later in itertools.pairwise(steps):
        assert earlier.end_ns <= later.start_ns, f"{earlier.name} overlaps {later.name}"
