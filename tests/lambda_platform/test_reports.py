"""The reports of a real function: its invocations, and what a freeze cost it."""

from __future__ import annotations

from pathlib import Path

import pytest

from conntrace.cli import main
from tests.components.browser import OpenPage
from tests.lambda_platform.conftest import Aws, Serve, Start, Traces
from tests.lambda_platform.platforms import Platform

FUNCTION = "local-function"


@pytest.mark.component
def test_invocations_and_freezes(
    local_platform: Platform,
    start: Start,
    serve: Serve,
    aws: Aws,
    traces: Traces,
    open_page: OpenPage,
    tmp_path: Path,
    capfd: pytest.CaptureFixture[str],
) -> None:
    """The server closed in a freeze: text and page show when, in which invocation, and why."""
    server = serve(idle_limit_s=0.7)
    function = start(local_platform, "shop.put", aws(server.port))
    for number, gap in ((1, 0.0), (2, 0.1), (3, 1.6)):
        function.invoke({"id": number}, gap_s=gap)
    function.shutdown()

    spans = str(traces.receiver.path)
    capfd.readouterr()
    assert main(["report", spans, "--width", "140"]) == 0
    text = capfd.readouterr().out
    assert "3 invocations · 1 cold" in text
    assert f"{FUNCTION}, 3 " in text
    first_life = next(line for line in text.splitlines() if "#1 first_use_of_destination" in line)
    assert "░" in first_life
    assert "server closed while frozen" in text

    page_path = tmp_path / "report.html"
    assert main(["report", spans, "--format", "html", "-o", str(page_path)]) == 0
    with open_page() as opened:
        opened.open(page_path)
        page = opened.page
        assert "frozen" in page.inner_text("#legend")
        assert "invocation" in page.inner_text("#legend")
        page.locator("#table tbody tr", has_text="server_closed_idle").click()
        assert "the sandbox was frozen" in page.inner_text("#panel")
        page.get_by_role("button", name="#1 localhost").click()
        assert "Frozen\n1." in page.inner_text("#panel")
        assert "cold" in page.inner_text("#panel")
        options = page.locator("#invocation option").all_inner_texts()
        wanted = next(at for at, words in enumerate(options) if "cold" in words)
        page.select_option("#invocation", index=wanted + 2)
        assert page.inner_text("#shown") == "1 of 2 shown"
        opened.picture("lambda-freeze")
