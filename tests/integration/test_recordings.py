"""`conntrace run --events FILE`: a recorded run gives the same spans again, without its secrets."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from conntrace import semantic_names as names
from conntrace.testing import Spans, replay, run_program
from tests.integration.conftest import Serve
from tests.integration.running import FIRST, Runner
from tests.integration.sound import assert_sound


def record(run: Runner, file: Path, *words: object) -> Spans:
    """Run a program with its events recorded; its spans."""
    program, *arguments = words
    result = run.result(str(program), *arguments, options=("--events", str(file)))
    assert result.exit_code == 0, result.stderr
    return result.spans


def shape(spans: Spans) -> list[tuple[str, int]]:
    """What must be the same: names up to the destination, and durations."""
    kinds = [(span.name.partition(" a.test")[0], span.end_ns - span.start_ns) for span in spans]
    return sorted((name.split(":")[0].split(" ")[0], duration) for name, duration in kinds)


def test_replay(run: Runner, serve: Serve, tmp_path: Path) -> None:
    """The replayed spans have the causes and durations of the live ones."""
    server = serve(tls="1.3", idle_limit_s=0.4)
    file = tmp_path / "events.txt"
    live = record(run, file, "with_urllib3", "reuse", server.url("a.test"), 2, 0.8)
    again = replay(file)
    assert again.causes == live.causes == [FIRST, "server_closed_idle"]
    assert shape(again) == shape(live)
    limits = [s.setups[1].attributes[names.CLOSE_SERVER_IDLE_LIMIT_S] for s in (live, again)]
    assert limits[0] == limits[1]
    assert_sound(again)


def test_recording_is_scrubbed(run: Runner, serve: Serve, tmp_path: Path) -> None:
    """No host name, path or token is in a recording, and only its owner can read it."""
    server = serve()
    file = tmp_path / "events.txt"
    url = server.url("a.test", "/very-private/path?key=secret")
    record(run, file, "with_urllib3", "reuse", url)
    text = file.read_text()
    for secret in ("a.test", "very-private", "secret"):
        assert secret not in text
    assert file.stat().st_mode & 0o077 == 0


def test_a_program_that_takes_too_long_is_not_left_behind(tmp_path: Path) -> None:
    """The time-out reaches the program, not only what watches it."""
    file = tmp_path / "pid"
    program = f"import os, time; open({str(file)!r}, 'w').write(str(os.getpid())); time.sleep(600)"
    with pytest.raises(subprocess.TimeoutExpired):
        run_program(program, timeout_s=8)
    with pytest.raises(ProcessLookupError):
        os.kill(int(file.read_text()), 0)


def test_replay_of_lines(run: Runner, serve: Serve, tmp_path: Path) -> None:
    """A recording may be given as its lines, whole or cut in the middle."""
    server = serve()
    file = tmp_path / "events.txt"
    record(run, file, "with_urllib3", "recreate", server.url("a.test"))
    lines = file.read_text().splitlines()
    assert replay(lines).causes == replay(file).causes
    cut = replay(lines[: len(lines) // 2])
    assert cut.causes[0] == FIRST
