"""The three APIs over HTTP: paths, headers, status codes and error types of the developer guide."""

from __future__ import annotations

import http.client
import json
import threading
import time
from collections.abc import Iterator
from typing import Any, NamedTuple

import pytest

from conntrace.simulator.api_server import ApiServer, Platform
from conntrace.simulator.apis import MAX_RESPONSE_BYTES, ROUTES
from conntrace.simulator.board import Board, Task
from conntrace.simulator.telemetry import Telemetry

RUNTIME = "/2018-06-01/runtime"
EXTENSION = "/2020-01-01/extension"
FACTS = {
    "functionName": "shop",
    "functionVersion": "$LATEST",
    "handler": "app.handler",
    "accountId": "123456789012",
    "managed": False,
}


class Reply(NamedTuple):
    """An answer."""

    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def error(self) -> str:
        """The error's type."""
        return str(json.loads(self.body)["errorType"])


class Api:
    """A server with one external extension, `outer`, expected."""

    def __init__(self) -> None:
        self.board = Board(["outer"])
        self.telemetry = Telemetry(supported=True)
        self.server = ApiServer(ROUTES)
        self.server.platform = Platform(self.board, self.telemetry, FACTS)

    def call(self, method: str, path: str, body: Any = None, **headers: str) -> Reply:
        """One request on a connection of its own; header names with underscores."""
        connection = http.client.HTTPConnection(self.server.address, timeout=10)
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        payload = body if isinstance(body, bytes) or body is None else json.dumps(body).encode()
        connection.request(method, path, payload, named)
        answer = connection.getresponse()
        reply = Reply(answer.status, dict(answer.headers), answer.read())
        connection.close()
        return reply

    def register(self, name: str = "outer", *events: str) -> Reply:
        """Register an extension."""
        body = {"events": list(events)}
        return self.call("POST", f"{EXTENSION}/register", body, Lambda_Extension_Name=name)

    def close(self) -> None:
        """Let everyone go."""
        self.board.close()
        self.telemetry.close()
        self.server.close()


@pytest.fixture
def api() -> Iterator[Api]:
    """A running server."""
    running = Api()
    yield running
    running.close()


def task(request_id: str = "r-1") -> Task:
    """An invocation with a minute's time."""
    return Task(b'{"a":1}', request_id, "arn:shop", "Root=1", time.monotonic() + 60, 1234, "{}")


def test_an_invocation(api: Api) -> None:
    """/next has event and headers; the answer is taken once, for that invocation only."""
    given = task()
    api.board.send(given, {"eventType": "INVOKE"})
    reply = api.call("GET", f"{RUNTIME}/invocation/next")
    assert (reply.status, reply.body) == (200, b'{"a":1}')
    expected = {
        "Lambda-Runtime-Aws-Request-Id": "r-1",
        "Lambda-Runtime-Deadline-Ms": "1234",
        "Lambda-Runtime-Invoked-Function-Arn": "arn:shop",
        "Lambda-Runtime-Trace-Id": "Root=1",
        "Lambda-Runtime-Client-Context": "{}",
        "Content-Type": "application/json",
    }
    assert expected.items() <= reply.headers.items()
    answer = f"{RUNTIME}/invocation/{{}}/response"
    assert api.call("POST", answer.format("r-2"), b"1").error == "InvalidRequestID"
    assert api.call("POST", answer.format("r-1"), b"1").status == 202
    assert api.call("POST", answer.format("r-1"), b"2").status == 400
    assert (given.answer, given.is_error) == (b"1", False)


def test_an_error(api: Api) -> None:
    """The type is the header's, else the document's."""
    for request_id, headers, expected in (
        ("r-1", {"Lambda_Runtime_Function_Error_Type": "Runtime.Odd"}, "Runtime.Odd"),
        ("r-2", {}, "ValueError"),
    ):
        given = task(request_id)
        api.board.send(given, {"eventType": "INVOKE"})
        api.call("GET", f"{RUNTIME}/invocation/next")
        path = f"{RUNTIME}/invocation/{request_id}/error"
        assert api.call("POST", path, {"errorType": "ValueError"}, **headers).status == 202
        assert (given.is_error, given.error_type) == (True, expected)


def test_too_large(api: Api) -> None:
    """413, and the caller gets an error."""
    given = task()
    api.board.send(given, {"eventType": "INVOKE"})
    api.call("GET", f"{RUNTIME}/invocation/next")
    body = b"x" * (MAX_RESPONSE_BYTES + 1)
    reply = api.call("POST", f"{RUNTIME}/invocation/r-1/response", body)
    assert (reply.status, reply.error) == (413, "RequestEntityTooLarge")
    assert given.error_type == "Function.ResponseSizeTooLarge"


def test_a_body_in_chunks(api: Api) -> None:
    """Runtimes may stream what they post."""
    given = task()
    api.board.send(given, {"eventType": "INVOKE"})
    api.call("GET", f"{RUNTIME}/invocation/next")
    connection = http.client.HTTPConnection(api.server.address, timeout=10)
    path = f"{RUNTIME}/invocation/r-1/response"
    connection.request("POST", path, iter([b"[1,", b"2]"]), encode_chunked=True)
    assert connection.getresponse().status == 202
    connection.close()
    assert given.answer == b"[1,2]"


