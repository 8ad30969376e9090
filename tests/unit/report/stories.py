"""The stories whose reports are kept as golden texts, and the command that writes them anew.

    python -m tests.unit.report.stories

Look at the difference before you commit it: these texts are what people read.
"""

from __future__ import annotations

import io
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

from tests.unit.report.builder import Story, rendered

from conntrace.report.load import load_spans
from conntrace.report.read import ReadNotes
from conntrace.report.record import SpanRecord
from conntrace.report.text import write_text

GOLDEN = Path(__file__).with_name("golden")

_LOST = {
    "conntrace__close__reason": "server_closed_idle",
    "conntrace__close__initiator": "remote",
    "conntrace__close__server_idle_limit_s": 2.0,
    "conntrace__connection__idle_s": 3.0,
}


def keepalive() -> list[SpanRecord]:
    """The main job: pauses, a server's limit, keep-alive off and on, then a client per call."""
    story = Story()
    _client(story, 1, 0.0, keepalive=False)
    _client(story, 3, 7.0, keepalive=True)
    for number in range(3):
        _rebuilt(story, 5 + number, 14.0 + number * 0.5)
    return story.records()


def _client(story: Story, number: int, at_s: float, keepalive: bool) -> None:
    """Three calls with short pauses, a long pause, one call on the connection that replaced it."""
    socket: dict[str, Any] = {"conntrace__socket__keepalive": keepalive}
    if keepalive:
        socket["conntrace__socket__keepalive_idle_s"] = 7200.0
    first, second = f"c{number}", f"c{number + 1}"
    owner = {"conntrace__pool__owner": "boto3 dynamodb", **socket}
    opening = story.request(first, at_s, 42.0)
    cause = "parallel_client" if keepalive else "first_use_of_destination"
    story.connect(first, at_s + 0.001, cause, parent=opening, **owner)
    for pause in (1, 2):
        story.reuse(first, at_s + pause, idle_s=0.96)
    again = story.request(second, at_s + 5.0, 40.0)
    close = story.close(first, at_s + 5.0, **_LOST)
    story.connect(
        second,
        at_s + 5.001,
        "server_closed_idle",
        parent=again,
        links=[close],
        conntrace__cause__detail=(
            "the server closed the idle connection after 2.0 s, you came back after 3.0 s"
        ),
        conntrace__cause__evidence=["socket in CLOSE_WAIT, 0 bytes pending", "idle 3.0 s"],
        conntrace__cause__advice="call at least every 2 s, or accept one reconnect per pause",
        **_LOST,
        **owner,
    )


def _rebuilt(story: Story, number: int, at_s: float) -> None:
    connection = f"c{number}"
    call = story.span("DynamoDB.PutItem", at_s, 44.0, kind="CLIENT", rpc__service="DynamoDB")
    request = story.request(connection, at_s + 0.001, 42.0, call)
    story.connect(
        connection,
        at_s + 0.002,
        "client_recreated",
        parent=request,
        conntrace__cause__detail="a new boto3 client is built in handler.py:14 on every call",
        conntrace__cause__evidence=["client 6 made at handler.py:14", "client 5 collected"],
        conntrace__cause__advice="create the client once, at module level",
        conntrace__cause__avoidable=True,
        conntrace__pool__owner="boto3 dynamodb",
        conntrace__pool__created_at="/srv/shop/handler.py:14",
        conntrace__socket__keepalive=False,
    )
    story.close(
        connection,
        at_s + 0.05,
        conntrace__close__reason="pool_collected",
        conntrace__close__initiator="local",
    )


def control() -> list[SpanRecord]:
    """A program that does nothing wrong: one connection, reused."""
    story = Story(host="api.example.org")
    opening = story.request("c1", 0.0, 40.0)
    story.connect("c1", 0.001, parent=opening)
    for second in range(1, 6):
        story.reuse("c1", float(second), idle_s=0.99)
    return story.records()


