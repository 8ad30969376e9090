"""Reports in real Chromium, which never reaches beyond the file: fixture `open_page`."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from scripts.cache import cache_root

from tests.components.require import require_component

if TYPE_CHECKING:
    from conntrace.report.record import SpanRecord

FLAGS = (
    "--no-sandbox",
    "--disable-gpu",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)

# A browser is the first to starve on a busy machine.
LONGEST_WAIT_MS = 90_000


class Opened:
    """A page with what it said and asked for, and where its pictures go."""

    def __init__(self, page: Any) -> None:
        self.page = page
        self.complaints: list[str] = []
        self.requests: list[str] = []
        page.on("console", lambda message: self.complaints.append(message.text))
        page.on("pageerror", lambda error: self.complaints.append(str(error)))
        page.on("dialog", lambda dialog: self.complaints.append("a dialog"))
        page.on("request", lambda request: self.requests.append(request.url))

    def open(self, path: Path, hash_: str = "") -> None:
        """Open the report and wait until it is drawn."""
        self.page.goto(path.as_uri() + hash_)
        self.page.wait_for_selector("html[data-ready]", state="attached")

    def picture(self, name: str, full: bool = True) -> None:
        """Keep a screenshot in the cache folder, for CI to collect."""
        folder = cache_root() / "screenshots"
        folder.mkdir(parents=True, exist_ok=True)
        self.page.screenshot(path=folder / f"{name}.png", full_page=full)

    def assert_quiet(self) -> None:
        """No error, no warning, and nothing asked for but the file itself."""
        assert self.complaints == []
        assert all(url.startswith("file:") for url in self.requests), self.requests
        assert len({url.partition("#")[0] for url in self.requests}) == 1


OpenPage = Callable[..., Any]


@pytest.fixture(scope="session")
def chromium(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    """One browser for all tests of a worker, with a profile of its own."""
    program = require_component("chromium")
    from playwright.sync_api import sync_playwright

    home = str(tmp_path_factory.mktemp("chromium"))
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=program,
            args=list(FLAGS),
            env={**os.environ, "HOME": home},
            timeout=LONGEST_WAIT_MS,
        )
        yield browser
        browser.close()


@pytest.fixture
def open_page(chromium: Any) -> OpenPage:
    """A context manager that gives an `Opened` page and checks at the end that it was quiet."""

    @contextmanager
    def opened(**more: Any) -> Iterator[Opened]:
        settings = {"viewport": {"width": 1280, "height": 900}, **more}
        context = chromium.new_context(**settings)
        context.set_default_timeout(LONGEST_WAIT_MS)
        try:
            each = Opened(context.new_page())
            yield each
            each.assert_quiet()
        finally:
            context.close()

    return opened


def page_of(records: Sequence[SpanRecord], path: Path) -> Path:
    """Write the HTML report of some records."""
    from conntrace.report.html.page import write_html
    from conntrace.report.load import of_model
    from conntrace.report.model import build
    from conntrace.report.read import ReadNotes

    with open(path, "w", encoding="utf-8") as stream:
        write_html(of_model(build(records), ReadNotes()), stream)
    return path
