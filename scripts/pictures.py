"""Draws the pictures of the README from a real run: `python -m scripts.pictures SPANS [FOLDER]`.

SPANS is a span file, such as build/demo/spans.jsonl, which `make demo` writes. Without FOLDER the
pictures go to docs/pictures.
"""

from __future__ import annotations

import io
import sys
import tempfile
from pathlib import Path

from rich.console import Console
from rich.text import Text

from conntrace.report.html.page import write_html
from conntrace.report.load import Loaded, load_files
from conntrace.report.text import write_text
from scripts.cache import CHECKOUT
from scripts.components.chromium import locate
from scripts.shell import Missing, say

PICTURES = CHECKOUT / "docs" / "pictures"
COLUMNS = 100
SIZE = {"width": 1280, "height": 900}


def terminal(told: Loaded, folder: Path) -> None:
    """The terminal report, in colour, as SVG."""
    stream = io.StringIO()
    write_text(told, stream, width=COLUMNS, color=True)
    console = Console(record=True, width=COLUMNS, file=io.StringIO())
    console.print(Text.from_ansi(stream.getvalue()))
    console.save_svg(str(folder / "report.svg"), title="conntrace report spans.jsonl")


def page(told: Loaded, folder: Path) -> None:
    """The page's first screen, as PNG."""
    from playwright.sync_api import sync_playwright

    program = locate()
    if program is None:
        raise Missing("the picture of the page needs Chromium: make components")
    with tempfile.TemporaryDirectory() as temporary, sync_playwright() as playwright:
        file = Path(temporary) / "report.html"
        with file.open("w", encoding="utf-8") as stream:
            write_html(told, stream)
        browser = playwright.chromium.launch(executable_path=str(program), args=["--no-sandbox"])
        shown = browser.new_page(viewport=SIZE, color_scheme="light")
        shown.goto(file.as_uri())
        shown.screenshot(path=str(folder / "timeline.png"))
        browser.close()


def main() -> int:
    if len(sys.argv) not in (2, 3):
        say("give a span file: python -m scripts.pictures build/demo/spans.jsonl")
        return 2
    folder = Path(sys.argv[2]) if sys.argv[2:] else PICTURES
    folder.mkdir(exist_ok=True)
    told = load_files([sys.argv[1]])
    try:
        terminal(told, folder)
        page(told, folder)
    except Missing as problem:
        say(str(problem))
        return 1
    say(f"wrote {folder}/report.svg and timeline.png")
    return 0


if __name__ == "__main__":
    sys.exit(main())
