"""A program that looks closely at what conntrace patches; it must print the same with and without.

Prints one line a question. Run by test_guest.py, plain and under `conntrace run`.
"""

from __future__ import annotations

import copy
import functools
import http.client
import inspect
import multiprocessing
import pickle
import socket
import ssl
import sys
import types
import unittest.mock
import weakref
from collections.abc import Callable
from typing import Any

FUNCTIONS = ("getaddrinfo", "gethostbyname", "gethostbyaddr", "getnameinfo")
METHODS: tuple[tuple[type, str], ...] = (
    (socket.socket, "connect"),
    (socket.socket, "close"),
    (ssl.SSLSocket, "do_handshake"),
    (ssl.SSLContext, "load_verify_locations"),
    (http.client.HTTPConnection, "connect"),
    (http.client.HTTPConnection, "close"),
)


def say(question: str, answer: Callable[[], object]) -> None:
    try:
        print(question, answer())
    except Exception as error:
        print(question, "raises", type(error).__name__, error)


def about(name: str, function: Any) -> None:
    say(f"{name} pickled", lambda: pickle.loads(pickle.dumps(function)) == function)
    say(f"{name} deep copy", lambda: copy.deepcopy(function) == function)
    say(f"{name} copy", lambda: copy.copy(function) is function)
    say(f"{name} signature", lambda: inspect.signature(function))
    say(f"{name} names", lambda: (function.__name__, function.__qualname__))
    say(f"{name} hints", lambda: getattr(function, "__annotations__", None))
    say(f"{name} doc", lambda: (function.__doc__ or "")[:30])
    say(f"{name} repr", lambda: repr(function).partition(" at 0x")[0])
    say(f"{name} kind", lambda: kinds(function))
    say(f"{name} source", lambda: len(inspect.getsource(function)))
    say(f"{name} mock", lambda: unittest.mock.create_autospec(function) is not None)


def kinds(function: Any) -> list[str]:
    tests = (
        inspect.isfunction,
        inspect.isbuiltin,
        inspect.isroutine,
        inspect.ismethod,
        inspect.iscoroutinefunction,
    )
    return [test.__name__ for test in tests if test(function)] + [
        str(isinstance(function, types.FunctionType))
    ]


def about_bound_methods() -> None:
    connection = http.client.HTTPConnection("localhost", 1)
    plain = socket.socket()
    say("bound self", lambda: connection.close.__self__ is connection)  # type: ignore[attr-defined]
    say("bound equal", lambda: connection.close == connection.close)
    say("bound hash", lambda: hash(connection.close) == hash(connection.close))
    say("bound weak", lambda: weakref.WeakMethod(connection.close)() == connection.close)
    say("bound weak call", lambda: weakref.WeakMethod(connection.close)()())  # type: ignore[misc]
    say("bound deep copy", lambda: copy.deepcopy(connection.close)())
    say("bound pickled", lambda: pickle.loads(pickle.dumps(connection.close))())
    say("bound builtin", lambda: inspect.isbuiltin(plain.connect))
    say("socket keys", lambda: sorted(vars(connection)))
    plain.close()


def about_calls() -> None:
    say("wrong call", lambda: socket.getaddrinfo())  # type: ignore[call-arg]
    say("wrong type", lambda: socket.getaddrinfo(object(), 1))  # type: ignore[arg-type]
    say("wrong keyword", lambda: socket.gethostbyname(nothing="x"))  # type: ignore[call-arg]
    say("wrong address", lambda: connect_with(socket.socket, None))
    say("refused", lambda: socket.create_connection(("127.0.0.1", 1), 1))
    say("partial", lambda: functools.partial(socket.gethostbyname, "127.0.0.1")())
    say("subclass", lambda: connect_with(Loud, ("127.0.0.1", 1)))


def connect_with(kind: type[socket.socket], address: Any) -> None:
    with kind() as opened:
        opened.connect(address)


class Loud(socket.socket):
    def connect(self, address: Any) -> None:
        print("connecting")
        super().connect(address)


def about_lifetimes() -> None:
    address = ("127.0.0.1", int("1"))
    before = sys.getrefcount(address)
    kept: list[BaseException] = []
    with socket.socket() as plain:
        try:
            plain.connect(address)
        except OSError as error:
            kept.append(error)
    say("an exception keeps no argument", lambda: (len(kept), sys.getrefcount(address) - before))


def main() -> None:
    for name in FUNCTIONS:
        about(name, getattr(socket, name))
    for owner, name in METHODS:
        about(f"{owner.__name__}.{name}", getattr(owner, name))
    about_bound_methods()
    about_calls()
    about_lifetimes()
    with multiprocessing.get_context("spawn").Pool(1) as pool:
        print("in a pool", pool.map(socket.gethostbyname, ["127.0.0.1"]))
    print("modules of ours in plain sight", [name for name in dir(socket) if "trace" in name])
    print("path", [entry for entry in sys.path if "conntrace/startup" in entry])


if __name__ == "__main__":
    main()
