"""The agent in a function's process: real runtime client, real Runtime API, real channel."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from conntrace.events import ConnectStart, Hello, LookupStart, RequestEnd, RequestStart
from conntrace.events_lambda import Function
from tests.integration.conftest import Serve
from tests.integration.lambda_process import LINUX, function_process, wait_for
from tests.servers.lambda_runtime_api import Post

pytestmark = pytest.mark.skipif(not LINUX, reason="the Lambda runtime client runs on Linux")

ECHO = "def handler(event, context):\n    return event\n"
REQUEST = """
import urllib3
pool = urllib3.PoolManager()

def handler(event, context):
    return pool.request("GET", event["url"]).status
"""
W3C = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"


def test_an_invocation_from_its_start_to_its_response(tmp_path: Path) -> None:
    """Facts of the function, the platform's facts of the invocation, and its end."""
    event = {
        "version": "2.0",
        "routeKey": "GET /orders/{id}",
        "headers": {"traceparent": W3C},
        "requestContext": {"http": {"method": "GET"}},
    }
    with function_process(tmp_path, ECHO, AWS_LAMBDA_FUNCTION_MEMORY_SIZE="256") as function:
        reply = function.invoke(event, Lambda_Runtime_Aws_Request_Id="first")
        (end,) = function.ends(1)
        hello, *told = function.events()

    assert json.loads(reply.body) == event
    assert isinstance(hello, Hello)
    assert (hello.way, hello.token, hello.late) == ("layer", "layer", False)
    functions = [each for each in told if isinstance(each, Function)]
    assert told[0] is functions[0]
    assert {(each.name, each.memory_mb, each.handler) for each in functions} == {
        ("orders", 256, "app.handler")
    }
    assert functions[-1].client != ""
    (start,) = function.starts()
    assert (start.request_id, start.cold, start.other_tool) == ("first", True, "")
    assert (start.trigger, start.source) == ("http", "aws:apigateway")
    assert (start.method, start.route) == ("GET", "/orders/{id}")
    assert f"00-{start.trace_id}-{start.span_id}-01" == W3C
    assert start.arn == "arn:aws:lambda:eu-west-1:123456789012:function:f"
    assert start.deadline_wall_ns == 1_900_000_000_000_000_000
    assert (
        start.xray == "Root=1-5759e988-bd862e3fe1be46a994272793;Parent=53995c3f42cd8ad8;Sampled=1"
    )
    assert (end.invocation, end.error) == (start.invocation, "")
    assert hello.time_ns < start.time_ns < end.time_ns


def test_all_of_an_invocation_is_sent_before_its_response(tmp_path: Path, serve: Serve) -> None:
    """The environment may freeze right after; the end is told once the response is out."""
    server = serve()
    at_post: list[list[str]] = []
    with function_process(tmp_path, REQUEST) as function:
        function.api.at_post = lambda: at_post.append(function.extension.kinds())
        for _ in range(3):
            assert function.invoke({"url": server.url()}).body == b"200"
        starts, ends = function.starts(), function.ends(3)
        told = function.events()

    assert [kinds.count("lease_end") for kinds in at_post] == [1, 2, 3]
    assert [kinds.count("request_end") for kinds in at_post] == [1, 2, 3]
    assert [kinds.count("invocation_end") for kinds in at_post] == [0, 1, 2]
    assert [start.cold for start in starts] == [True, False, False]
    assert [end.invocation for end in ends] == [start.invocation for start in starts]
    for start, end in zip(starts, ends, strict=True):
        assert 0 < end.agent_ns < end.time_ns - start.time_ns
    for start, end in zip(starts, ends, strict=True):
        inside = [each for each in told if start.time_ns <= each.time_ns <= end.time_ns]
        assert sum(isinstance(each, RequestStart) for each in inside) == 1
        assert sum(isinstance(each, RequestEnd) for each in inside) == 1


def test_nobody_listens(tmp_path: Path) -> None:
    """Without the extension the function is left untouched, and works."""
    source = "import sys\n\ndef handler(event, context):\n    return len(sys.meta_path)\n"
    finders = []
    for traced, listening in ((False, True), (True, False), (True, True)):
        with function_process(tmp_path, source, traced=traced, listening=listening) as function:
            finders.append(int(function.invoke().body))
    plain, unheard, heard = finders
    assert plain == unheard == heard - 1


@pytest.mark.parametrize("variable", ["CONNTRACE_ENABLED=false", "OTEL_SDK_DISABLED=true"])
def test_switched_off(tmp_path: Path, variable: str) -> None:
    """The function works, and nothing is told."""
    name, _, value = variable.partition("=")
    with function_process(tmp_path, ECHO, **{name: value}) as function:
        assert function.invoke(5).body == b"5"
        assert function.invoke(6).body == b"6"
        assert function.events() == []


def test_parents_are_read_only_where_they_are_wanted(tmp_path: Path) -> None:
    """OTEL_PROPAGATORS without `tracecontext`: the event's header is nobody's parent."""
    event = {"headers": {"traceparent": W3C}}
    with function_process(tmp_path, ECHO, OTEL_PROPAGATORS="xray-lambda") as function:
        function.invoke(event)
        (start,) = function.starts()
    assert (start.trace_id, start.span_id) == ("", "")


def test_a_parent_in_the_client_context(tmp_path: Path) -> None:
    """A direct invocation carries it there."""
    context = json.dumps({"custom": {"traceparent": W3C}})
    with function_process(tmp_path, ECHO) as function:
        function.invoke(1, Lambda_Runtime_Client_Context=context)
        (start,) = function.starts()
    assert f"00-{start.trace_id}-{start.span_id}-01" == W3C


