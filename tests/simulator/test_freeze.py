"""Between invocations nothing runs, for exactly as long as was asked."""

from __future__ import annotations

import os
import socket
import subprocess
import time
from pathlib import Path

import pytest

from tests.components.require import require_component
from tests.simulator.conftest import Start, alive


def test_threads_stand_still(start: Start) -> None:
    """A thread that ticks 100 times a second has a gap as long as the freeze."""
    function = start("app.ticks")
    assert function.invoke().json() < 1
    warm = function.invoke(gap_s=1.5)
    assert 1.5 <= warm.json() < 1.5 + 1
    assert warm.json() <= warm.frozen_s + 0.1
    assert not warm.cold


def test_the_gap_is_as_long_as_asked(start: Start) -> None:
    """Counted from the end of the invocation before, the caller's own time included."""
    function = start()
    function.invoke("first").finished()
    time.sleep(0.5)
    warm = function.invoke("second", gap_s=0.7)
    assert 0.7 <= warm.frozen_s < 0.7 + 0.4
    time.sleep(0.6)
    assert function.invoke("third", gap_s=0.1).frozen_s >= 0.5, "longer when the caller is late"


def test_other_processes_stand_still_too(start: Start, tmp_path: Path) -> None:
    """Also those that left the function's process group."""
    function = start()
    file = tmp_path / "ticks"
    pid = function.invoke(f"spawn {file}").json()
    function.invoke("sleep 0.3").finished()
    frozen = file.stat().st_size
    assert frozen > 0
    time.sleep(0.4)
    assert frozen == file.stat().st_size
    function.invoke("sleep 0.3").finished()
    assert frozen < file.stat().st_size
    function.shutdown()
    assert not alive(pid)


FIN_WAIT_1, FIN_WAIT_2 = "04", "05"


@pytest.mark.parametrize(("paused", "state"), [(False, FIN_WAIT_2), (True, FIN_WAIT_1)])
def test_what_arrives_meanwhile(start: Start, paused: bool, state: str) -> None:
    """The kernel acknowledges a server's FIN for a frozen process, unless the network is paused."""
    if paused:
        require_root_and("nftables")
    with socket.create_server(("127.0.0.1", 0)) as listener:
        function = start("app.connect", pause_network=paused)
        assert function.invoke(listener.getsockname()[1]).json() is False
        function.invoke(None).finished()
        connection, peer = listener.accept()
        connection.close()
        time.sleep(0.3)
        assert tcp_state(listener.getsockname()[1], peer[1]) == state
        after = time.monotonic() + 10
        while function.invoke(None).json() is False:
            assert time.monotonic() < after, "the FIN never arrives"


def tcp_state(local: int, remote: int) -> str:
    """The state of a loopback connection, as the kernel numbers it."""
    ends = [f"0100007F:{port:04X}" for port in (local, remote)]
    with open("/proc/net/tcp") as lines:
        rows = [line.split() for line in lines]
    return next((row[3] for row in rows if row[1:3] == ends), "")


def test_no_rule_stays_behind(start: Start) -> None:
    """The table of the packet filter goes with the environment."""
    nft = str(require_root_and("nftables"))
    with socket.create_server(("127.0.0.1", 0)) as listener:
        function = start("app.connect", pause_network=True)
        function.invoke(listener.getsockname()[1]).finished()
        assert f"sport {listener.getsockname()[1]}" in rules(nft)
        function.shutdown()
        assert f"sport {listener.getsockname()[1]}" not in rules(nft)


def rules(nft: str) -> str:
    """All rules of this machine."""
    return subprocess.run([nft, "list", "ruleset"], capture_output=True, text=True).stdout


def require_root_and(component: str) -> Path:
    """End the test where packets cannot be filtered."""
    found = require_component(component)
    if os.geteuid() != 0:
        pytest.skip("only root can filter packets")
    return found
