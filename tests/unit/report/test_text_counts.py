"""The text of counts, at both widths, and the small things of the text report."""

from __future__ import annotations

import io

import pytest
from rich.cells import cell_len
from tests.unit.report import stories
from tests.unit.report.builder import Story, rendered

from conntrace.report.load import load_spans
from conntrace.report.read import ReadNotes
from conntrace.report.text import write_text


@pytest.mark.parametrize("width", [80, 140])
@pytest.mark.parametrize("name", stories.STORIES)
def test_counts_fit_and_tell_causes(name: str, width: int) -> None:
    """Every line fits; headline, causes and destinations are there."""
    stream = io.StringIO()
    told = load_spans(stories.STORIES[name][0](), ReadNotes(), only_count=True)
    write_text(told, stream, width=width)
    lines = stream.getvalue().splitlines()
    assert all(cell_len(line) <= width for line in lines)
    assert lines[0].startswith("conntrace  ")
    assert any(line.startswith("cause ") for line in lines)
    assert "only counted" in stream.getvalue()


def test_waits_stand_in_the_headline() -> None:
    """Requests that waited for their pool are said at the top."""
    story = Story()
    story.connect("c1", 0.0)
    story.span("HTTP wait_for_connection api.example.org:443", 0.5, 120.0)
    top = "\n".join(rendered(story.records()).splitlines()[:3])
    assert "1 request waited 120 ms for their pool" in top


def test_the_ledger_stands_in_the_headline() -> None:
    """What an invocation's span would hold, with the agent's own time where it is known."""
    stream = io.StringIO()
    told = load_spans(stories.control(), ReadNotes())
    write_text(told, stream, width=140, agent_s=0.0125)
    (line,) = [line for line in stream.getvalue().splitlines() if line.startswith("in all: ")]
    steps = "1 lookup · 1 connect · 1 handshake · 5 requests reused a connection"
    assert line == f"in all: {steps} · conntrace itself 12 ms"


def test_processes_by_the_names_that_people_chose() -> None:
    """No `unknown_service:`, and nothing twice."""
    records = []
    for number in range(2):
        resource = {
            "service.name": "unknown_service:app.py",
            "process.command": "app.py",
            "process.pid": 70 + number,
        }
        story = Story(resource=resource, prefix=number)
        story.connect("c1", float(number))
        records += story.records()
    text = rendered(records)
    assert "p1 = pid 70  app.py\n" in text
    assert "unknown_service" not in text
