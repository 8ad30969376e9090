"""What the page is made of comes with the package."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from scripts.cache import CHECKOUT

from tests.unit.report.builder import Story


def test_the_wheel_writes_the_page(tmp_path: Path) -> None:
    """Built, not unpacked, and asked for a report: style, script and template are in it."""
    build = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(tmp_path)]
    subprocess.run(build, cwd=CHECKOUT, check=True, capture_output=True, timeout=120)
    [wheel] = tmp_path.glob("*.whl")
    spans, page = tmp_path / "spans.jsonl", tmp_path / "report.html"
    story = Story()
    story.connect("c1", 0.0)
    spans.write_text(story.lines())
    program = (
        "import conntrace, sys; from conntrace.cli import main;"
        f"assert {str(wheel)!r} in conntrace.__file__, conntrace.__file__;"
        "sys.exit(main(sys.argv[1:]))"
    )
    subprocess.run(
        [sys.executable, "-c", program, "report", str(spans), "--format", "html", "-o", str(page)],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(wheel)},
        check=True,
        timeout=60,
    )
    assert "Connections over time" in page.read_text()
    assert "function paint()" in page.read_text()
