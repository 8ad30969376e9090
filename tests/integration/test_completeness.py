"""Every connect the kernel saw and every lookup the interpreter saw has its span, and no other."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import pytest

from conntrace import semantic_names as names
from conntrace.testing import Spans, run_program
from tests.components.require import require, require_component
from tests.integration.conftest import Serve
from tests.integration.running import PROGRAMS, Runner
from tests.integration.sound import assert_sound

_CONNECT = re.compile(
    r"connect\(\d+, \{sa_family=AF_INET, sin_port=htons\((\d+)\),"
    r" sin_addr=inet_addr\(\"([0-9.]+)\"\)"
)
URL, HOST_AND_PORT, PORT = "{url}", "a.test {port}", "{port}"
WAYS = [
    ("with_urllib3", "reuse", URL, ()),
    ("with_urllib3", "recreate", URL, ()),
    ("with_urllib3", "burst", URL, ("2", "4")),
    ("with_urllib3", "ask_to_close", URL, ()),
    ("with_requests", "one_shot", URL, ()),
    ("with_boto3", "recreate", URL, ()),
    ("with_stdlib", "one_shot", URL, ()),
    ("with_stdlib", "raw_socket", HOST_AND_PORT, ()),
    ("with_stdlib", "bare_objects", HOST_AND_PORT, ()),
    ("with_urllib3", "retry", URL, ()),
    ("with_urllib3", "parallel", "{other}", ()),
    ("with_urllib3", "lose_after_discard", URL, ()),
    ("with_requests", "close_and_go_on", URL, ()),
    ("with_failures", "leak", URL, ("dropped",)),
    ("with_failures", "connect_to_name", PORT, ()),
    ("with_failures", "send_to", "localhost {port}", ()),
    ("with_failures", "own_name", "", ()),
    ("with_stdlib", "lookup", "a.test", ()),
    ("with_stdlib", "lookup_by_old_function", "localhost", ()),
]


pytestmark = pytest.mark.component


@pytest.fixture(scope="session")
def strace() -> str:
    """The program; some machines have it and do not let it watch anything."""
    found = str(require_component("strace"))
    tried = subprocess.run([found, "-f", "true"], capture_output=True, check=False)
    require(tried.returncode == 0, "this machine does not let strace watch a program")
    return found


@pytest.mark.parametrize(("module", "function", "takes", "more"), WAYS)
def test_complete(
    run: Runner,
    serve: Serve,
    strace: str,
    tmp_path: Path,
    module: str,
    function: str,
    takes: str,
    more: Sequence[str],
) -> None:
    """100 % of connects (strace) and of lookups (the interpreter's own functions), no span more."""
    server = serve()
    other = server.url("two-addresses.test")
    where = takes.format(url=server.url("a.test"), other=other, port=server.port).split()
    counts, trace = tmp_path / "counts.json", tmp_path / "trace"
    program = [sys.executable, str(PROGRAMS / "watched.py"), str(counts), module, function]
    result = run_program(
        [strace, "-f", "-qq", "-o", str(trace), "-e", "trace=connect", *program, *where, *more],
        env=run.env,
    )
    assert result.exit_code == 0, result.stderr
    assert_sound(result.spans)
    assert connected(result.spans) == connects_in(trace)
    assert connected(result.spans)[f"127.0.0.1:{server.port}"] == server.accepts
    found = Counter(json.loads(counts.read_text()))
    assert looked_up(result.spans) == found
    assert server.accepts or found


def connects_in(trace: Path) -> Counter[str]:
    """What strace saw, by address and port; port 0 and 53 are the resolver's own datagrams."""
    found = (_CONNECT.search(line) for line in trace.read_text().splitlines())
    pairs = [(match[2], match[1]) for match in found if match and match[1] not in ("0", "53")]
    return Counter(f"{address}:{port}" for address, port in pairs)


def connected(spans: Spans) -> Counter[str]:
    """The connect spans by address and port. A `connect` that was given a name shows the name."""
    pairs = (
        (span.attributes[names.NETWORK_PEER_ADDRESS], span.attributes[names.NETWORK_PEER_PORT])
        for span in spans.named(names.SOCKET_CONNECT)
    )
    return Counter(
        f"{'127.0.0.1' if address == 'localhost' else address}:{port}" for address, port in pairs
    )


def looked_up(spans: Spans) -> Counter[str]:
    """The lookup spans by name."""
    lookups = [*spans.named(names.DNS_LOOKUP), *spans.named(names.DNS_REVERSE_LOOKUP)]
    return Counter(str(span.attributes[names.DNS_QUESTION_NAME]) for span in lookups)