def buckets() -> list[SpanRecord]:
    """Eleven buckets by one client that keeps ten pools: two rounds, each bucket evicts another."""
    story = Story()
    for turn in range(13):
        bucket = turn % 11
        story.host = f"bucket-{bucket + 1}.s3.eu-west-1.amazonaws.com"
        evicted = turn >= 11
        again: dict[str, Any] = {
            "conntrace__cause__detail": f"bucket-{bucket or 11} pushed it out of a pool of 10",
            "conntrace__cause__avoidable": True,
            "conntrace__cause__advice": "use path-style addressing, or fewer buckets per client",
            "conntrace__pool__evicted_by": f"bucket-{bucket or 11}.s3.eu-west-1.amazonaws.com:443",
            "conntrace__pool__num_pools": 10,
        }
        story.connect(
            f"c{turn}",
            turn * 0.1,
            "pool_evicted_lru" if evicted else "sdk_endpoint_variation",
            parent=story.request(f"c{turn}", turn * 0.1, 40.0),
            conntrace__pool__created_at="/srv/shop/storage.py:9",
            conntrace__pool__owner="boto3 s3",
            **(again if evicted else {}),
        )
        if turn < 2:
            story.close(
                f"c{turn}",
                1.0 + turn * 0.1,
                conntrace__close__reason="pool_evicted_lru",
                conntrace__close__initiator="local",
            )
    return story.records()


def processes() -> list[SpanRecord]:
    """Two processes with the same connection ids, a failed set-up, a lookup and a raw socket."""
    parent = Story(host="api.example.org", resource={"process.command": "gunicorn"})
    parent.connect("c1", 0.0)
    site = {"code.file.path": "/srv/app/warm.py", "code.line.number": 5}
    for second in range(3):
        parent.span(
            "DNS lookup db.example.org",
            0.2 + second,
            12.5,
            **site,
            conntrace__cause__name="explicit_lookup",
        )
    parent.span("socket connect 10.0.0.7:5432", 0.3, 0.8, conntrace__cause__name="unpooled_socket")
    child = Story(
        host="api.example.org",
        resource={"process.pid": 4243, "process.command": "gunicorn"},
        prefix=1,
    )
    child.connect(
        "c1",
        0.5,
        "forked_process",
        conntrace__cause__detail="the pool was made before the fork",
        conntrace__cause__advice="create clients after the fork",
    )
    child.connect("c2", 1.5, phases=(2.0, 2001.0, 0, 0), error="connection_refused")
    return [*parent.records(), *child.records()]


def function() -> list[SpanRecord]:
    """A Lambda function: cold start, a warm call, a freeze that costs the connection, a leak."""
    story = Story(resource={"faas.name": "put-order", "process.command": ""})
    _invocation(story, 0, 0.0, 180.0, setup="first_use_of_destination")
    _invocation(story, 1, 2.0, 12.0)
    _invocation(story, 2, 65.0, 55.0, setup="thaw_after_freeze", frozen_s=62.9)
    _invocation(story, 3, 68.0, 10.0, frozen_s=2.8)
    _invocation(story, 4, 71.0, 3000.0, error="timeout")
    return story.records()


