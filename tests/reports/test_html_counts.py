"""The page of input that was only counted, and pages with hardly anything to show."""

from __future__ import annotations

from pathlib import Path

import pytest

from conntrace.cli import main
from tests.components.browser import OpenPage, page_of
from tests.unit.report.builder import Story

pytestmark = pytest.mark.component


def lossy(idle: tuple[float, ...]) -> Story:
    """A server with a limit of 60 s, at different idle times."""
    story = Story(host="api.example.org")
    for number, idle_s in enumerate(idle):
        story.connect(
            f"c{number}",
            number * 100.0,
            "server_closed_idle",
            conntrace__cause__detail="closed the idle connection after 60 s",
            conntrace__cause__avoidable=True,
            conntrace__cause__advice="call at least every 60 s",
        )
        story.close(
            f"c{number}",
            number * 100.0 + idle_s,
            conntrace__close__reason="server_closed_idle",
            conntrace__close__initiator="remote",
            conntrace__connection__idle_s=idle_s,
            conntrace__close__server_idle_limit_s=60.0,
        )
    return story


def test_the_page_of_counts(open_page: OpenPage, tmp_path: Path) -> None:
    """Verdicts, tables and the idle distribution are there; what is not there is said."""
    (tmp_path / "a.jsonl").write_text(lossy((60.5, 64.0, 90.0)).lines())
    other = Story(prefix=1, resource={"faas.name": "put-order"})
    for number in range(5):
        other.span("put-order", number, 30.0, kind="SERVER", faas__coldstart=number == 0)
    (tmp_path / "b.jsonl").write_text(other.lines())
    page_path = tmp_path / "report.html"
    command = ["report", str(tmp_path / "a.jsonl"), str(tmp_path / "b.jsonl"), "--counts"]
    assert main([*command, "--format", "html", "-o", str(page_path)]) == 0
    with open_page() as opened:
        opened.open(page_path)
        page = opened.page
        assert "Not shown: single connections" in page.inner_text("#note")
        card = page.inner_text(".card")
        assert "103 ms avoidable" in card
        assert "for example: closed the idle connection after 60 s" in card
        assert "Do: call at least every 60 s" in card
        assert page.locator("button.card").count() == 0
        assert page.is_hidden("#picture")
        assert page.is_hidden("#scroll")
        assert "limit 60 s" in page.inner_text("#destinations")
        assert page.locator("#destinations .limit").count() == 1
        assert "32 to 64 s: 3" in page.get_attribute("#destinations .bars", "aria-label")
        assert "put-order\t5\t1\t0\t" in page.inner_text("#functions")
        opened.picture("counts")


@pytest.mark.parametrize("width", [390, 1280])
def test_an_empty_file(width: int, open_page: OpenPage, tmp_path: Path) -> None:
    """Nothing recorded never looks like nothing wrong, and no empty box stands around."""
    with open_page(viewport={"width": width, "height": 700}) as opened:
        opened.open(page_of([], tmp_path / "report.html"))
        told = opened.page.inner_text("body")
        assert "no spans: nothing was recorded" in told
        assert "Connections over time" not in told
        assert "Destinations" not in told
        opened.picture(f"empty-{width}")


def sparse() -> dict[str, Story]:
    """Stories with hardly anything, or with too much of one thing."""
    one, errors, alien = Story(), Story(host="api.example.org"), Story()
    one.connect("c1", 0.0, phases=(0, 0.2, 0, 0))
    for number in range(3):
        errors.connect(f"c{number}", number, phases=(9.0, 3000.0, 0, 0), error="connection_refused")
    alien.span("work", 0.0, 5.0)
    long = Story(host="a-very-long-name." * 12 + "example.org")
    long.connect("c1", 0.0, conntrace__cause__detail="word " * 300)
    long.request("c1", 0.1)
    lookup = Story()
    lookup.span("DNS lookup db.example.org", 0.0, 9.0, conntrace__cause__name="explicit_lookup")
    return {"one": one, "errors": errors, "alien": alien, "long": long, "lookup": lookup}


@pytest.mark.parametrize("name", sparse())
@pytest.mark.parametrize("width", [390, 1280])
def test_sparse_stories(name: str, width: int, open_page: OpenPage, tmp_path: Path) -> None:
    """Each opens, fits its width, and shows what there is."""
    records = sparse()[name].records()
    with open_page(viewport={"width": width, "height": 700}) as opened:
        opened.open(page_of(records, tmp_path / "report.html"))
        page = opened.page
        if name != "alien":
            page.locator("#table tbody tr").first.click()
            assert "at 0.000 s" in page.inner_text("#panel")
        if name == "errors":
            assert "3 connections failed: 9,028 ms" in page.inner_text("#cost")
            assert "connection_refused to api.example.org:443" in page.inner_text("#failed")
        assert page.evaluate("document.documentElement.scrollWidth") <= width
        opened.picture(f"sparse-{name}-{width}")
