"""Family A, the client once had a pool: evicted, closed, another key, another process."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
import requests

from conntrace import semantic_names as names
from tests.integration.conftest import Serve
from tests.integration.running import (
    FIRST,
    Runner,
    assert_one_setup_an_accept,
    assert_only_first_use,
    cause,
    confidence,
)


def test_pool_evicted(run: Runner, serve: Serve) -> None:
    """Three hosts through two pools: victim and evictor are named, and the set-up links there."""
    server = serve()
    urls = [server.url(f"{host}.test") for host in ("a", "b", "c", "a")]
    spans = run("with_urllib3", "rotate", 2, *urls)
    assert_one_setup_an_accept(spans, server)
    assert spans.causes == [FIRST, FIRST, FIRST, "pool_evicted_lru"]
    setup = spans.setups[3]
    assert confidence(setup) == "proved"
    assert f"c.test:{server.port}" in str(setup.attributes[names.CAUSE_DETAIL])
    first, second = spans.named(names.POOL_EVICTION)
    assert first.name == f"pool eviction a.test:{server.port}"
    assert first.attributes[names.POOL_EVICTED_BY] == f"c.test:{server.port}"
    assert first.attributes[names.POOL_NUM_POOLS] == 2
    assert first.attributes[names.POOL_CONNECTIONS_LOST] == 1
    assert second.attributes[names.POOL_EVICTED_BY] == f"a.test:{server.port}"
    assert spans.linked(setup) == [first]
    lost = spans.named(names.CONNECTION_CLOSE)[:2]
    assert [close.attributes[names.CLOSE_REASON] for close in lost] == ["pool_evicted_lru"] * 2
    assert [close.start_ns >= first.start_ns for close in lost] == [True, True]


def test_pools_enough(run: Runner, serve: Serve) -> None:
    """Control: with three pools nothing is evicted and nothing is advised."""
    server = serve()
    urls = [server.url(f"{host}.test") for host in ("a", "b", "c", "a")]
    spans = run("with_urllib3", "rotate", 3, *urls)
    assert spans.causes == [FIRST, FIRST, FIRST]
    assert spans.advice == []
    assert not spans.named(names.POOL_EVICTION)


def test_pool_evicted_with_requests(run: Runner, serve: Serve) -> None:
    """requests: pool_connections is the limit, and the advice names it."""
    server = serve()
    urls = [server.url(f"{host}.test") for host in ("a", "b", "a")]
    spans = run("with_requests", "rotate", 1, *urls)
    assert spans.causes == [FIRST, FIRST, "pool_evicted_lru"]
    assert "pool_connections" in str(spans.setups[2].attributes[names.CAUSE_ADVICE])


def test_pool_evicted_with_boto3(run: Runner, serve: Serve) -> None:
    """The eleventh bucket host pushes the first one out; further hosts are endpoint variation."""
    server = serve()
    spans = run("with_boto3", "buckets", server.url("s3.test"), 11)
    assert_one_setup_an_accept(spans, server)
    further = ["sdk_endpoint_variation"] * 10
    assert spans.causes == [FIRST, *further, "pool_evicted_lru"]
    assert {confidence(setup) for setup in spans.setups} == {"proved"}
    detail = str(spans.setups[-1].attributes[names.CAUSE_DETAIL])
    assert f"bucket-11.s3.test:{server.port} pushed bucket-1.s3.test:{server.port}" in detail


def test_path_style_buckets(run: Runner, serve: Serve) -> None:
    """Control: the same buckets by path are one host and one connection."""
    server = serve()
    spans = run("with_boto3", "buckets", server.url("s3.test"), 11, env={"STYLE": "path"})
    assert_only_first_use(spans, server)


def test_pool_key_mismatch(run: Runner, serve: Serve) -> None:
    """Another setting for the same destination makes a second pool; the field is named."""
    server = serve(tls="1.3")
    spans = run("with_urllib3", "two_settings", server.url("a.test"))
    assert_one_setup_an_accept(spans, server)
    assert spans.causes == [FIRST, "pool_key_mismatch"]
    setup = spans.setups[1]
    assert confidence(setup) == "proved"
    assert "timeout" in setup.attributes[names.POOL_KEY_DIFFERENCE]


def test_pool_key_mismatch_with_requests(run: Runner, serve: Serve, tmp_path: Path) -> None:
    """Another `verify=` file for the same destination is another pool."""
    if tuple(map(int, requests.__version__.split(".")[:2])) < (2, 32):
        pytest.skip("before requests 2.32 `verify` is not part of the pool's key")
    server = serve(tls="1.3")
    other = shutil.copy(run.authority.bundle, tmp_path / "copy.pem")
    spans = run("with_requests", "two_bundles", server.url("a.test"), other)
    assert spans.causes == [FIRST, "pool_key_mismatch"]
    assert "ca_certs" in spans.setups[1].attributes[names.POOL_KEY_DIFFERENCE]


def test_same_pool_key(run: Runner, serve: Serve) -> None:
    """Control: upper case in a host name is the same key."""
    server = serve(tls="1.3")
    assert_only_first_use(run("with_urllib3", "same_settings", server.url("a.test")), server)


def test_pool_closed_explicitly(run: Runner, serve: Serve) -> None:
    """clear() between two requests is found, with its call site."""
    server = serve()
    spans = run("with_urllib3", "clear", server.url("a.test"))
    assert_one_setup_an_accept(spans, server)
    assert spans.causes == [FIRST, "pool_closed_explicitly"]
    assert confidence(spans.setups[1]) == "proved"
    assert "with_urllib3.py" in str(spans.setups[1].attributes[names.CAUSE_DETAIL])


def test_pool_closed_explicitly_with_requests(run: Runner, serve: Serve) -> None:
    """Session.close() and on with the same session."""
    server = serve()
    spans = run("with_requests", "close_and_go_on", server.url("a.test"))
    assert spans.causes == [FIRST, "pool_closed_explicitly"]


def test_pool_closed_explicitly_with_boto3(run: Runner, serve: Serve) -> None:
    """client.close() and on with the same client."""
    server = serve()
    spans = run("with_boto3", "close_and_go_on", server.url("a.test"))
    assert spans.causes == [FIRST, "pool_closed_explicitly"]


def test_forked_process(run: Runner, serve: Serve) -> None:
    """A child that uses its parent's pool needs a connection of its own."""
    server = serve()
    spans = run("with_urllib3", "fork", server.url("a.test"))
    assert sorted(spans.causes) == [FIRST, "forked_process"]
    forked = next(setup for setup in spans.setups if cause(setup) == "forked_process")
    assert confidence(forked) == "proved"
    assert len({span.resource for span in spans}) == 2


