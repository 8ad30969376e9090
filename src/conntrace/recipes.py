"""Recipes: tested, copyable code where a socket option is the cure. conntrace never applies them.

Light on purpose (nothing heavy imported): the command line and the docs share this table.
"""

from __future__ import annotations

from typing import NamedTuple


class Recipe(NamedTuple):
    """`code` is complete as it stands; `causes` are the ids whose cure it is."""

    library: str
    title: str
    note: str
    code: str
    causes: tuple[str, ...]


_OPTIONS = """\
KEEPALIVE = [
    (socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1),
    (socket.IPPROTO_TCP, socket.TCP_KEEPIDLE, 120),  # seconds of silence before the first probe
    (socket.IPPROTO_TCP, socket.TCP_KEEPINTVL, 30),
    (socket.IPPROTO_TCP, socket.TCP_KEEPCNT, 4),
]
"""

_NOTE = (
    "Probes after 120 s keep a connection in the tables of a load balancer or NAT that forgets it"
    " after 240 or 350 s. They never keep an HTTP server from closing an idle connection, and a"
    " frozen AWS Lambda sandbox sends none. TCP_KEEPIDLE is Linux's name."
)

_CAUSES = ("silent_drop_timeout", "idle_in_flight_drop")

RECIPES: tuple[Recipe, ...] = (
    Recipe(
        "urllib3",
        "Keep-alive probes after 120 s, for urllib3",
        _NOTE,
        f"""\
import socket

import urllib3
from urllib3.connection import HTTPConnection

{_OPTIONS}
http = urllib3.PoolManager(
    socket_options=[*HTTPConnection.default_socket_options, *KEEPALIVE]
)
""",
        _CAUSES,
    ),
    Recipe(
        "requests",
        "Keep-alive probes after 120 s, for requests",
        _NOTE,
        f"""\
import socket

import requests
from requests.adapters import HTTPAdapter
from urllib3.connection import HTTPConnection

{_OPTIONS}

class KeepAliveAdapter(HTTPAdapter):
    def init_poolmanager(self, *args, **kwargs):
        kwargs["socket_options"] = [*HTTPConnection.default_socket_options, *KEEPALIVE]
        super().init_poolmanager(*args, **kwargs)


session = requests.Session()
session.mount("https://", KeepAliveAdapter())
session.mount("http://", KeepAliveAdapter())
""",
        _CAUSES,
    ),
    Recipe(
        "botocore",
        "Keep-alive probes after 120 s, for boto3 and botocore",
        f"{_NOTE} botocore has no setting for it: tcp_keepalive=True sets SO_KEEPALIVE only, whose"
        " first probe comes after 7200 s. This changes how botocore makes its HTTP sessions, so it"
        " must run before clients are made.",
        f"""\
import socket

import boto3
from botocore.httpsession import URLLib3Session

{_OPTIONS}
make_session = URLLib3Session.__init__


def make_session_with_probes(self, *args, socket_options=None, **kwargs):
    options = socket_options or [(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)]
    make_session(self, *args, socket_options=[*options, *KEEPALIVE], **kwargs)


URLLib3Session.__init__ = make_session_with_probes

client = boto3.client("dynamodb")
""",
        _CAUSES,
    ),
)


def recipes_for(cause: str) -> tuple[Recipe, ...]:
    """The recipes that cure a cause, none for most."""
    return tuple(recipe for recipe in RECIPES if cause in recipe.causes)
