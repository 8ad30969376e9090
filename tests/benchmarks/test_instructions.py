"""Instruction counts repeat, and a growth beyond the tolerance is told with what to do."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from benchmarks import baseline, counters, instructions
from tests.components.require import require

LOOP = "for number in range({times}): str(12345)"
SHARES = {"start to first reply": 0.2, "reused request": 0.1, "new connection": 0.5}
FIXED = {"PYTHONHASHSEED": "0"}


def counted(times: int) -> int:
    counter = counters.available()
    require(counter is not None, "neither valgrind nor perf counts instructions here")
    assert counter is not None
    program = [sys.executable, "-S", "-c", LOOP.format(times=times)]
    return counters.count(counter, [], program, FIXED)


def test_a_count_repeats() -> None:
    assert counted(2000) == pytest.approx(counted(2000), rel=0.005)


def test_the_same_work_again_takes_as_many_more_instructions() -> None:
    few, some, many = counted(2000), counted(12_000), counted(22_000)
    assert some - few == pytest.approx(many - some, rel=0.05)


def test_a_program_that_fails_is_not_counted() -> None:
    counter = counters.available()
    require(counter is not None, "neither valgrind nor perf counts instructions here")
    assert counter is not None
    with pytest.raises(subprocess.CalledProcessError):
        counters.count(counter, [], [sys.executable, "-I", "-S", "-c", "raise SystemExit(1)"], {})


def test_growth_beyond_the_tolerance_fails_and_says_how_to_accept_it(
    capsys: pytest.CaptureFixture[str],
) -> None:
    now = {**SHARES, "reused request": 0.1 * (1 + 2 * baseline.TOLERANCE)}
    assert instructions.verdict(now, SHARES, "cpython-3.11") == 1
    said = capsys.readouterr().out
    assert "reused request" in said
    assert "new connection" not in said
    assert "make instructions ARGS=--accept" in said


def test_growth_within_the_tolerance_passes(capsys: pytest.CaptureFixture[str]) -> None:
    now = {figure: share * (1 + baseline.TOLERANCE / 2) for figure, share in SHARES.items()}
    assert instructions.verdict(now, SHARES, "cpython-3.11") == 0
    assert capsys.readouterr().out == ""


def test_a_lower_cost_passes_and_asks_for_a_new_baseline(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert instructions.verdict({**SHARES, "new connection": 0.3}, SHARES, "cpython-3.11") == 0
    assert "cheaper than the baseline: new connection" in capsys.readouterr().out


def test_a_python_without_a_baseline_is_said_to_be_uncompared(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert instructions.verdict(SHARES, None, "cpython-3.99") == 0
    assert "cpython-3.99: not compared" in capsys.readouterr().out


def test_accepting_keeps_what_other_pythons_have(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "instructions.json"
    file.write_text(json.dumps({"cpython-3.12": SHARES}))
    monkeypatch.setattr(baseline, "BASELINE", file)
    baseline.accept("cpython-3.11", {"reused request": 0.12345})
    assert baseline.recorded("cpython-3.12") == SHARES
    assert baseline.recorded("cpython-3.11") == {"reused request": 0.123}


@pytest.mark.parametrize(("ci", "code"), [("true", 1), ("", 0)])
def test_a_machine_without_a_counter_fails_in_ci_only(ci: str, code: int, tmp_path: Path) -> None:
    """An empty PATH has neither program."""
    ended = subprocess.run(
        [sys.executable, "-m", "benchmarks.instructions"],
        cwd=Path(instructions.__file__).resolve().parents[1],
        env={**os.environ, "PATH": str(tmp_path), "CI": ci},
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert ended.returncode == code, ended.stderr
    assert "neither works here" in ended.stdout


def test_the_recorded_baseline_has_every_figure() -> None:
    content = json.loads(baseline.BASELINE.read_text(encoding="utf-8"))
    assert content
    for kind, shares in content.items():
        assert set(shares) == set(instructions.FIGURES), kind
