"""Family A: the client has no pool for the destination. Each cause beside its control."""

from __future__ import annotations

import shutil
from pathlib import Path

from conntrace import semantic_names as names
from conntrace.testing import Spans
from tests.integration.conftest import Serve
from tests.integration.running import Runner, cause, confidence, step_names
from tests.servers.loopback import LoopbackServer

FIRST = "first_use_of_destination"


def assert_one_setup_an_accept(spans: Spans, server: LoopbackServer) -> None:
    """Every connection the server saw has its set-up span, and the other way round."""
    assert len(spans.setups) == server.accepts


def assert_only_first_use(spans: Spans, server: LoopbackServer) -> None:
    """The control's verdict: one proved first use, no advice."""
    assert_one_setup_an_accept(spans, server)
    assert spans.causes == [FIRST]
    assert confidence(spans.setups[0]) == "proved"
    assert spans.advice == []


def test_first_use(run: Runner, serve: Serve) -> None:
    """A program that does nothing wrong: one connection, three requests, no advice."""
    server = serve(tls="1.3")
    spans = run("with_urllib3", "reuse", server.url("a.test"))
    assert_only_first_use(spans, server)
    assert len(spans.requests) == len(server.requests) == 3
    reused = [span.attributes[names.CONNECTION_REUSED] for span in spans.requests]
    assert reused == [False, True, True]


def test_first_use_span_tree(run: Runner, serve: Serve) -> None:
    """request > set-up > lookup, connect, trust store, handshake; with their own facts."""
    server = serve(tls="1.3")
    spans = run("with_urllib3", "reuse", server.url("a.test"), "1")
    (setup,) = spans.setups
    assert setup.name == f"HTTP connection_setup a.test:{server.port}"
    assert step_names(spans, setup) == [
        names.DNS_LOOKUP,
        names.SOCKET_CONNECT,
        names.TRUST_STORE_LOAD,
        names.TLS_HANDSHAKE,
    ]
    assert spans.parent(setup) == spans.requests[0]
    (lookup,) = spans.named(names.DNS_LOOKUP)
    assert lookup.attributes[names.DNS_QUESTION_NAME] == "a.test"
    assert lookup.attributes[names.DNS_ANSWERS] == ["127.0.0.1"]
    assert cause(lookup) == FIRST
    (connect,) = spans.named(names.SOCKET_CONNECT)
    assert connect.name == f"socket connect 127.0.0.1:{server.port}"
    (handshake,) = spans.named(names.TLS_HANDSHAKE)
    assert handshake.attributes[names.TLS_PROTOCOL_VERSION] == "1.3"


def test_ip_address_needs_no_lookup(run: Runner, serve: Serve) -> None:
    """A URL with an IP address connects without any lookup span."""
    server = serve()
    spans = run("with_urllib3", "reuse", server.url())
    assert_only_first_use(spans, server)
    assert not spans.named(names.DNS_LOOKUP)


def test_client_recreated(run: Runner, serve: Serve) -> None:
    """A manager made anew at the same line is found, once the first one is gone."""
    server = serve(tls="1.3")
    spans = run("with_urllib3", "recreate", server.url("a.test"))
    assert_one_setup_an_accept(spans, server)
    assert spans.causes == [FIRST, "client_recreated", "client_recreated"]
    second = spans.setups[1]
    assert confidence(second) == "proved"
    assert second.attributes[names.CAUSE_AVOIDABLE] is True
    assert "with_urllib3.py" in str(second.attributes[names.CAUSE_ADVICE])


def test_client_recreated_that_still_lives(run: Runner, serve: Serve) -> None:
    """While the first one lives the cause is inferred and there is no advice."""
    server = serve()
    spans = run("with_urllib3", "recreate_and_keep", server.url("a.test"))
    assert spans.causes == [FIRST, "client_recreated"]
    assert confidence(spans.setups[1]) == "inferred"
    assert spans.advice == []


def test_client_recreated_with_boto3(run: Runner, serve: Serve) -> None:
    """A boto3 client for each call: the owner names the service."""
    server = serve(tls="1.3")
    spans = run("with_boto3", "recreate", server.url("a.test"))
    assert_one_setup_an_accept(spans, server)
    assert spans.causes == [FIRST, "client_recreated", "client_recreated"]
    assert all("dynamodb" in str(one.attributes[names.POOL_OWNER]) for one in spans.setups)
    assert all(confidence(one) == "proved" for one in spans.setups)


