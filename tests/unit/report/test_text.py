"""The report as people see it."""

from __future__ import annotations

import io
import re
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from rich.cells import cell_len
from tests.unit.report import stories
from tests.unit.report.builder import Story, render, rendered

from conntrace.report.load import load_files
from conntrace.report.read import ReadNotes
from conntrace.report.record import SpanRecord
from conntrace.report.text import report_text, write_text

HOSTILE = (
    "[bold red]x[/bold red]",
    "\x1b]0;owned\x07\x1b[2J\x1b[31m",
    "a\nb\r\nc\td",
    "\u202egnp.exe\u2066",
    "x" * 10_000,
    "東京" * 300,
    "\ud800\udfff",
    "[link=http://evil]click[/link] :bomb:",
    "\ue000 \ue000",
    "",
)

TIMES = "\N{MULTIPLICATION SIGN}"


class Terminal(io.StringIO):
    """A stream that says it is a terminal."""

    def isatty(self) -> bool:
        return True


def assert_fits(text: str, width: int) -> None:
    for line in text.splitlines():
        assert cell_len(line) <= width, line


@pytest.mark.parametrize(("name", "width"), stories.CASES)
def test_golden_texts(name: str, width: int) -> None:
    """After a change on purpose: python -m tests.unit.report.stories, and read the difference."""
    text = stories.report_of(name, width)
    assert text == stories.golden_path(name, width).read_text()
    assert_fits(text, width)


def test_verdict_cost_and_change_are_in_the_first_lines() -> None:
    top = "\n".join(rendered(stories.keepalive()).splitlines()[:8])
    assert "avoidable: 103 of 239 ms" in top
    assert "A new client is built" in top
    assert "handler.py:14" in top
    assert "create the client once, at module level" in top


def test_the_verdict_stands_at_the_end_too() -> None:
    end = "\n".join(rendered(stories.keepalive()).splitlines()[-4:])
    assert "avoidable: 103 of 239 ms" in end
    assert "create the client once" in end


@pytest.mark.parametrize("text", HOSTILE, ids=range(len(HOSTILE)))
@pytest.mark.parametrize("width", [80, 140])
def test_hostile_texts_are_shown_and_never_obeyed(text: str, width: int) -> None:
    told: dict[str, Any] = dict.fromkeys(
        (
            "conntrace__cause__detail",
            "conntrace__cause__advice",
            "conntrace__pool__owner",
            "conntrace__pool__created_at",
            "code__file__path",
            "code__function__name",
        ),
        text,
    )
    story = Story(host=text or "a", resource={"process.command": text, "service.name": text})
    story.connect("c1", 0.0, text or "b", error=text, **told)
    story.connect("c2", 0.0, "client_recreated", conntrace__cause__evidence=[text] * 9, **told)
    story.close("c2", 1.0, conntrace__close__reason=text, conntrace__close__initiator=text)
    story.span(f"DNS lookup {text}", 2.0, 1.0, conntrace__cause__name=text, **told)
    story.span(text, 3.0, 1.0)
    names = {"process.command": text, "service.instance.id": text, "faas.name": text}
    other = Story(resource=names, prefix=1)
    call = other.span(text, 0.0, 9.0, kind="SERVER", error=text, faas__invocation_id=text or "a")
    other.connect("c1", 0.0, parent=call)
    out = rendered([*story.records(), *other.records()], width)
    assert all(character.isprintable() or character == "\n" for character in out)
    assert_fits(out, width)
    assert len(out.splitlines()) < 120
    if "[bold red]" in text:
        assert text in out


def test_ten_thousand_connections_are_bounded_and_counted() -> None:
    story = Story()
    for number in range(10_000):
        story.host = f"host-{number % 50}.test"
        avoidable = number % 3 == 0
        story.connect(
            f"c{number}",
            number * 0.01,
            "one_shot_api" if avoidable else "first_use_of_destination",
            phases=(0, 1.0 + number % 7, 0, 0),
            conntrace__cause__avoidable=avoidable,
            code__line__number=number % 40,
        )
    records = story.records()
    started = time.perf_counter()
    out = rendered(records)
    assert time.perf_counter() - started < 20
    assert len(out.splitlines()) < 300
    assert "10,000 connections to 50 hosts" in out
    assert "… 34 more verdicts" in out
    assert "… 190 more connections not shown" in out
    assert "… 42 more destinations with 8,400 connections not shown" in out


@pytest.mark.parametrize("width", [1, 60, 80, 81, 140, 1000])
@pytest.mark.parametrize("name", sorted(stories.STORIES))
def test_every_width_is_kept(name: str, width: int) -> None:
    out = rendered(stories.STORIES[name][0](), width)
    assert_fits(out, max(60, min(width, 200)))


