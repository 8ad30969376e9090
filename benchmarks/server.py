"""A loopback HTTP server that costs next to nothing: fixed answers, connections kept for ever.

It listens on localhost, so that a lookup of that name leads to it. A path that begins with `/close`
is answered with `Connection: close`, and the connection closed. A POST gets DynamoDB's answer to a
PutItem.

Prints its port and serves until its standard input is closed.
"""

from __future__ import annotations

import re
import socket
import sys
import threading

LENGTH = re.compile(rb"\r\ncontent-length: *(\d+)", re.IGNORECASE)
HEADERS_END = b"\r\n\r\n"


def _answer(headers: bytes, body: bytes) -> bytes:
    return b"HTTP/1.1 200 OK\r\n%sContent-Length: %d\r\n\r\n%s" % (headers, len(body), body)


LAST = b"Connection: close\r\n"
ITEM = b"Content-Type: application/x-amz-json-1.0\r\nx-amzn-RequestId: 7\r\n"
ANSWERS = {
    (b"GET", False): _answer(b"", b"hi"),
    (b"GET", True): _answer(LAST, b"hi"),
    (b"POST", False): _answer(ITEM, b"{}"),
    (b"POST", True): _answer(ITEM + LAST, b"{}"),
}


def serve(connection: socket.socket) -> None:
    """Answer whatever comes, one request at a time."""
    with connection:
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        while head := _request(connection):
            method, path = head.split(b" ", 2)[:2]
            last = path.startswith(b"/close")
            connection.sendall(ANSWERS[method, last])
            if last:
                return


def _request(connection: socket.socket) -> bytes:
    """All of the next request; empty when there is none."""
    got = connection.recv(65536)
    while got and not _is_whole(got):
        more = connection.recv(65536)
        if not more:
            return b""
        got += more
    return got


def _is_whole(got: bytes) -> bool:
    head, end, body = got.partition(HEADERS_END)
    length = LENGTH.search(head)
    return bool(end) and len(body) >= (int(length[1]) if length else 0)


def accept(listening: socket.socket) -> None:
    """One thread for each connection."""
    while True:
        connection, _ = listening.accept()
        threading.Thread(target=serve, args=(connection,), daemon=True).start()


def main() -> None:
    """Serve until standard input ends."""
    listening = socket.create_server(("localhost", 0), backlog=128)
    threading.Thread(target=accept, args=(listening,), daemon=True).start()
    print(listening.getsockname()[1], flush=True)
    sys.stdin.read()


if __name__ == "__main__":
    main()
