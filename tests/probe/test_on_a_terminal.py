"""`conntrace probe` as people see it: on a terminal, and its page in a browser."""

from __future__ import annotations

import os
import pty
import re
import select
import subprocess
import sys
import termios
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.components.browser import OpenPage
from tests.servers.loopback import Behaviour, LoopbackServer

CONTROL = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")
CTRL_C = b"\x03"
LONGEST_S = 60.0


class Terminal:
    """`conntrace probe` in a session of its own, whose terminal is ours, of 100 columns."""

    def __init__(self, *words: str) -> None:
        self._ours, theirs = pty.openpty()
        termios.tcsetwinsize(theirs, (30, 100))
        self.process = subprocess.Popen(
            [sys.executable, "-m", "conntrace", "probe", *words],
            stdin=theirs,
            stdout=theirs,
            stderr=theirs,
            env={**os.environ, "TERM": "xterm-256color", "NO_PROXY": "*"},
            start_new_session=True,
            preexec_fn=_take_terminal,
        )
        os.close(theirs)
        self.heard = ""

    def read_until(self, wanted: str) -> str:
        """All that was shown, control sequences left out, as soon as it holds the pattern."""
        deadline = time.monotonic() + LONGEST_S
        while not re.search(wanted, self.shown):
            assert time.monotonic() < deadline, self.shown
            if not self._read():
                assert re.search(wanted, self.shown), self.shown
        return self.shown

    def end(self) -> int:
        """Read to the end; the exit code."""
        while self._read():
            pass
        return self.process.wait(LONGEST_S)

    def _read(self) -> bool:
        if not select.select([self._ours], [], [], LONGEST_S)[0]:
            raise AssertionError(f"silent for {LONGEST_S} s: {self.shown}")
        try:
            piece = os.read(self._ours, 4096)
        except OSError:  # the other end is closed
            return False
        self.heard += piece.decode("utf-8", "replace")
        return bool(piece)

    @property
    def shown(self) -> str:
        return CONTROL.sub("", self.heard)

    def type(self, keys: bytes) -> None:
        os.write(self._ours, keys)

    def close(self) -> None:
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait(LONGEST_S)
        os.close(self._ours)


def _take_terminal() -> None:
    """In the child: Ctrl-C on its standard input is to reach it."""
    import fcntl

    fcntl.ioctl(0, termios.TIOCSCTTY, 0)


@pytest.fixture
def server() -> Iterator[LoopbackServer]:
    with LoopbackServer(Behaviour(idle_limit_s=0.8)) as started:
        yield started


def test_the_bar_tells_the_time_left(server: LoopbackServer) -> None:
    """It counts down, and is gone when the table is there."""
    words = (server.url(path="/"), "--gaps", "0,2", "--repeat", "3", "--no-search")
    terminal = Terminal(*words)
    try:
        terminal.read_until(r"probing .*0:00:0[1-9]")
        code = terminal.end()
    finally:
        terminal.close()
    assert code == 0, terminal.shown
    left = [int(each) for each in re.findall(r"probing .*?0:00:0(\d)", terminal.shown)]
    assert left[0] > left[-1]
    assert sorted(left, reverse=True)[0] <= 9
    result = terminal.heard.rpartition("\x1b[2K")[2]
    assert "The server closes idle connections" in CONTROL.sub("", result)
    assert "probing" not in CONTROL.sub("", result)


def test_ctrl_c_is_typed(server: LoopbackServer) -> None:
    """What there is is shown, the cursor comes back, and the exit code is a shell's."""
    terminal = Terminal(server.url(path="/"), "--gaps", "0,60", "--repeat", "2", "--rate", "50")
    try:
        terminal.read_until(r"probing ")
        deadline = time.monotonic() + LONGEST_S
        while len(server.requests) < 5:
            assert time.monotonic() < deadline, terminal.shown
            time.sleep(0.02)
        terminal.type(CTRL_C)
        code = terminal.end()
    finally:
        terminal.close()
    assert code == 130, terminal.shown
    assert "Interrupted: this is what was measured until then." in terminal.shown
    assert re.search(r"0 s +2 ", terminal.shown)
    assert "Traceback" not in terminal.shown
    assert terminal.heard.count("\x1b[?25h") >= terminal.heard.count("\x1b[?25l") > 0


@pytest.mark.component
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_box_plot_in_a_browser(
    scheme: str, server: LoopbackServer, open_page: OpenPage, tmp_path: Path
) -> None:
    """Boxes, whiskers and dots stand where the figures are: in order, inside of the picture."""
    page_file = tmp_path / "page.html"
    words = ("--gaps", "0,0.3,2", "--repeat", "3", "--no-search", "--html", str(page_file))
    command = [sys.executable, "-m", "conntrace", "probe", server.url(path="/"), *words]
    subprocess.run(command, check=True, capture_output=True, timeout=LONGEST_S)
    with open_page(color_scheme=scheme, viewport={"width": 700, "height": 600}) as opened:
        page = opened.page
        page.goto(page_file.as_uri())
        assert page.locator("svg rect").count() == 3
        assert page.locator("svg circle").count() == 9
        picture = page.locator("svg").bounding_box()
        boxes = [each.bounding_box() for each in page.locator("svg rect").all()]
        dots = [each.bounding_box() for each in page.locator("svg circle").all()]
        for shape in [*boxes, *dots]:
            assert picture["x"] <= shape["x"]
            assert shape["x"] + shape["width"] <= picture["x"] + picture["width"]
        assert [box["y"] for box in boxes] == sorted(box["y"] for box in boxes)
        for number, box in enumerate(boxes):
            middles = sorted(
                dot["x"] + dot["width"] / 2 for dot in dots[3 * number : 3 * number + 3]
            )
            assert middles[0] - 2 <= box["x"] <= middles[1] + 2
            assert middles[1] - 2 <= box["x"] + box["width"] <= middles[2] + 2
        labels = page.locator("svg text").all_text_contents()
        assert [each for each in labels if each.endswith(" s")] == ["0 s", "0.3 s", "2 s"]
        assert "3 server_closed_idle" in page.locator("tbody tr").nth(2).inner_text()
        paper = page.evaluate("getComputedStyle(document.body).backgroundColor")
        assert (paper == "rgb(255, 255, 255)") is (scheme == "light")
        width = page.evaluate("document.documentElement.scrollWidth")
        assert width <= 700, "nothing has to be scrolled sideways but the table"
        opened.picture(f"probe-{scheme}")