def test_piped_output_is_plain(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FORCE_COLOR", "1")
    stream = io.StringIO()
    render(stories.keepalive(), stream)
    assert "\x1b" not in stream.getvalue()


@pytest.mark.parametrize(
    ("variables", "colored"),
    [({}, True), ({"NO_COLOR": "1"}, False), ({"NO_COLOR": ""}, True), ({"TERM": "dumb"}, False)],
)
def test_colour_on_a_terminal(
    variables: dict[str, str], colored: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("NO_COLOR", raising=False)
    monkeypatch.setenv("TERM", "xterm-256color")
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    stream = Terminal()
    render(stories.keepalive(), stream, width=80)
    assert ("\x1b[" in stream.getvalue()) == colored


def test_colour_says_nothing_that_the_plain_text_does_not() -> None:
    colored = rendered(stories.keepalive(), color=True)
    assert re.sub(r"\x1b\[[0-9;]*m", "", colored) == rendered(stories.keepalive())


def test_the_width_follows_columns_when_piped(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "100")
    stream = io.StringIO()
    render(stories.control(), stream)
    assert max(map(cell_len, stream.getvalue().splitlines())) == 100


def test_a_stream_that_knows_only_ascii_gets_ascii() -> None:
    raw = io.BytesIO()
    stream = io.TextIOWrapper(raw, encoding="ascii")
    story = Story(host="zürich.test")
    story.connect("c1", 0.0, parent=story.request("c1", 0.0, 40.0))
    render(story.records(), stream, width=80)
    stream.flush()
    text = raw.getvalue().decode("ascii")
    assert "[____" in text
    assert "####>" in text
    assert "~/shop/handler.py" in text
    assert "z\\xfcrich.test" in text


@pytest.mark.parametrize("content", ["", "{}\n"])
def test_an_empty_file_says_that_nothing_was_recorded(content: str, tmp_path: Path) -> None:
    path = tmp_path / "spans.jsonl"
    path.write_text(content)
    stream = io.StringIO()
    report_text(path, stream)
    assert "no spans: nothing was recorded" in stream.getvalue()


def test_a_file_of_something_else_is_not_a_run_without_spans(tmp_path: Path) -> None:
    path = tmp_path / "app.py"
    path.write_text("import urllib3\nprint(1)\n")
    stream = io.StringIO()
    report_text(path, stream, width=300)
    assert "no spans could be read: is this a file of spans?" in stream.getvalue()
    assert "nothing was recorded" not in stream.getvalue()
    assert "app.py, line 1: not JSON" in stream.getvalue()


def test_spans_without_any_connection_say_so() -> None:
    story = Story()
    story.span("work", 0.0, 5.0)
    out = rendered(story.records())
    assert "0 connections" in out
    assert "the spans tell of no connection and no lookup" in out
    assert "nothing to change" not in out


def test_sockets_of_unknown_clients_are_not_called_needed() -> None:
    """httpx, aiohttp, a database: nothing is known of their pools, so nothing is judged."""
    story = Story()
    story.span("socket connect 10.0.0.7:5432", 0.3, 0.8, conntrace__cause__name="unpooled_socket")
    out = rendered(story.records())
    assert "not judged: plain sockets only, of clients unknown to conntrace (0.8 ms)" in out
    assert "unpooled_socket 0.8 ms" in out
    assert "nothing to change" not in out
    assert "needed anyway" not in out


def test_sockets_of_unknown_clients_among_others_are_no_part_of_nothing_to_change() -> None:
    story = Story()
    story.connect("c1", 0.0)
    story.span("socket connect 10.0.0.7:5432", 0.3, 5.8, conntrace__cause__name="unpooled_socket")
    out = rendered(story.records())
    assert "0 requests · 1 connection to 1 host · 1 plain socket" in out
    assert "nothing to change: 40 ms of connection set-up, 5.8 of it not judged" in out


def test_a_program_with_plain_sockets_only_is_not_said_to_have_no_connection() -> None:
    story = Story()
    story.span("socket connect 10.0.0.7:5432", 0.3, 5.8, conntrace__cause__name="unpooled_socket")
    out = rendered(story.records())
    assert out.splitlines()[0] == "conntrace  1 plain socket"


def test_a_failed_plain_socket_or_lookup_says_so() -> None:
    story = Story()
    unpooled = {"conntrace__cause__name": "unpooled_socket"}
    for number in range(3):
        story.span("socket connect 10.0.0.7:5432", number, 5.8, **unpooled)
    story.span("socket connect 10.0.0.7:5432", 3, 5.8, error="connection_refused", **unpooled)
    story.span("DNS lookup nowhere", 4, 5.8, error="host_not_found", **unpooled)
    out = rendered(story.records())
    assert "    ✕ 1 failed: connection_refused" in out.splitlines()
    assert "    ✕ 1 failed: host_not_found" in out.splitlines()


def test_what_was_needed_anyway_is_never_broken_within_and_never_left_out() -> None:
    story = Story()
    causes = ("first_use_of_destination", "pool_growing_concurrency", "sdk_endpoint_variation")
    for number, cause in enumerate((*causes, "redirect_other_origin", "credential_fetch")):
        for again in range(number + 1):
            story.connect(f"c{number}{again}", number + again / 10, cause)
    story.connect("d", 9.0, "telemetry_export")
    out = rendered(story.records()).splitlines()
    begin = next(index for index, line in enumerate(out) if line.startswith("needed anyway:"))
    listed = " ".join(line.strip() for line in out[begin : out.index("", begin)])
    items = listed.removeprefix("needed anyway: ").split(" · ")
    assert len(items) == 5
    assert items[0] == f"5 {TIMES} credential_fetch 171 ms"
    assert items[-1].startswith(f"2 {TIMES} others")
    assert sum(int(item.split(" ")[0]) for item in items) == 16
    assert all(re.match(r"needed anyway: \d|  +\d", line) for line in out[begin : begin + 3])


def test_requests_that_get_no_span_are_said_not_to_be_counted() -> None:
    """Those of plain http.client and urllib.request."""
    story = Story()
    for number, owner in enumerate(("http.client", "urllib.request", "requests.Session")):
        story.connect(f"c{number}", float(number), conntrace__pool__owner=owner)
    assert (
        "note: requests of http.client and urllib.request are not counted"
        in rendered(story.records()).splitlines()
    )
    assert "note:" not in rendered(stories.keepalive())


def test_a_parents_connection_in_a_child_is_called_so() -> None:
    parent = Story()
    parent.connect("c1", 0.0)
    child = Story(resource={"process.pid": 5001, "process.parent_pid": 4242}, prefix=1)
    child.request("c1", 1.0)
    out = rendered([*parent.records(), *child.records()])
    assert re.search(r"#2 p2 +its parent's, #1 ", out)
    assert "open before" not in out.replace("◂ open before", "")


@pytest.mark.parametrize(
    ("reason", "words"),
    [("response_connection_close", "server: Connection: close"), ("pool_collected",) * 2],
)
def test_how_a_connection_ended_is_said_in_words(reason: str, words: str) -> None:
    story = Story()
    story.connect("c1", 0.0)
    story.close("c1", 1.0, conntrace__close__reason=reason)
    assert f" · {words.replace('_', ' ')}" in rendered(story.records())


def test_a_narrow_page_cuts_no_more_of_a_reason_than_a_wide_one() -> None:
    story = Story()
    words = " ".join(f"word{number}" for number in range(33))
    story.connect("c1", 0.0, "server_closed_idle", conntrace__cause__detail=f"{words}.")
    for width in (60, 80):
        out = " ".join(rendered(story.records(), width=width).split())
        assert f"why: {words}." in out


def test_what_could_not_be_read_is_named_and_the_rest_is_shown(tmp_path: Path) -> None:
    story = Story()
    story.connect("c1", 0.0)
    path = tmp_path / "spans.jsonl"
    path.write_text("nonsense\n" * 9 + story.lines()[:-30])
    stream = io.StringIO()
    notes = report_text(path, stream, width=80)
    out = stream.getvalue()
    assert isinstance(notes, ReadNotes)
    assert notes.problem_count == 10
    assert "10 problems while reading; the rest is shown:" in out
    assert "line 1: not JSON" in " ".join(out.split())
    assert "… 5 more" in out
    assert "#1 first_use_of_destination" in out


def test_a_chosen_trace_is_drawn() -> None:
    spans = stories.keepalive()
    wanted = spans[0].trace_id
    assert f"trace {wanted}" in rendered(spans, trace=wanted)


def test_standard_input_is_read() -> None:
    story = Story()
    story.connect("c1", 0.0)
    stream = io.StringIO()
    write_text(load_files(["-"], stdin=io.BytesIO(story.lines().encode())), stream)
    assert "1 connection to 1 host" in stream.getvalue()


def test_failures_stand_at_the_top() -> None:
    """Whoever could not connect at all is not told that nothing is to be changed."""
    story = Story(host="api.example.org")
    story.connect("c1", 0.0, phases=(9.0, 3000.0, 0, 0), error="connection_refused")
    out = rendered(story.records())
    assert "1 connection failed: 3,009 ms" in "\n".join(out.splitlines()[:2])
    assert "connection_refused to api.example.org:443" in out


def test_a_connection_of_which_only_requests_are_known() -> None:
    """Open before the recording: it has no cost and no cause, and says so."""
    story = Story(host="api.example.org")
    story.reuse("c1", 1.0, idle_s=0.5)
    out = rendered(story.records())
    assert "1 request · 1 connection to 1 host" in out
    assert "open before" in out


@pytest.mark.parametrize("make", [each[0] for each in stories.STORIES.values()])
def test_no_report_ends_with_an_empty_line(make: Callable[[], list[SpanRecord]]) -> None:
    """The shell's prompt follows the last word."""
    out = rendered(make())
    assert not out.endswith("\n\n")
    assert "\n\n\n" not in out
