"""Runs another program and counts what it looks up: `watched.py COUNTS MODULE FUNCTION ...`."""

import _socket
import importlib
import ipaddress
import json
import sys

import loopback_names  # noqa: F401 - makes the *.test names known

counts: dict[str, int] = {}


def is_literal(host: str) -> bool:
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True


def counted(original):
    """Every lookup of the interpreter ends in this function, whoever asks for it."""

    def getaddrinfo(host, *arguments, **named):
        name = host.decode() if isinstance(host, bytes) else host
        if isinstance(name, str) and not is_literal(name):
            counts[name] = counts.get(name, 0) + 1
        return original(host, *arguments, **named)

    return getaddrinfo


_socket.getaddrinfo = counted(_socket.getaddrinfo)
_, output, module, function, *arguments = sys.argv
getattr(importlib.import_module(module), function)(*arguments)
with open(output, "w", encoding="utf-8") as file:
    json.dump(counts, file)
