"""The HTML report without a mouse, without eyes, without colour: what it says of itself holds."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe

from conntrace.report.html.page import write_html
from conntrace.report.load import load_spans
from conntrace.report.read import ReadNotes
from tests.components.browser import OpenPage, page_of
from tests.unit.report import stories

pytestmark = pytest.mark.component

NAMED_ROLES = {
    "application",
    "button",
    "checkbox",
    "combobox",
    "img",
    "region",
    "searchbox",
    "spinbutton",
    "table",
}


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("name", stories.STORIES)
def test_axe_finds_no_barrier(name: str, scheme: str, open_page: OpenPage, tmp_path: Path) -> None:
    """Names, roles, contrast, order of headings and more, by the rules of axe-core."""
    path = page_of(stories.STORIES[name][0](), tmp_path / "report.html")
    with open_page(color_scheme=scheme) as opened:
        opened.open(path)
        opened.page.locator("#table tbody tr").first.click()
        result = Axe().run(opened.page)
        assert result.violations_count == 0, result.generate_report()
        assert len(result.response["passes"]) > 20


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("name", ["empty", "counts"])
def test_axe_on_pages_without_a_picture(
    name: str, scheme: str, open_page: OpenPage, tmp_path: Path
) -> None:
    """Nothing recorded, or only counted: the rest of the page is as good."""
    path = tmp_path / "report.html"
    spans = stories.function() + stories.keepalive() if name == "counts" else []
    with open(path, "w", encoding="utf-8") as stream:
        write_html(load_spans(spans, ReadNotes(), only_count=name == "counts"), stream)
    with open_page(color_scheme=scheme) as opened:
        opened.open(path)
        result = Axe().run(opened.page)
        assert result.violations_count == 0, result.generate_report()


def test_axe_on_a_narrow_screen(open_page: OpenPage, tmp_path: Path) -> None:
    """What scrolls sideways there can be reached by keyboard."""
    with open_page(viewport={"width": 390, "height": 800}) as opened:
        opened.open(page_of(stories.function(), tmp_path / "report.html"))
        result = Axe().run(opened.page)
        assert result.violations_count == 0, result.generate_report()


def tree(page: Any) -> list[tuple[str, str]]:
    """Role and name of everything that a screen reader hears of."""
    session = page.context.new_cdp_session(page)
    nodes = session.send("Accessibility.getFullAXTree")["nodes"]
    return [
        (node["role"]["value"], node.get("name", {}).get("value", ""))
        for node in nodes
        if not node.get("ignored")
    ]


def test_everything_has_a_name(open_page: OpenPage, tmp_path: Path) -> None:
    """Every control and region is called something, and the picture says how it is worked."""
    with open_page() as opened:
        opened.open(page_of(stories.function(), tmp_path / "report.html"))
        opened.page.locator("#table tbody tr").first.click()
        heard = tree(opened.page)
        assert [role for role, name in heard if role in NAMED_ROLES and not name] == []
        [picture] = [name for role, name in heard if role == "application"]
        assert "Up and down choose a connection" in picture
        assert ("complementary", "Chosen connection") in heard
        headers = {name for role, name in heard if role == "columnheader"}
        assert {"Destination", "Cause", "Set-up", "Avoidable", "Requests", "End"} <= headers
        assert "dynamodb.eu-west-1.amazonaws.com:443" in {n for r, n in heard if r == "cell"}


def test_tab_reaches_everything(open_page: OpenPage, tmp_path: Path) -> None:
    """Each control in the order of the page, with an outline that is seen."""
    with open_page() as opened:
        opened.open(page_of(stories.function(), tmp_path / "report.html"))
        page, reached = opened.page, []
        for _ in range(40):
            page.keyboard.press("Tab")
            at = page.evaluate(
                """() => { const node = document.activeElement, style = getComputedStyle(node);
                return [node.id || node.textContent, style.outlineStyle, style.outlineWidth]; }"""
            )
            if at[0] in reached:
                break
            reached.append(at[0])
            if page.evaluate("document.activeElement !== document.body"):
                assert at[1:] != ["none", "0px"], at
        wanted = ["theme", "cause", "host", "invocation", "avoidable", "from", "to", "lanes"]
        assert [each for each in reached if each in wanted] == wanted
        assert reached.index("lanes") < reached.index("scroll")
        assert any("put-order cold" in each for each in reached)


def test_the_table_by_keyboard(open_page: OpenPage, tmp_path: Path) -> None:
    """Sorting says its direction; arrows choose rows; the choice is announced."""
    with open_page() as opened:
        opened.open(page_of(stories.keepalive(), tmp_path / "report.html"))
        page = opened.page
        page.get_by_role("button", name="Requests").focus()
        page.keyboard.press("Enter")
        column = page.locator("#table th", has_text="Requests")
        assert column.get_attribute("aria-sort") == "descending"
        assert page.locator("#table tbody tr").first.inner_text().split("\t")[6].strip() == "3"
        page.keyboard.press("Enter")
        assert column.get_attribute("aria-sort") == "ascending"
        page.focus("#scroll")
        page.keyboard.press("ArrowDown")
        chosen = page.locator("#table tr[aria-selected=true]")
        assert chosen.count() == 1
        number = chosen.inner_text().split("\t")[0].strip()
        assert page.inner_text("#live").startswith(f"{number} ")
        page.keyboard.press("Enter")
        assert page.evaluate("document.activeElement.textContent").startswith(f"{number} ")


def test_no_word_is_in_colour_alone(open_page: OpenPage, tmp_path: Path) -> None:
    """Avoidable, failed and cold are words; phases have letters and a legend."""
    with open_page(forced_colors="active") as opened:
        opened.open(page_of(stories.processes(), tmp_path / "report.html"))
        told = opened.page.inner_text("body")
        assert "failed: connection_refused" in told
        for words in ("lookup (D)", "connect (C)", "trust store (S)", "handshake (T)"):
            assert words in opened.page.inner_text("#legend")
