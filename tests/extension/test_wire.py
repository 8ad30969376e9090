"""HTTP as the platform speaks it, whole and in pieces."""

from __future__ import annotations

import pytest
from conntrace_extension.wire import MAX_MESSAGE, Message, NotHttp, parse, request

REPLY = b"HTTP/1.1 200 OK\r\nLambda-Extension-Identifier: a-b\r\nContent-Length: 5\r\n\r\nhello"
CHUNKED = (
    b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nhel\r\n2;x=1\r\nlo\r\n0\r\n\r\n"
)


def parsed(data: bytes, *, ended: bool = False) -> Message:
    result = parse(data, ended=ended)
    assert result is not None
    message, rest = result
    assert rest == b""
    return message


@pytest.mark.parametrize("data", [REPLY, CHUNKED])
def test_a_reply_is_read_however_it_is_cut(data: bytes) -> None:
    message = parsed(data)
    assert (message.status, message.body) == (200, b"hello")
    for length in range(len(data)):
        assert parse(data[:length]) is None


def test_names_of_headers_are_in_lower_case() -> None:
    assert parsed(REPLY).headers["lambda-extension-identifier"] == "a-b"


def test_two_messages_in_one_read_are_told_apart() -> None:
    result = parse(REPLY + REPLY)
    assert result is not None
    message, rest = result
    assert (message.body, rest) == (b"hello", REPLY)


def test_a_reply_without_a_length_ends_with_its_connection() -> None:
    data = b"HTTP/1.0 403 Forbidden\r\nConnection: close\r\n\r\nno"
    assert parse(data) is None
    message = parsed(data, ended=True)
    assert (message.status, message.body, message.ends_connection) == (403, b"no", True)


def test_a_request_without_a_length_has_no_body() -> None:
    assert parsed(b"POST / HTTP/1.1\r\nHost: a\r\n\r\n").body == b""


@pytest.mark.parametrize(
    "data",
    [
        b"HTTP/1.1 200 OK\r\nContent-Length: x\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: 99999999999\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
        b"x" * (MAX_MESSAGE + 1),
    ],
)
def test_nonsense_is_told_from_what_is_only_incomplete(data: bytes) -> None:
    with pytest.raises(NotHttp):
        parse(data)


@pytest.mark.parametrize("first_line", ["", "nonsense", "HTTP/1.1 abc", "HTTP/1.1"])
def test_a_first_line_without_a_number_has_no_status(first_line: str) -> None:
    assert Message(first_line, {}, b"").status == 0


def test_a_request_has_its_length_and_its_host() -> None:
    data = request("POST", "/path", "127.0.0.1:9001", {"X-Name": "value"}, b"body")
    message = parsed(data)
    assert message.first_line == "POST /path HTTP/1.1"
    assert message.headers == {"host": "127.0.0.1:9001", "x-name": "value", "content-length": "4"}
    assert message.body == b"body"