@pytest.mark.parametrize(
    ("body", "headers"),
    [
        (b"{not json", {}),
        (b"", {}),
        (b"[1, 2", {}),
        (b"\xff\xfe", {"Content_Type": "application/octet-stream"}),
        (b"1", {"Lambda_Runtime_Client_Context": "{not json"}),
        (b"1", {"Lambda_Runtime_Trace_Id": "garbage"}),
        (b"1", {"Lambda_Runtime_Deadline_Ms": "123"}),
        (json.dumps({"requestContext": "x", "Records": [5], "headers": []}).encode(), {}),
        (json.dumps([{"Records": {}}] * 1000).encode(), {}),
    ],
)
def test_what_the_platform_hands_over_may_be_anything(
    tmp_path: Path, body: bytes, headers: dict[str, str]
) -> None:
    """The reply is that of the plain function, and the invocation is told with its end."""
    source = "def handler(event, context):\n    return repr(event)[:1000]\n"
    replies: list[Post] = []
    for traced in (False, True):
        with function_process(tmp_path, source, traced=traced) as function:
            replies.append(function.invoke(body, **headers))
            if traced:
                function.ends(1)
                assert len(function.starts()) == 1
    assert replies[0].body == replies[1].body
    assert replies[0].path == replies[1].path


def test_a_marshaller_of_the_program_is_left_alone(tmp_path: Path) -> None:
    """The event goes unseen; the invocation is told before the handler runs."""
    source = """
from awslambdaric.lambda_runtime_client import LambdaRuntimeClient

class Marshaller:
    def unmarshal_request(self, request, content_type):
        return "mine"

    def marshal_response(self, response):
        return response, "text/plain"

LambdaRuntimeClient.marshaller = Marshaller()

def handler(event, context):
    return event
"""
    with function_process(tmp_path, source) as function:
        assert function.invoke({"headers": {"traceparent": W3C}}).body == b"mine"
        function.ends(1)
        (start,) = function.starts()
    assert (start.trigger, start.trace_id) == ("", "")


def test_the_runtime_api_is_nobodys_business(tmp_path: Path, serve: Serve) -> None:
    """A client of the platform inside the function is left out; other traffic is not."""
    source = """
import os, urllib.request, urllib3
API = "http://" + os.environ["AWS_LAMBDA_RUNTIME_API"] + "/other"
pool = urllib3.PoolManager()

def handler(event, context):
    opened = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    data = b"x"
    statuses = [opened.open(API, data=data).status, pool.request("POST", API, body=data).status]
    return statuses + [pool.request("GET", event["url"]).status]
"""
    server = serve()
    with function_process(tmp_path, source) as function:
        function.api.offer({"url": server.url()})
        wait_for(lambda: any(each.kind == "invocation_end" for each in function.events()))
        told = function.events()
    port = int(function.api.address.partition(":")[2])
    own = [each for each in told if isinstance(each, (ConnectStart, LookupStart))]
    assert own
    assert {each.port for each in own} == {server.port}
    assert port not in {getattr(each, "port", 0) for each in told if each.kind == "setup_start"}
    assert sum(isinstance(each, RequestStart) for each in told) == 1


@pytest.mark.parametrize("polling", ["", "AWS_Lambda_python3.13"])
def test_no_thread_and_no_package_of_the_agent(tmp_path: Path, polling: str) -> None:
    """What the function finds loaded is what it would find without the agent, and conntrace."""
    source = """
import sys, threading

def handler(event, context):
    return [sorted(sys.modules), [thread.name for thread in threading.enumerate()]]
"""
    seen = []
    for traced in (False, True):
        with function_process(
            tmp_path, source, traced=traced, AWS_EXECUTION_ENV=polling
        ) as function:
            seen.append(json.loads(function.invoke().body))
    (plain, plain_threads), (modules, threads) = seen
    assert threads == plain_threads
    added = {name.partition(".")[0] for name in set(modules) - set(plain)}
    assert added <= {"fcntl", "select"}, added


def test_own_failures_leave_the_function_alone(tmp_path: Path) -> None:
    """A hook that fails costs its facts only; the reply is the function's."""
    source = """
from conntrace.traced import notes_lambda

def broken(*arguments):
    raise RuntimeError("ours")

notes_lambda.invocation_start = broken
notes_lambda.invocation_end = broken

def handler(event, context):
    return event
"""
    with function_process(tmp_path, source, CONNTRACE_TESTING="0") as function:
        for number in range(15):
            assert function.invoke(number).body == str(number).encode()
        drops = [each for each in function.events() if each.kind == "drops"]
    assert drops[-1].failures >= 10  # type: ignore[attr-defined]


def test_a_channel_that_is_full_does_not_keep_the_end_back(tmp_path: Path) -> None:
    """The extension reads only after the response: it still hears of the end, before a freeze."""
    source = """
import socket
from conntrace.traced import recording

def handler(event, context):
    connects = 0
    while not recording.active.outbox.congested:
        socket.socket().connect_ex(("127.0.0.1", 1))
        connects += 1
    return connects
"""
    with function_process(tmp_path, source) as function:
        connects = int(function.invoke().body)
        function.ends(1)
        kinds = function.extension.kinds()
    assert kinds.count("connect_end") == kinds.count("connect_start") == connects
