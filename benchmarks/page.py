"""The page that shows what was measured: each table stands between two marks."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

DOCS = Path(__file__).resolve().parent.parent / "docs"
PAGE = DOCS / "overhead.md"
PICTURE = DOCS / "pictures" / "overhead.svg"


def marks(command: str) -> tuple[str, str]:
    """What stands before and after that command's output."""
    return f"<!-- {command} -->", f"<!-- /{command} -->"


def write_into(page: Path, command: str, lines: Sequence[str]) -> None:
    """Put the lines in place of the command's last ones. Raises ValueError without its marks."""
    begin, end = marks(command)
    before, found, rest = page.read_text(encoding="utf-8").partition(begin)
    _, found_end, after = rest.partition(end)
    if not found or not found_end:
        raise ValueError(f"{page} has no {begin} … {end}")
    text = "\n".join(lines)
    page.write_text(f"{before}{begin}\n\n{text}\n\n{end}{after}", encoding="utf-8")
