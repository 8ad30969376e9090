"""What a person sees on a terminal while much is read."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.reports.terminal import on_a_terminal
from tests.unit.report import many


@pytest.mark.parametrize("counts", [True, False])
def test_a_bar_while_files_are_read(counts: bool, tmp_path: Path) -> None:
    """Held or counted, the bar stands on the terminal and the report on standard output."""
    for number in range(20):
        (tmp_path / f"{number}.jsonl").write_text("".join(many.function_lines(number, 10)))
    ended, terminal = on_a_terminal(["report", str(tmp_path), *(["--counts"] if counts else [])])
    assert ended.returncode == 0
    assert "200 connections" in ended.stdout
    assert "\x1b" not in ended.stdout
    assert "reading" in terminal
    assert "MB" in terminal
    # It goes when it is done: the line is erased.
    assert terminal.rstrip().endswith(("\x1b[2K", "\x1b[?25h"))
