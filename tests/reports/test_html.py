"""The HTML report as people use it: a real run, in real Chromium."""

from __future__ import annotations

import io
import re
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from conntrace.cli import main
from conntrace.report.read import ReadNotes, spans_of_lines
from conntrace.report.record import SpanRecord
from tests.components.browser import OpenPage, page_of
from tests.reports.picture import Picture
from tests.unit.report import many as many_lines
from tests.unit.report import stories
from tests.unit.report.builder import Story, rendered

pytestmark = pytest.mark.component
PROGRAMS = Path(__file__).parent / "programs"
HOSTILE = "<img src=x onerror=alert(1)></script><script>alert(2)</script>\x1b[2J\u202e<!--"


def report_of(program: str, folder: Path) -> Path:
    """The page of a real run of a program."""
    spans, page = folder / "spans.jsonl", folder / "report.html"
    command = [sys.executable, "-m", "conntrace", "run", "-o", str(spans), "--"]
    ended = subprocess.run(
        [*command, sys.executable, str(PROGRAMS / program)],
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert ended.returncode == 0, ended.stderr
    assert main(["report", str(spans), "--format", "html", "-o", str(page)]) == 0
    return page


@pytest.fixture(scope="module")
def eleven(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The report of a real run: eleven hosts, ten pools."""
    return report_of("eleven_hosts.py", tmp_path_factory.mktemp("eleven"))


def rows(page: Any, text: str) -> Any:
    """Rows of the table that hold a text."""
    return page.locator("#table tbody tr", has_text=text)


def test_the_eleventh_bucket_evicts_the_first(open_page: OpenPage, tmp_path: Path) -> None:
    """boto3 on eleven buckets: find the eviction, click it, read cause, evidence and advice."""
    with open_page() as opened:
        opened.open(report_of("eleven_buckets.py", tmp_path))
        page = opened.page
        assert "The client talks to more hosts than it keeps pools for" in page.inner_text(".card")
        page.locator(".card").first.click()
        rows(page, "pool_evicted_lru").click()
        assert "#12 bucket-1.s3.localhost:" in page.inner_text("#panel h3")
        told = page.inner_text("#panel")
        assert "pool_evicted_lru (proved) avoidable" in told
        assert re.search(r"bucket-11\.s3\.localhost:\d+ pushed bucket-1\.s3\.localhost", told)
        assert "limit of 10 pools reached" in told
        assert re.search(r"Do\n.*path-style|Do\n.*addressing_style", told), told
        assert re.search(r"Called at\n.*eleven_buckets\.py:\d+", told)
        page.get_by_role("button", name="#1 bucket-1.").click()
        page.get_by_role("button", name="#11 bucket-11.").click()
        assert "Its set-up pushed out\n#1 bucket-1." in page.inner_text("#panel")
        opened.picture("eleven-buckets")


def test_the_eleventh_host_evicts_the_first(eleven: Path, open_page: OpenPage) -> None:
    """Find the eviction by its cause, click it, read cause, advice and who did it."""
    with open_page() as opened:
        opened.open(eleven)
        page = opened.page
        page.select_option("#cause", "pool_evicted_lru")
        rows(page, "pool_evicted_lru").first.click()
        told = page.inner_text("#panel")
        assert "pool_evicted_lru (proved) avoidable" in told
        assert "num_pools=11" in told
        assert re.search(r"127\.0\.0\.11:\d+ pushed 127\.0\.0\.1:\d+ out", told)
        assert "eleven_hosts.py" in told
        assert "connect" in told
        opened.picture("eleven-light")


def test_a_click_into_the_picture_chooses_the_victim(eleven: Path, open_page: OpenPage) -> None:
    """The first life belongs to host 1; its panel leads to its evictor, host 11."""
    with open_page() as opened:
        opened.open(eleven)
        page = opened.page
        page.locator("#canvas").click(position={"x": 30, "y": 61})
        assert "127.0.0.1:" in page.inner_text("#panel h3")
        assert "evicted by #11" in page.inner_text("#panel")
        page.get_by_role("button", name="#11 127.0.0.11").click()
        assert "127.0.0.11:" in page.inner_text("#panel h3")


def test_a_scroll_between_press_and_release_takes_no_click_away(
    eleven: Path, open_page: OpenPage
) -> None:
    with open_page() as opened:
        opened.open(eleven)
        page = opened.page
        row = rows(page, "pool_evicted_lru").first
        row.hover()
        page.mouse.down()
        page.evaluate("document.getElementById('scroll').dispatchEvent(new Event('scroll'))")
        page.mouse.up()
        assert "pool_evicted_lru" in page.inner_text("#panel", timeout=20_000)


def test_deep_links(eleven: Path, open_page: OpenPage) -> None:
    """The address of a chosen span opens the report at that span."""
    with open_page() as opened:
        opened.open(eleven)
        rows(opened.page, "pool_evicted_lru").first.click()
        title = opened.page.inner_text("#panel h3")
        link = "#" + opened.page.url.partition("#")[2]
        assert link.startswith("#span=")
    with open_page() as opened:
        opened.open(eleven, link)
        assert opened.page.inner_text("#panel h3") == title


def test_keyboard_alone(eleven: Path, open_page: OpenPage) -> None:
    """Arrows choose, Enter reads, Escape goes back, + zooms; the choice is announced."""
    with open_page() as opened:
        opened.open(eleven)
        page = opened.page
        page.focus("#lanes")
        for key in ("ArrowDown", "ArrowDown", "+", "ArrowRight", "-", "0", "Enter"):
            page.keyboard.press(key)
        assert page.evaluate("document.activeElement.tagName") == "H3"
        assert "pool_evicted_lru" in page.inner_text("#live")
        page.keyboard.press("Escape")
        assert page.is_hidden("#panel")
        assert page.evaluate("document.activeElement.id") == "lanes"


def test_filters(eleven: Path, open_page: OpenPage) -> None:
    """By host, by avoidable and by verdict."""
    with open_page() as opened:
        opened.open(eleven)
        page = opened.page
        page.fill("#host", "127.0.0.7")
        assert page.inner_text("#shown").startswith("2 of")
        page.check("#avoidable")
        # With its victim, and the connection that it replaces.
        assert page.inner_text("#shown").startswith("3 of")
        assert rows(page, "yes, 1").count() == 1
        page.fill("#host", "")
        page.locator(".card").first.click()
        assert page.get_attribute(".card", "aria-pressed") == "true"
        assert "verdict 1" in page.inner_text("#shown")


def test_leak_replacement_and_fork_of_a_real_run(open_page: OpenPage, tmp_path: Path) -> None:
    """A leaked response, the connection that its loss made necessary, and a forked child's."""
    with open_page() as opened:
        opened.open(report_of("leak_and_fork.py", tmp_path))
        page = opened.page
        legend = page.inner_text("#legend")
        for words in ("leaked", "replaced by", "after a fork"):
            assert words in legend
        rows(page, "lease_leaked_unread").first.click()
        assert "Replaces" in page.inner_text("#panel")
        page.get_by_role("button", name="#1 ").click()
        assert "Ended\nresponse dropped unread" in page.inner_text("#panel")
        rows(page, "forked_process").first.click()
        assert "Forked from\n#2" in page.inner_text("#panel")
        page.select_option("#cause", "forked_process")
        # The parent's connection, where the arrow begins, stays.
        assert page.inner_text("#shown").startswith("2 of")
        opened.picture("leak-and-fork")


@pytest.mark.parametrize("name", stories.STORIES)
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_every_story_in_light_and_dark(
    name: str, scheme: str, open_page: OpenPage, tmp_path: Path
) -> None:
    """Each opens without a complaint; pictures are kept for people to look at."""
    path = page_of(stories.STORIES[name][0](), tmp_path / "report.html")
    with open_page(color_scheme=scheme) as opened:
        opened.open(path)
        opened.page.locator("#table tbody tr:not(.gap)").last.click()
        opened.picture(f"{name}-{scheme}")


def test_a_card_names_as_many_places_and_hosts_as_the_text(
    open_page: OpenPage, tmp_path: Path
) -> None:
    records = []
    for number in range(45):
        story = Story(host=f"host-{number}", prefix=number)
        owner = {"conntrace__pool__owner": "requests.Session"}
        made = {"conntrace__pool__created_at": "/app/shop.py:6", **owner}
        story.connect(
            f"c{number}", number, "pool_evicted_lru", conntrace__cause__avoidable=True, **made
        )
        records += story.records()
    path = page_of(records, tmp_path / "report.html")
    [line] = [line for line in rendered(records).splitlines() if "and 44 more" in line]
    with open_page() as opened:
        opened.open(path)
        assert line.strip() in opened.page.inner_text(".card")


def test_narrow_screen_has_no_sideways_scroll(eleven: Path, open_page: OpenPage) -> None:
    """On a phone's width everything is below each other."""
    with open_page(viewport={"width": 390, "height": 800}) as opened:
        opened.open(eleven)
        rows(opened.page, "pool_evicted_lru").first.click()
        assert opened.page.evaluate("document.documentElement.scrollWidth") <= 390
        opened.picture("eleven-narrow")


def test_print(eleven: Path, open_page: OpenPage) -> None:
    """On paper the whole table and picture stand, dark on white; then all is as before."""
    with open_page(color_scheme="dark") as opened:
        opened.open(eleven)
        page = opened.page
        assert len(page.pdf()) > 10_000
        height = page.locator("#lanes").bounding_box()["height"]
        page.emulate_media(media="print")
        page.evaluate("dispatchEvent(new Event('beforeprint'))")
        assert page.locator("#table tbody tr").count() >= 22
        lanes = page.locator("#lanes").evaluate("(node) => [node.clientHeight, node.scrollHeight]")
        assert lanes[0] > height
        assert lanes[0] + 12 >= lanes[1]
        assert Picture(page).count("bg", 300, 3, 40, 4) > 100
        opened.picture("eleven-print")
        page.evaluate("dispatchEvent(new Event('afterprint'))")
        page.emulate_media(media="screen")
        assert page.locator("#lanes").bounding_box()["height"] == height
        assert page.get_attribute("html", "data-theme") is None


def test_what_has_no_room_on_paper_is_said(open_page: OpenPage, tmp_path: Path) -> None:
    """Of a long report a part is printed, and the paper tells of the rest."""
    with open_page() as opened:
        opened.open(page_of(many(500, 0), tmp_path / "report.html"))
        page = opened.page
        page.evaluate("dispatchEvent(new Event('beforeprint'))")
        told = page.inner_text("#cut")
        assert "200 rows of the table" in told
        assert "lower part of the picture" in told
        page.evaluate("dispatchEvent(new Event('afterprint'))")
        assert page.is_hidden("#cut")


def test_hostile_names_are_text(open_page: OpenPage, tmp_path: Path) -> None:
    """Markup, control characters and endless names are shown and never obeyed."""
    resource = {"service.name": HOSTILE, "faas.name": HOSTILE, "process.command": HOSTILE}
    story = Story(host=HOSTILE + "x" * 10_000, resource=resource)
    call = story.span(HOSTILE, 0.0, 60.0, kind="SERVER", error=HOSTILE, faas__invocation_id=HOSTILE)
    told: dict[str, Any] = {
        "conntrace__cause__detail": HOSTILE,
        "conntrace__cause__advice": HOSTILE,
        "conntrace__cause__evidence": [HOSTILE],
        "conntrace__pool__owner": HOSTILE,
        "conntrace__pool__created_at": HOSTILE,
        "code__file__path": HOSTILE,
        "conntrace__cause__avoidable": True,
    }
    story.connect("c1", 0.0, HOSTILE, parent=story.request("c1", 0.0, 40.0, call), **told)
    failing = {"parent": call, "error": HOSTILE, **told}
    story.connect("c2", 1.0, HOSTILE, **failing)
    story.close("c1", 2.0, conntrace__close__reason=HOSTILE, conntrace__pool__id=HOSTILE)
    story.span(f"pool eviction {HOSTILE}", 2.0, 0.0, conntrace__pool__id=HOSTILE)
    with open_page() as opened:
        opened.open(page_of(story.records(), tmp_path / "report.html"))
        page = opened.page
        page.locator("#table tbody tr").first.click()
        assert page.locator("img, script[src]").count() == 0
        assert page.locator("script").count() == 2
        assert "<img src=x onerror=alert(1)>" in page.inner_text("#panel")
        assert "\\x1b[2J\\u202e" in page.inner_text("#panel")
        page.select_option("#invocation", "0")
        page.get_by_role("button", name="at 0.000 s").first.click()
        for place in ("#calls", "#functions", "#invocation", "#failed", "#legend", "body"):
            assert page.locator(f"{place} img").count() == 0
        assert "<img src=x onerror=alert(1)>" in page.inner_text("#calls")
        opened.picture("hostile")


def many(connections: int, requests: int) -> list[SpanRecord]:
    """A long recording: every tenth connection replaces one that the server closed."""
    story, found = Story(), []
    for number in range(connections):
        story.spans.clear()
        story.host = f"host-{number % 40}.example.org"
        name, at = f"c{number}", number * 0.05
        cause = "client_recreated" if number % 10 else "server_closed_idle"
        story.connect(name, at, cause, conntrace__cause__avoidable=True)
        for each in range(requests):
            story.reuse(name, at + 0.1 + each * 0.05, idle_s=0.04)
        found.extend(story.records())
    return found


@pytest.mark.parametrize(("connections", "requests"), [(20_000, 0), (1_000, 95)])
def test_100_000_spans(
    connections: int, requests: int, open_page: OpenPage, tmp_path: Path
) -> None:
    """Opens in under 3 s, scrolls and filters; the table holds only the rows that show."""
    records = many(connections, requests)
    assert len(records) == 100_000
    path = page_of(records, tmp_path / "report.html")
    assert path.stat().st_size < 20_000_000
    with open_page() as opened:
        began = time.monotonic()
        opened.open(path)
        took = time.monotonic() - began
        page = opened.page
        assert page.locator("#table tbody tr").count() < 60
        page.evaluate("document.getElementById('scroll').scrollTop = 1e9")
        rows(page, f"#{connections}").first.wait_for()
        page.evaluate("document.getElementById('lanes').scrollTop = 5000")
        page.fill("#host", "host-7.")
        assert "shown" in page.inner_text("#shown")
        opened.picture(f"many-{connections}", full=False)
        print(f"{connections} connections: opened in {took:.2f} s, {path.stat().st_size:,} bytes")
        assert took < 3.0


def test_100_000_spans_of_a_function(open_page: OpenPage, tmp_path: Path) -> None:
    """Five thousand invocations, each with its own connection: open, filter, zoom."""
    lines = "".join(many_lines.function_lines(0, 5000))
    records = list(spans_of_lines(io.BytesIO(lines.encode()), "lines", ReadNotes()))
    assert len(records) == 100_000
    path = page_of(records, tmp_path / "report.html")
    with open_page() as opened:
        began = time.monotonic()
        opened.open(path)
        took = time.monotonic() - began
        page = opened.page
        page.select_option("#invocation", "17")
        assert page.inner_text("#shown") == "1 of 5,000 shown"
        page.select_option("#invocation", "")
        page.focus("#lanes")
        for key in ("+", "+", "ArrowRight", "-", "0"):
            page.keyboard.press(key)
        assert "4,900 more that cost less" in page.inner_text("#calls")
        opened.picture("many-invocations", full=False)
        assert took < 3.0