def _invocation(
    story: Story,
    number: int,
    at_s: float,
    length_ms: float,
    *,
    setup: str = "",
    frozen_s: float = 0.0,
    error: str = "",
) -> None:
    cost_s = 0.0342 if setup else 0.0
    call = story.span(
        "put-order",
        at_s,
        length_ms,
        kind="SERVER",
        error=error,
        faas__invocation_id=f"8f5c0d2e-0000-4000-8000-00000000000{number}",
        faas__coldstart=number == 0,
        conntrace__ledger__connects=1 if setup else 0,
        conntrace__ledger__setup_s=cost_s,
        conntrace__ledger__avoidable_s=0.0,
    )
    connection = "c1" if number < 2 else "c2"
    frozen: dict[str, Any] = {"conntrace__connection__frozen_s": frozen_s} if frozen_s else {}
    if not setup:
        story.reuse(connection, at_s + 0.002, idle_s=2.9, parent=call, **frozen)
        return
    request = story.request(connection, at_s + 0.002, 45.0, parent=call)
    lost: list[dict[str, Any]] = []
    if frozen_s:
        told = {"conntrace__close__reason": "unknown", "conntrace__close__initiator": "remote"}
        lost = [
            story.close("c1", at_s + 0.003, conntrace__connection__idle_s=62.99, **told, **frozen)
        ]
    story.connect(
        connection,
        at_s + 0.003,
        setup,
        parent=request,
        links=lost,
        conntrace__pool__owner="boto3 dynamodb",
        conntrace__cause__detail="closed while frozen, time unknown" if frozen_s else "",
        **frozen,
    )


def relations() -> list[SpanRecord]:
    """A leak and what replaced it, an eviction whose close does not know of it, and a fork."""
    story = Story(host="api.example.org")
    story.connect("c1", 0.0, conntrace__pool__id="p1")
    story.request("c1", 0.05)
    leak = {
        "conntrace__close__reason": "lease_leaked_unread",
        "conntrace__close__initiator": "local",
    }
    leaked = story.close("c1", 1.0, **leak)
    story.connect("c2", 2.0, "lease_leaked_unread", links=[leaked], conntrace__pool__id="p1")
    story.request("c2", 2.05)
    gone = {"conntrace__close__reason": "pool_collected", "conntrace__close__initiator": "local"}
    story.close("c2", 3.0, conntrace__pool__id="p1", **gone)
    eviction = story.span(
        "pool eviction api.example.org:443",
        3.0,
        0.0,
        conntrace__pool__id="p1",
        conntrace__pool__evicted_by="other.example.org:443",
    )
    story.host = "other.example.org"
    story.connect("c3", 3.001, conntrace__pool__id="p2")
    story.host = "api.example.org"
    story.connect("c4", 4.0, "pool_evicted_lru", links=[eviction], conntrace__cause__avoidable=True)
    story.request("c4", 4.05)
    child = Story(
        host="api.example.org",
        resource={"process.pid": 4243, "process.parent_pid": 4242},
        prefix=1,
    )
    child.connect("c4", 5.0, "forked_process")
    child.request("c4", 5.05)
    return [*story.records(), *child.records()]


STORIES: dict[str, tuple[Callable[[], list[SpanRecord]], tuple[int, ...]]] = {
    "keepalive": (keepalive, (80, 140)),
    "control": (control, (80, 140)),
    "buckets": (buckets, (80,)),
    "processes": (processes, (80,)),
    "function": (function, (80, 140)),
    "relations": (relations, (80,)),
}

COUNTS = "counts"
"""Three of the stories, only counted."""

CASES = [(name, width) for name, (_, widths) in STORIES.items() for width in widths]
CASES += [(COUNTS, 80), (COUNTS, 140)]


def golden_path(name: str, width: int) -> Path:
    """Where the golden text of a story stands."""
    return GOLDEN / f"{name}-{width}.txt"


def report_of(name: str, width: int) -> str:
    """The report of a story as it is now."""
    if name == COUNTS:
        stream = io.StringIO()
        write_text(load_spans(_three(), ReadNotes(), only_count=True), stream, width=width)
        return stream.getvalue()
    return rendered(STORIES[name][0](), width)


def _three() -> list[SpanRecord]:
    """Told apart by their traces: hand-made ids return in each story."""
    found = []
    for number, make in enumerate((keepalive, buckets, function)):
        found += [replace(s, trace_id=f"{number}{s.trace_id[1:]}") for s in make()]
    return found


if __name__ == "__main__":
    GOLDEN.mkdir(exist_ok=True)
    for case_name, case_width in CASES:
        golden_path(case_name, case_width).write_text(report_of(case_name, case_width))