def test_registration(api: Api) -> None:
    """Facts of the function, an identifier; the account only for those who ask."""
    reply = api.register("outer", "INVOKE", "SHUTDOWN")
    assert reply.status == 200
    assert len(reply.headers["Lambda-Extension-Identifier"]) == 36
    assert json.loads(reply.body) == {
        "functionName": "shop",
        "functionVersion": "$LATEST",
        "handler": "app.handler",
    }
    assert api.register("outer", "INVOKE").error == "Extension.AlreadyRegistered"
    assert api.board.extensions["outer"].external


def test_an_internal_extension(api: Api) -> None:
    """One that lives in the runtime's process ends with it: no SHUTDOWN for it."""
    assert api.register("inner", "SHUTDOWN").error == "Extension.InvalidEventType"
    assert api.register("inner", "INVOKE").status == 200
    assert not api.board.extensions["inner"].external


def test_what_is_refused(api: Api) -> None:
    """With the guide's error types."""
    assert api.register("", "INVOKE").error == "Extension.InvalidExtensionName"
    assert api.register("outer", "SOMETHING").error == "Extension.InvalidEventType"
    broken = api.call("POST", f"{EXTENSION}/register", b"{", Lambda_Extension_Name="outer")
    assert (broken.status, broken.error) == (400, "InvalidRequestFormat")
    following = f"{EXTENSION}/event/next"
    assert api.call("GET", following).error == "Extension.MissingExtensionIdentifier"
    unknown = api.call("GET", following, Lambda_Extension_Identifier="x")
    assert (unknown.status, unknown.error) == (403, "Extension.UnknownExtensionIdentifier")
    api.board.close_registration()
    assert api.register("outer", "INVOKE").error == "Extension.RegistrationClosed"
    assert api.call("GET", "/2018-06-01/nothing").status == 404


def test_events_and_the_end(api: Api) -> None:
    """/next waits for mail; what waits at the environment's end gets no answer."""
    own = api.register("outer", "SHUTDOWN").headers["Lambda-Extension-Identifier"]
    replies: list[Reply | type] = []

    def follow() -> None:
        path = f"{EXTENSION}/event/next"
        replies.append(api.call("GET", path, Lambda_Extension_Identifier=own))
        try:
            api.call("GET", path, Lambda_Extension_Identifier=own)
        except http.client.RemoteDisconnected as error:
            replies.append(type(error))

    thread = threading.Thread(target=follow)
    thread.start()
    assert api.board.wait(api.board.extensions_wait, time.monotonic() + 10, lambda: None)
    api.board.send(task(), {"eventType": "INVOKE"})  # Not subscribed.
    assert replies == []
    api.board.post_shutdown({"eventType": "SHUTDOWN", "shutdownReason": "spindown"})
    outer = api.board.extensions["outer"]
    assert api.board.wait(lambda: outer.waiting, time.monotonic() + 10, lambda: None)
    api.board.close()
    thread.join(10)
    first, second = replies
    assert isinstance(first, Reply)
    assert json.loads(first.body)["shutdownReason"] == "spindown"
    assert second is http.client.RemoteDisconnected


@pytest.mark.parametrize("path", ["init/error", "exit/error"])
def test_an_extension_gives_up(api: Api, path: str) -> None:
    """Its error type is the environment's failure; without one the request is wrong."""
    own = api.register("outer", "INVOKE").headers["Lambda-Extension-Identifier"]
    wrong = api.call("POST", f"{EXTENSION}/{path}", {}, Lambda_Extension_Identifier=own)
    assert wrong.status == 400
    right = api.call(
        "POST",
        f"{EXTENSION}/{path}",
        {},
        Lambda_Extension_Identifier=own,
        Lambda_Extension_Function_Error_Type="Extension.Tired",
    )
    assert right.status == 202
    assert api.board.failure is not None
    assert api.board.failure.error_type == "Extension.Tired"


@pytest.mark.parametrize(
    ("status", "change"),
    [
        (200, {}),
        (400, {"schemaVersion": "1999-01-01"}),
        (400, {"types": ["everything"]}),
        (400, {"destination": {"protocol": "TCP", "port": 1}}),
        (400, {"buffering": {"timeoutMs": "soon"}}),
    ],
)
def test_subscriptions(api: Api, status: int, change: dict[str, Any]) -> None:
    """HTTP destinations, known types and known versions."""
    own = api.register("outer", "INVOKE").headers["Lambda-Extension-Identifier"]
    wish = {
        "schemaVersion": "2022-12-13",
        "types": ["platform"],
        "destination": {"protocol": "HTTP", "URI": "http://sandbox.localdomain:9"},
        **change,
    }
    path = "/2022-07-01/telemetry"
    assert api.call("PUT", path, wish, Lambda_Extension_Identifier=own).status == status
    api.board.close_registration()
    late = api.call("PUT", path, wish, Lambda_Extension_Identifier=own)
    assert late.error == "Telemetry.SubscriptionClosed"
