"""A redirect to another origin needs a connection of its own; one to the same origin does not."""

from __future__ import annotations

import pytest

from conntrace import semantic_names as names
from tests.integration.conftest import Serve
from tests.integration.running import FIRST, Runner, cause, confidence

LIBRARIES = ("urllib3", "requests", "urllib.request")


@pytest.mark.parametrize("library", LIBRARIES)
def test_redirect_to_another_origin(run: Runner, serve: Serve, library: str) -> None:
    """The set-up names who sent the client on, and the address to use instead."""
    first, second = serve(), serve()
    target = second.url("b.test")
    spans = run("with_failures", "follow", library, first.url("a.test", f"/redirect?{target}"))
    assert first.accepts == second.accepts == 1
    one, two = spans.setups
    assert cause(one) == FIRST
    assert (cause(two), confidence(two)) == ("redirect_other_origin", "proved")
    detail = str(two.attributes[names.CAUSE_DETAIL])
    assert f"a.test:{first.port} answered with a redirect (302)" in detail
    assert two.attributes[names.CAUSE_AVOIDABLE] is False
    assert f"b.test:{second.port}" in str(two.attributes[names.CAUSE_ADVICE])


@pytest.mark.parametrize("library", ["urllib3", "requests"])
def test_redirect_within_the_origin(run: Runner, serve: Serve, library: str) -> None:
    """Control: a relative redirect is answered on the same connection."""
    server = serve()
    spans = run("with_failures", "follow", library, server.url("a.test", "/redirect?/there"))
    assert server.accepts == 1
    assert spans.causes == [FIRST]
    assert spans.advice == []
