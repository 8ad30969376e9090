"""A loopback HTTP server that costs next to nothing: a fixed answer, connections kept for ever.

A path that begins with `/close` is answered with `Connection: close`, and the connection closed.

Prints its port and serves until its standard input is closed.
"""

from __future__ import annotations

import socket
import sys
import threading

ANSWER = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi"
LAST_ANSWER = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\nhi"


def serve(connection: socket.socket) -> None:
    """Answer whatever comes, one request at a time."""
    with connection:
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        while request := connection.recv(65536):
            if request.startswith(b"GET /close"):
                connection.sendall(LAST_ANSWER)
                return
            connection.sendall(ANSWER)


def accept(listening: socket.socket) -> None:
    """One thread for each connection."""
    while True:
        connection, _ = listening.accept()
        threading.Thread(target=serve, args=(connection,), daemon=True).start()


def main() -> None:
    """Serve until standard input ends."""
    listening = socket.create_server(("127.0.0.1", 0), backlog=128)
    threading.Thread(target=accept, args=(listening,), daemon=True).start()
    print(listening.getsockname()[1], flush=True)
    sys.stdin.read()


if __name__ == "__main__":
    main()
