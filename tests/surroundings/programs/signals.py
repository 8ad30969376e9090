"""A signal handler raises in the middle of a handshake, a connect and a wait for an answer."""

import signal
import socket
import ssl
import sys

import urllib3

URL, PORT = sys.argv[1], int(sys.argv[2])


def interrupt(number, frame):
    raise KeyboardInterrupt


def interrupted(action):
    signal.setitimer(signal.ITIMER_REAL, 0.2)
    try:
        action()
    except BaseException as error:
        return type(error).__name__
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
    return "nothing"


def handshake():
    context = ssl.create_default_context()
    with socket.create_connection(("127.0.0.1", PORT)) as plain:
        context.wrap_socket(plain, server_hostname="localhost")


def request():
    urllib3.PoolManager().request("GET", f"http://127.0.0.1:{PORT}/", retries=False)


def full_backlog():
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen(0)
        kept = []
        for _ in range(4):
            one = socket.socket()
            kept.append(one)
            one.setblocking(False)
            one.connect_ex(listener.getsockname())
        try:
            with socket.socket() as last:
                last.settimeout(30)
                last.connect(listener.getsockname())
        finally:
            for one in kept:
                one.close()


signal.signal(signal.SIGALRM, interrupt)
for action in (handshake, request, full_backlog):
    print(action.__name__, interrupted(action))
seen = []
signal.signal(signal.SIGALRM, lambda number, frame: seen.append(socket.getaddrinfo("::1", 80)))
signal.setitimer(signal.ITIMER_REAL, 0.001, 0.001)
print(all(urllib3.PoolManager().request("GET", URL).data == b"ok" for _ in range(50)))
signal.setitimer(signal.ITIMER_REAL, 0)
print(bool(seen))
