"""What the connection time line draws, read from its pixels in real Chromium."""

from __future__ import annotations

from pathlib import Path

import pytest

from conntrace.report.record import SpanRecord
from tests.components.browser import OpenPage, page_of
from tests.reports.picture import AXIS, Picture
from tests.unit.report import stories

pytestmark = pytest.mark.component


def without(spans: list[SpanRecord], *names: str) -> list[SpanRecord]:
    """The same story, but for some attributes and all links."""
    for span in spans:
        span.links = ()
        for name in names:
            span.attributes.pop(name, None)
    return spans


def test_the_servers_idle_limit_is_a_ghost(open_page: OpenPage, tmp_path: Path) -> None:
    """A dotted mark stands 2 s behind the last request; none without a known limit."""
    limit = "conntrace.close.server_idle_limit_s"
    for name, spans in (
        ("with", stories.keepalive()),
        ("without", without(stories.keepalive(), limit)),
    ):
        with open_page() as opened:
            opened.open(page_of(spans, tmp_path / f"{name}.html"))
            picture = Picture(opened.page)
            # Connection 2 served its last request from 5.0 s to 5.04 s.
            ghost = picture.count("faint", picture.x(7.04) - 1, picture.y(1) - 9, 3, 18)
            way = picture.count("faint", picture.x(6.0), picture.y(1) - 1, 40, 3)
            if name == "with":
                assert 4 <= ghost <= 14
                assert way > 4
                assert "idle limit" in opened.page.inner_text("#legend")
            else:
                assert ghost == way == 0
                assert "idle limit" not in opened.page.inner_text("#legend")


def test_frozen_stretches_are_hatched(open_page: OpenPage, tmp_path: Path) -> None:
    """From the end of an invocation to the begin of the next, and only where it froze."""
    frozen = "conntrace.connection.frozen_s"
    counts = {}
    for name, spans in (
        ("froze", stories.function()),
        ("not", without(stories.function(), frozen)),
    ):
        with open_page() as opened:
            opened.open(page_of(spans, tmp_path / f"{name}.html"))
            picture = Picture(opened.page)
            counts[name] = 240 - picture.count("bg", picture.x(23.0), picture.y(0) - 6, 60, 4)
            assert ("frozen" in opened.page.inner_text("#legend")) == (name == "froze")
            opened.page.locator("#table tbody tr").first.click()
            assert ("Frozen" in opened.page.inner_text("#panel")) == (name == "froze")
    assert counts["froze"] > 20
    assert counts["not"] == 0


def test_marks_of_leak_eviction_and_fork(open_page: OpenPage, tmp_path: Path) -> None:
    """A ring where a connection leaked, a triangle where one was evicted, a Y after a fork."""
    with open_page() as opened:
        opened.open(page_of(stories.relations(), tmp_path / "report.html"))
        picture = Picture(opened.page)
        x, y = picture.x, picture.y
        ring = (x(1.0) - 3, y(0) - 7, 12, 14)
        assert picture.count("bad", *ring) > 12
        assert picture.count("bg", x(1.0) + 1, y(0) - 2, 3, 4) > 4  # a ring is empty
        assert picture.count("bad", x(3.0) - 7, y(1) - 7, 14, 14) > 30
        # The child's lives are a group of their own, the third.
        assert picture.count("accent", x(5.0) - 11, y(4, heads=3) - 8, 10, 16) > 10
        assert picture.count("accent", x(4.0) - 11, y(2) - 8, 10, 16) == 0
        legend = opened.page.inner_text("#legend")
        for words in ("leaked", "evicted", "after a fork", "replaced by"):
            assert words in legend
        opened.picture("relations-marks")


@pytest.mark.parametrize("linked", [True, False])
def test_an_arrow_leads_from_the_lost_connection_to_its_successor(
    linked: bool, open_page: OpenPage, tmp_path: Path
) -> None:
    """Between the leaked connection and the one that its loss made necessary."""
    spans = stories.relations() if linked else without(stories.relations())
    with open_page() as opened:
        opened.open(page_of(spans, tmp_path / "report.html"))
        page = opened.page
        page.locator("#table tbody tr").nth(3).click()  # 4 replaces 2
        picture = Picture(page)
        between = (picture.x(3.2), picture.y(1) + 8, picture.x(3.8) - picture.x(3.2), 8)
        drawn = picture.count("fg", *between)
        if linked:
            assert drawn > 10
            page.get_by_role("button", name="#2 api.example.org").click()
            told = page.inner_text("#panel")
            assert "Replaces\n#1" in told
            assert "Replaced by\n#4" in told
            assert "Pushed out by\n#3" in told
        else:
            assert drawn == 0
            assert "Replaces" not in page.inner_text("#panel")


