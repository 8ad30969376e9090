"""Family A: the client has no pool for the destination. Each cause beside its control."""

from __future__ import annotations

from pathlib import Path

import pytest

from conntrace import semantic_names as names
from tests.integration.conftest import Serve
from tests.integration.running import (
    FIRST,
    Runner,
    assert_one_setup_an_accept,
    assert_only_first_use,
    cause,
    confidence,
    detail,
    step_names,
)


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
    """A manager made anew at the same line is found, once the first one is gone. Control of a first
    use: whoever connected before excludes it."""
    server = serve(tls="1.3")
    spans = run("with_urllib3", "recreate", server.url("a.test"))
    assert_one_setup_an_accept(spans, server)
    assert spans.causes == [FIRST, "client_recreated", "client_recreated"]
    second = spans.setups[1]
    assert confidence(second) == "proved"
    assert second.attributes[names.CAUSE_AVOIDABLE] is True
    assert "with_urllib3.py" in str(second.attributes[names.CAUSE_ADVICE])


def test_call_sites_switched_off(run: Runner, serve: Serve) -> None:
    """CONNTRACE_CALL_SITES=false: no line of the program is told, and what only lines prove is
    not claimed."""
    settings = {"CONNTRACE_CALL_SITES": "false"}
    spans = run("with_urllib3", "recreate", serve().url("a.test"), env=settings)
    assert "with_urllib3.py" not in str([span.attributes for span in spans])
    assert [confidence(setup) for setup in spans.setups] == ["proved", "inferred", "inferred"]
    assert spans.advice == []


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


def test_client_renewed_after_an_error(run: Runner, serve: Serve) -> None:
    """Who makes a client anew because its connection broke is not told that the client did it."""
    server = serve()
    spans = run("with_requests", "renew_after_errors", server.url("a.test"), "/", "/die", "/", "/")
    assert_one_setup_an_accept(spans, server)
    assert spans.causes == [FIRST, "replaced_after_error"]
    assert confidence(spans.setups[1]) == "inferred"
    assert spans.advice == []


def test_client_recreated_after_the_server_ended_its_connection(run: Runner, serve: Serve) -> None:
    """The connection did not go with its client, and keeping that would not have kept it."""
    server = serve()
    spans = run("with_requests", "recreate", server.url("a.test", "/close"))
    assert spans.causes == [FIRST, "client_recreated"]
    assert "after its connection" in detail(spans.setups[1])
    assert spans.advice == []


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


def test_threads_with_a_session_each_made_twice(run: Runner, serve: Serve) -> None:
    """Whoever made a Session for each thread is not told to share one: an ended thread's number
    goes to the next thread, so one of them looks as if it had been there all along."""
    server = serve()
    spans = run("with_requests", "session_for_each_thread", server.url("a.test", "/gate/4"), 4)
    assert_one_setup_an_accept(spans, server)
    again = [setup for setup in spans.setups if cause(setup) == "client_recreated"]
    assert len(again) == 4
    assert not [advice for advice in spans.advice if "at module level" in advice]


def test_one_shot_requests(run: Runner, serve: Serve) -> None:
    """requests.get connects for each call; the first is a first use."""
    server = serve(tls="1.3")
    spans = run("with_requests", "one_shot", server.url("a.test"))
    assert_one_setup_an_accept(spans, server)
    assert spans.causes == [FIRST, "one_shot_api", "one_shot_api"]
    assert confidence(spans.setups[1]) == "proved"
    assert "requests.get" in str(spans.setups[1].attributes[names.CAUSE_DETAIL])


LIBRARY = """
import os
import urllib.request

import requests

def by_requests(url):
    requests.get(url, verify=os.environ["TEST_CA"])

def by_urllib(url):
    urllib.request.urlopen(url).read()
"""


