"""Runs another program and counts what it looks up: `watched.py COUNTS MODULE FUNCTION ...`.

Two witnesses that are not ours: the C function in which every `getaddrinfo` ends, and for all other
ways to look up the interpreter's audit.
"""

import _socket
import importlib
import ipaddress
import json
import sys

import loopback_names  # noqa: F401 - makes the *.test names known

NAMED = ("socket.gethostbyname", "socket.gethostbyaddr")
# These look up by themselves, when they are given a name.
ADDRESSED = ("socket.connect", "socket.sendto")
counts: dict[str, int] = {}


def is_literal(host: str) -> bool:
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True


def count(host: object) -> None:
    name = host.decode() if isinstance(host, bytes) else host
    if isinstance(name, str) and not is_literal(name):
        counts[name] = counts.get(name, 0) + 1


def counted(original):
    def getaddrinfo(host, *arguments, **named):
        count(host)
        return original(host, *arguments, **named)

    return getaddrinfo


def witness(event, arguments):
    if event in NAMED:
        count(arguments[0])
    elif event in ADDRESSED and isinstance(arguments[1], tuple):
        count(arguments[1][0])


_socket.getaddrinfo = counted(_socket.getaddrinfo)
sys.addaudithook(witness)
_, output, module, function, *arguments = sys.argv
getattr(importlib.import_module(module), function)(*arguments)
with open(output, "w", encoding="utf-8") as file:
    json.dump(counts, file)
