"""Many requests, many threads: nothing grows, nothing is lost unseen, nobody waits for ever."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.components.nginx_server import StartNginx
from tests.servers.loopback import Behaviour, LoopbackServer

PROGRAMS = Path(__file__).parent / "programs"
# `make load` asks for a million.
REQUESTS = int(os.environ.get("LOAD_REQUESTS", "20000"))
THREADS = 64
MAX_GROWTH_BYTES = 12 * 1024 * 1024


@pytest.mark.component
@pytest.mark.timeout(max(120, REQUESTS / 100))
def test_many_requests_from_many_threads(nginx: StartNginx, tmp_path: Path) -> None:
    server = nginx(keepalive_requests=200)
    run = [sys.executable, "-m", "conntrace", "run", "-o", os.devnull, "--", sys.executable]
    ended = subprocess.run(
        [*run, str(PROGRAMS / "load.py"), server.url + "/", str(THREADS), str(REQUESTS)],
        capture_output=True,
        text=True,
        check=False,
    )
    assert ended.returncode == 0, ended.stderr
    told = json.loads(ended.stdout)
    assert told["right"] == told["sent"] > 0

    after_warm_up, at_the_end = told["resident"]
    assert at_the_end - after_warm_up < MAX_GROWTH_BYTES
    closing = ended.stderr.splitlines()[-1].replace(",", "")
    requests, dropped = (
        int(re.search(rf"(\d+) {word}", closing)[1])  # type: ignore[index]
        for word in ("requests?", "dropped")
    )
    # What did not get through is counted, and is not more than what did.
    assert requests + dropped >= told["sent"], closing
    assert requests > told["sent"] / 2, closing


def test_the_agent_comes_and_goes_under_load() -> None:
    with LoopbackServer(Behaviour(max_connections=100_000)) as server:
        ended = subprocess.run(
            [sys.executable, str(PROGRAMS / "on_and_off.py"), server.url(path="/")],
            capture_output=True,
            text=True,
            timeout=100,
            check=False,
        )
    assert (ended.returncode, ended.stdout) == (0, "True [] True True\n"), ended.stderr
    assert ended.stderr == ""