@pytest.mark.parametrize(
    ("function", "api"),
    [("by_requests", "requests.get"), ("by_urllib", "urllib.request.urlopen")],
)
def test_one_shot_of_a_library(
    run: Runner, serve: Serve, tmp_path: Path, function: str, api: str
) -> None:
    """A library that connects for each call is named; its caller is advised nothing."""
    server = serve()
    folder = tmp_path / "site-packages"
    folder.mkdir()
    (folder / "library.py").write_text(LIBRARY, encoding="utf-8")
    spans = run("with_requests", "in_library", folder, function, server.url("a.test"))
    assert spans.causes == [FIRST, "one_shot_api", "one_shot_api"]
    assert f"library calls {api}, which makes" in detail(spans.setups[1])
    assert spans.advice == []


def test_one_session(run: Runner, serve: Serve) -> None:
    """Control: a Session connects once."""
    server = serve(tls="1.3")
    assert_only_first_use(run("with_requests", "reuse", server.url("a.test")), server)


def test_adapter_mounted_after_the_first_use(run: Runner, serve: Serve) -> None:
    """Two pools of one session: nobody is told to share one session with itself."""
    server = serve()
    spans = run("with_requests", "mount_later", server.url("a.test"))
    assert_one_setup_an_accept(spans, server)
    assert spans.causes == [FIRST, "parallel_client"]
    assert confidence(spans.setups[1]) == "inferred"
    assert spans.setups[1].attributes[names.POOL_OWNER] == "requests.HTTPAdapter"
    assert spans.advice == []


def test_one_shot_urllib_request(run: Runner, serve: Serve) -> None:
    """urllib.request connects for each call, and its set-ups have no request span of ours."""
    server = serve()
    spans = run("with_stdlib", "one_shot", server.url("a.test"))
    assert_one_setup_an_accept(spans, server)
    assert spans.causes == [FIRST, "one_shot_api", "one_shot_api"]
    assert spans.requests == []
    assert all(spans.parent(setup) is None for setup in spans.setups)
    closes = [span for span in spans if span.name.startswith("HTTP connection_close")]
    reasons = [close.attributes[names.CLOSE_REASON] for close in closes]
    assert reasons == ["request_connection_close"] * 3


def test_one_shot_http_client(run: Runner, serve: Serve) -> None:
    """A bare http.client object made anew at the same line for each request."""
    server = serve()
    spans = run("with_stdlib", "bare_objects", "a.test", server.port)
    assert spans.causes == [FIRST, "one_shot_api"]
    (advice,) = spans.advice
    assert "Keep the object that connects at" in advice
    assert "with_stdlib.py:21" in advice


@pytest.mark.parametrize(
    ("how", "cause_name"),
    [("unanswered", "replaced_after_error"), ("unread", "client_closed_response_early")],
)
def test_http_client_object_given_up(run: Runner, serve: Serve, how: str, cause_name: str) -> None:
    """A close that gives up a request or a response is not blamed: nothing could be sent on it."""
    server = serve()
    spans = run("with_stdlib", "given_up", "a.test", server.port, how)
    assert spans.causes == [FIRST, cause_name]
    assert spans.advice == []


def test_http_client_object_renewed_after_an_error(run: Runner, serve: Serve) -> None:
    """An object made anew because the server ended the old one's connection is not made for one
    request."""
    server = serve()
    paths = ("/", "/", "/die", "/", "/")
    spans = run("with_stdlib", "renewed_object", "a.test", server.port, *paths)
    assert_one_setup_an_accept(spans, server)
    assert spans.causes == [FIRST, "replaced_after_error"]
    assert confidence(spans.setups[1]) == "inferred"
    (close,) = spans.linked(spans.setups[1])
    assert close.attributes[names.CLOSE_REASON] == "broken_by_peer"


def test_http_client_object_beside_an_open_one(run: Runner, serve: Serve) -> None:
    """What may still be used is not said to be replaced, though another one is closed."""
    server = serve()
    spans = run("with_stdlib", "beside_an_open_object", "a.test", server.port)
    assert spans.causes == [FIRST, "parallel_client", "parallel_client"]
    assert spans.advice == []


def test_kept_http_client_object(run: Runner, serve: Serve) -> None:
    """Control: an http.client object kept for two requests connects once."""
    server = serve()
    assert_only_first_use(run("with_stdlib", "kept_object", "a.test", server.port), server)