def test_invocations_are_bands_and_a_filter(open_page: OpenPage, tmp_path: Path) -> None:
    """A failed one is marked; choosing one shows what it made or used, and a link leads to it."""
    path = page_of(stories.function(), tmp_path / "report.html")
    with open_page() as opened:
        opened.open(path)
        page = opened.page
        picture = Picture(page)
        # The one that timed out ran from 71 s to 74 s.
        middle = picture.x(72.5)
        assert picture.count("bad", middle, AXIS - 5, 4, 5) >= 12
        assert picture.count("band", middle, picture.y(0) - 4, 4, 8) == 32
        assert picture.count("bad", picture.x(30.0), AXIS - 5, 4, 5) == 0
        options = page.locator("#invocation option").all_inner_texts()
        assert options[1].startswith("put-order cold at 0.000 s 8f5c0d2e")
        assert "✕ timeout" in options[5]
        page.select_option("#invocation", "2")
        assert page.inner_text("#shown") == "1 of 2 shown"
        page.get_by_role("button", name="put-order at 2.000 s").click()
        assert page.input_value("#invocation") == "1"
        assert page.locator("#table tbody tr").count() == 1
        page.locator("#table tbody tr").first.click()
        assert "put-order cold at 0.000 s" in page.inner_text("#panel")
        opened.picture("function-filtered")
    with open_page() as opened:
        opened.open(path, "#span=" + picture.data["invocations"][2]["span"])
        assert opened.page.input_value("#invocation") == "2"


def test_functions_and_invocations_in_tables(open_page: OpenPage, tmp_path: Path) -> None:
    """Averages for each function; each invocation with its request id."""
    with open_page() as opened:
        opened.open(page_of(stories.function(), tmp_path / "report.html"))
        assert "put-order\t5\t1\t1\t" in opened.page.inner_text("#functions")
        assert "8f5c0d2e-0000-4000-8000-000000000004" in opened.page.inner_text("#calls")


def window(page: object) -> tuple[float, float]:
    """The time range that is shown, as its two fields tell it."""
    return float(page.input_value("#from")), float(page.input_value("#to"))  # type: ignore[attr-defined]


def test_a_range_of_time_is_brushed_on_the_axis(open_page: OpenPage, tmp_path: Path) -> None:
    """Dragging on the axis shows that range; on the lanes it moves; `0` shows all again."""
    with open_page() as opened:
        opened.open(page_of(stories.function(), tmp_path / "report.html"))
        page = opened.page
        whole, picture = window(page), Picture(page)
        corner = page.locator("#canvas").bounding_box()
        begin, end = corner["x"] + picture.x(60.0), corner["x"] + picture.x(70.0)
        page.mouse.move(begin, corner["y"] + 10)
        page.mouse.down()
        page.mouse.move(end - 20, corner["y"] + 12)
        page.mouse.move(end, corner["y"] + 12)
        page.mouse.up()
        assert window(page) == pytest.approx((60.0, 70.0), abs=0.3)
        brushed = window(page)
        page.mouse.move(begin, corner["y"] + 61)
        page.mouse.down()
        page.mouse.move(begin + 50, corner["y"] + 61)
        page.mouse.move(begin + 100, corner["y"] + 61)
        page.mouse.up()
        moved = window(page)
        assert moved[1] - moved[0] == pytest.approx(brushed[1] - brushed[0], abs=0.1)
        assert moved[0] < brushed[0] - 0.5
        page.focus("#lanes")
        page.keyboard.press("0")
        assert window(page) == whole


def test_a_range_of_time_by_keyboard(open_page: OpenPage, tmp_path: Path) -> None:
    """Two fields hold it; Z fits the chosen connection, + and - zoom."""
    with open_page() as opened:
        opened.open(page_of(stories.function(), tmp_path / "report.html"))
        page = opened.page
        page.fill("#from", "64")
        page.fill("#to", "66")
        page.keyboard.press("Enter")
        picture = Picture(page)
        # 2 s fill the picture now: the set-up of 34 ms at 65 s is seen in its phases.
        half = picture.width / 2
        assert picture.count("tls", half - 10, picture.y(1) - 6, 60, 12) > 10
        page.focus("#lanes")
        page.keyboard.press("ArrowDown")
        page.keyboard.press("z")
        assert window(page)[1] == pytest.approx(71.0, abs=1.0)
        page.keyboard.press("+")
        assert window(page)[1] < 60
