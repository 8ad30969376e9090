"""The experiments: what was published, what is run, and on which server."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple


class Server(NamedTuple):
    """How the embedded server treats a connection."""

    idle_limit_s: float = 60.0
    silent: bool = False
    tls: bool = False
    delay_s: float = 0.0


class Variant(NamedTuple):
    """One run. `words` is a program and its arguments, or a handler and nothing else.

    `{url}` stands for the server. `gaps` are the seconds frozen before each invocation.
    `own_server`: it shows what the embedded server does, and nothing on any other.
    """

    label: str
    words: tuple[str, ...]
    server: Server = Server()
    gaps: tuple[float, ...] = ()
    service: str = ""
    """The AWS service it calls; empty for programs that call the URL itself."""
    own_server: bool = False


class Experiment(NamedTuple):
    """`full` are the variants that take as long as the published ones did.

    `apart`: not one environment for all gaps of a variant, but one for each.
    """

    name: str
    title: str
    claim: str
    variants: tuple[Variant, ...]
    full: tuple[Variant, ...] = ()
    apart: bool = False


DYNAMODB = Server(tls=True)
SHORT_LIMIT = Server(idle_limit_s=2.0, tls=True)
LOAD_BALANCER = Server(idle_limit_s=60.0, tls=True)
"""What an AWS Application Load Balancer does unless it is told otherwise."""
NAT_GATEWAY = Server(idle_limit_s=350.0, tls=True, silent=True)
"""A NAT gateway, a Network Load Balancer: no word to anybody."""
SHORT_NAT = Server(idle_limit_s=1.0, tls=True, silent=True)
PUBLISHED_GAPS = (0, 5, 10, 15, 30, 60, *range(300, 3601, 300))
# Around the limits that servers and routers are known for.
FURTHER_GAPS = (2, 20, 55, 65, 85, 95, 235, 245, 345, 355)
REPEATS = 3
KEEPALIVE = "--tcp-keepalive"


def _gaps(label: str, server: Server, gaps: Sequence[float], repeats: int) -> Variant:
    each = tuple(gap for gap in sorted(gaps) for _ in range(repeats))
    handler = "orders.impatient_client" if server.silent else "orders.one_client"
    return Variant(label, (handler,), server, each, "dynamodb", server.silent)


EXPERIMENTS: tuple[Experiment, ...] = (
    Experiment(
        "keepalive",
        "put_item once a second, with and without tcp_keepalive",
        "boto3 does not keep connections by default; with tcp_keepalive=True calls take at most"
        " 8.5 ms instead of 7 to 20 ms.",
        (
            Variant("default", ("put_items.py", "6", "0.5"), DYNAMODB, service="dynamodb"),
            Variant(
                "tcp_keepalive", ("put_items.py", "6", "0.5", KEEPALIVE), DYNAMODB, (), "dynamodb"
            ),
            Variant(
                "idle too long",
                ("put_items.py", "3", "2.5", KEEPALIVE),
                SHORT_LIMIT,
                (),
                "dynamodb",
                own_server=True,
            ),
        ),
        (
            Variant("default", ("put_items.py", "60", "1"), DYNAMODB, service="dynamodb"),
            Variant(
                "tcp_keepalive", ("put_items.py", "60", "1", KEEPALIVE), DYNAMODB, (), "dynamodb"
            ),
        ),
    ),
    Experiment(
        "close",
        "HTTP keep-alive against Connection: close, one call and ten",
        "One call takes 33 ms without and 10 ms with keep-alive, ten take 180 and 60 ms; what is"
        " saved is the TCP handshake.",
        (
            Variant("one call", ("sequential_calls.py", "{url}", "1"), DYNAMODB),
            Variant("ten calls", ("sequential_calls.py", "{url}", "10"), DYNAMODB),
            Variant("ten, close", ("sequential_calls.py", "{url}", "10", "--close"), DYNAMODB),
        ),
    ),
    Experiment(
        "hosts",
        "Ten and eleven hosts through one client, and S3 buckets as hosts",
        "A client keeps ten connections; max_pool_connections raises that.",
        (
            Variant("10 hosts", ("many_hosts.py", "{url}", "10", "3"), own_server=True),
            Variant("11 hosts", ("many_hosts.py", "{url}", "11", "3"), own_server=True),
            Variant("10 buckets", ("many_buckets.py", "10", "3"), service="s3", own_server=True),
            Variant("11 buckets", ("many_buckets.py", "11", "3"), service="s3", own_server=True),
            Variant(
                "11 by path",
                ("many_buckets.py", "11", "3", "--path-style"),
                service="s3",
                own_server=True,
            ),
        ),
    ),
    Experiment(
        "gaps",
        "The table of idle gaps, through the local Lambda",
        "15,120 requests with pauses from 0 to 3600 s, told as mean and standard deviation.",
        (
            _gaps("a server that closes after 2 s", SHORT_LIMIT, (0.0, 1.0, 3.0), 2),
            _gaps("a router that forgets after 1 s", SHORT_NAT, (0.2, 3.0), 1),
        ),
        (
            _gaps(
                "a server that closes after 60 s",
                LOAD_BALANCER,
                (*PUBLISHED_GAPS, *FURTHER_GAPS),
                REPEATS,
            ),
            _gaps("a router that forgets after 350 s", NAT_GATEWAY, (300, 345, 355, 600), REPEATS),
        ),
        apart=True,
    ),
    Experiment(
        "calls",
        "A function with three calls in a row",
        "Three lookups mean that a DNS cache has expired.",
        (
            Variant("one client", ("orders.three_calls",), DYNAMODB, (0.0,) * 3, "dynamodb"),
            Variant(
                "without a client",
                ("orders.three_calls_without_a_client",),
                Server(),
                (0.0,) * 3,
                "dynamodb",
            ),
        ),
    ),
    Experiment(
        "client",
        "A client for each invocation",
        "A warm function keeps its connections.",
        (
            Variant(
                "in the handler",
                ("orders.client_for_each_invocation",),
                DYNAMODB,
                (0.0,) * 4,
                "dynamodb",
            ),
            Variant("in INIT", ("orders.one_client",), DYNAMODB, (0.0,) * 4, "dynamodb"),
        ),
    ),
    Experiment(
        "freeze",
        "A frozen sandbox",
        "TCP keep-alive keeps the connection of a warm function open.",
        (
            Variant("frozen shortly", ("orders.one_client",), SHORT_LIMIT, (0.0, 0.5), "dynamodb"),
            Variant(
                "frozen long", ("orders.one_client",), SHORT_LIMIT, (0.0, 3.0), "dynamodb", True
            ),
        ),
    ),
    Experiment(
        "nat",
        "A router that forgets an idle connection without a word",
        "tcp_keepalive=True is enough.",
        (
            Variant(
                "forgotten",
                ("idle_then_again.py", "{url}", "2"),
                Server(1.0, True),
                own_server=True,
            ),
            Variant(
                "not forgotten",
                ("idle_then_again.py", "{url}", "0.5"),
                Server(1.0, True),
                own_server=True,
            ),
        ),
    ),
)
BY_NAME = {each.name: each for each in EXPERIMENTS}