@pytest.mark.parametrize(("fork", "expected"), [("yes", "forked_process"), ("no", "")])
def test_inherited_connection_in_use(run: Runner, serve: Serve, fork: str, expected: str) -> None:
    """Two processes on one connection: no set-up shows it, so the request says it. Control: the
    same without a fork."""
    server = serve()
    spans = run("with_urllib3", "use_after_fork", server.url("a.test"), fork)
    assert server.accepts == 1
    assert spans.causes == [FIRST]
    first, second = spans.requests
    assert second.attributes[names.CONNECTION_REUSED] is True
    assert second.attributes[names.CONNECTION_ID] == first.attributes[names.CONNECTION_ID]
    assert (cause(first), cause(second)) == ("", expected)
    assert confidence(second) == ("proved" if expected else "")
    assert spans.advice == []


def test_client_closed_before_the_fork(run: Runner, serve: Serve) -> None:
    """A client that is closed before the fork is closed rightly: no advice to the child."""
    server = serve()
    spans = run("with_requests", "fork_when_closed", server.url("a.test"))
    assert spans.causes == [FIRST, "pool_closed_explicitly"]
    assert spans.advice == []


def test_own_client_after_fork(run: Runner, serve: Serve) -> None:
    """Control: the child's own manager is a first use in the child."""
    server = serve()
    spans = run("with_urllib3", "fork", server.url("a.test"), "own")
    assert spans.causes == [FIRST, FIRST]
    assert spans.advice == []
