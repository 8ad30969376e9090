"""Between invocations nothing runs, for exactly as long as was asked."""

from __future__ import annotations

import time
from pathlib import Path

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