def test_client_recreated_with_requests(run: Runner, serve: Serve) -> None:
    """A Session for each request, closed by `with`, is a recreated client."""
    server = serve()
    spans = run("with_requests", "recreate", server.url("a.test"))
    assert spans.causes == [FIRST, "client_recreated"]
    assert confidence(spans.setups[1]) == "proved"


def test_one_boto3_client(run: Runner, serve: Serve) -> None:
    """Control: one client for all calls connects once."""
    server = serve(tls="1.3")
    spans = run("with_boto3", "reuse", server.url("a.test"))
    assert_only_first_use(spans, server)
    calls = [span for span in spans if span.name == "DynamoDB.PutItem"]
    assert len(calls) == 3
    assert [spans.parent(request) for request in spans.requests] == calls


def test_parallel_client(run: Runner, serve: Serve) -> None:
    """Two managers made at different lines, the first one idle: they could share."""
    server = serve()
    spans = run("with_urllib3", "parallel", server.url("a.test"))
    assert_one_setup_an_accept(spans, server)
    assert spans.causes == [FIRST, "parallel_client"]
    assert confidence(spans.setups[1]) == "proved"
    assert len(spans.advice) >= 1


def test_parallel_client_with_boto3(run: Runner, serve: Serve) -> None:
    """Two boto3 clients of one service made at different lines."""
    server = serve()
    spans = run("with_boto3", "parallel", server.url("a.test"))
    assert spans.causes == [FIRST, "parallel_client"]


def test_one_manager_in_two_places(run: Runner, serve: Serve) -> None:
    """Control: one manager used at two lines connects once."""
    server = serve()
    assert_only_first_use(
        run("with_urllib3", "one_manager_in_two_places", server.url("a.test")), server
    )


def test_one_shot_requests(run: Runner, serve: Serve) -> None:
    """requests.get connects for each call; the first is a first use."""
    server = serve(tls="1.3")
    spans = run("with_requests", "one_shot", server.url("a.test"))
    assert_one_setup_an_accept(spans, server)
    assert spans.causes == [FIRST, "one_shot_api", "one_shot_api"]
    assert confidence(spans.setups[1]) == "proved"
    assert "requests.get" in str(spans.setups[1].attributes[names.CAUSE_DETAIL])


def test_one_session(run: Runner, serve: Serve) -> None:
    """Control: a Session connects once."""
    server = serve(tls="1.3")
    assert_only_first_use(run("with_requests", "reuse", server.url("a.test")), server)


def test_one_shot_urllib_request(run: Runner, serve: Serve) -> None:
    """urllib.request connects for each call, and its set-ups have no request span of ours."""
    server = serve()
    spans = run("with_stdlib", "one_shot", server.url("a.test"))
    assert_one_setup_an_accept(spans, server)
    assert spans.causes == [FIRST, "one_shot_api", "one_shot_api"]
    assert spans.requests == []
    assert all(spans.parent(setup) is None for setup in spans.setups)


def test_one_shot_http_client(run: Runner, serve: Serve) -> None:
    """A bare http.client object made anew at the same line for each request."""
    server = serve()
    spans = run("with_stdlib", "bare_objects", "a.test", server.port)
    assert spans.causes == [FIRST, "one_shot_api"]


def test_kept_http_client_object(run: Runner, serve: Serve) -> None:
    """Control: an http.client object kept for two requests connects once."""
    server = serve()
    assert_only_first_use(run("with_stdlib", "kept_object", "a.test", server.port), server)


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
    assert "blocksize" in setup.attributes[names.POOL_KEY_DIFFERENCE]


def test_pool_key_mismatch_with_requests(run: Runner, serve: Serve, tmp_path: Path) -> None:
    """Another `verify=` file for the same destination is another pool (requests 2.32 and newer)."""
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


def test_own_client_after_fork(run: Runner, serve: Serve) -> None:
    """Control: the child's own manager is a first use in the child."""
    server = serve()
    spans = run("with_urllib3", "fork", server.url("a.test"), "own")
    assert spans.causes == [FIRST, FIRST]
    assert spans.advice == []
