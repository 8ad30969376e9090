"""The report for the terminal: verdict first, then the proof. Plain text when piped."""

from __future__ import annotations

import os
from typing import TextIO

from conntrace.report import (
    text_connections,
    text_counts,
    text_invocations,
    text_trace,
    text_verdicts,
)
from conntrace.report.clean import clean
from conntrace.report.layout import (
    ADVICE,
    FAILED,
    STRONG,
    Page,
    color_for,
    glyphs_for,
    width_for,
)
from conntrace.report.load import Loaded, load_files
from conntrace.report.read import ReadNotes
from conntrace.report.units import count
from conntrace.report.verdicts import Judgement
from conntrace.report.waterfall import choose_trace

_MAX_PROBLEMS = 5
NOTHING = "no spans: nothing was recorded, so nothing is shown."
NOT_READ = "no spans could be read: is this a file of spans?"
ONLY_COUNTED = (
    "only counted: there is much input, or --counts was asked for. Not shown: single connections"
    " and their time line, traces, more evidence than an example of each finding, and whether"
    " SO_KEEPALIVE helped. Name fewer files, without --counts, to see these."
)


def report_text(
    source: str | os.PathLike[str],
    stream: TextIO,
    *,
    width: int | None = None,
    agent_s: float = 0.0,
) -> ReadNotes:
    """Read a span file (a path, `-`, or a folder of them) and write the report to the stream.

    Raises ConntraceError when it cannot be read at all; parts of a file that are broken are named
    at the end of the report and in the notes returned.
    """
    told = load_files([source])
    write_text(told, stream, width=width, agent_s=agent_s)
    return told.notes


def write_text(
    told: Loaded,
    stream: TextIO,
    *,
    width: int | None = None,
    color: bool | None = None,
    trace: str = "",
    counts: bool = False,
    agent_s: float = 0.0,
) -> None:
    """Write the report of what was loaded; `counts` adds the tables over many traces.

    `agent_s` is what the agent itself took (seconds), where somebody measured it: no span tells.

    `width` (cells) and `color` follow the stream when None; `trace` is the beginning of the id of
    the trace to draw, else the one with the most set-up time. Raises ConntraceError when no or
    several traces fit it.
    """
    page = Page(width_for(stream, width), glyphs_for(stream))
    chosen = choose_trace(told.model, trace) if told.complete else None
    if not told.tally.spans:
        page.add(("conntrace  ", STRONG), (no_spans_words(told.notes), STRONG))
    elif told.complete:
        _proof(page, told, chosen, counts, agent_s)
    else:
        _counts(page, told)
    if told.repeated:
        page.paragraph(
            ["note: "], f"{count(told.repeated, 'span')} came more than once; each counts once."
        )
    _problems(page, told.notes)
    _last_word(page, told.judgement)
    page.write(stream, color_for(stream, color))


def no_spans_words(notes: ReadNotes) -> str:
    """Why nothing is shown: there was nothing, or nothing of it could be read."""
    return NOT_READ if notes.problem_count else NOTHING


def _proof(page: Page, told: Loaded, chosen: str | None, counts: bool, agent_s: float) -> None:
    model, judgement = told.model, told.judgement
    text_verdicts.headline(page, model, judgement, told.tally, agent_s)
    text_verdicts.verdicts(page, model, judgement)
    text_invocations.functions(page, told.tally)
    text_invocations.invocations(page, told)
    if counts:
        text_counts.counts(page, told.tally)
    text_connections.connections(page, model, judgement, told.invocations)
    text_trace.lookups(page, model)
    if chosen:
        text_trace.trace(page, model, chosen)


def _counts(page: Page, told: Loaded) -> None:
    """Of input that was only counted: all sums, and what they cannot show."""
    text_counts.headline(page, told.tally)
    text_verdicts.verdicts(page, told.model, told.judgement)
    failed = told.tally.total.setups.count and told.tally.total.failed
    if failed:
        page.add((f"failed: {count(failed, 'set-up')}", FAILED))
        page.blank()
    text_invocations.functions(page, told.tally)
    text_counts.counts(page, told.tally)
    page.paragraph(["note: "], ONLY_COUNTED)
    page.blank()


def _problems(page: Page, notes: ReadNotes) -> None:
    """Name what could not be read."""
    if not notes.problem_count:
        return
    page.blank()
    rest = "; the rest is shown" if notes.spans else ""
    page.add((f"{count(notes.problem_count, 'problem')} while reading{rest}:", FAILED))
    for problem in notes.problems[:_MAX_PROBLEMS]:
        where = f"{clean(problem.source, 120)}, line {problem.line:,}"
        page.paragraph(["  "], f"{where}: {problem.reason}", lines=3)
    more = notes.problem_count - _MAX_PROBLEMS
    if more > 0:
        page.add(f"  {page.glyphs.more} {more:,} more")


def _last_word(page: Page, judgement: Judgement) -> None:
    """The verdict once more: after a long report the prompt stands here, not at the top."""
    if not judgement.verdicts:
        return
    page.blank()
    top = judgement.verdicts[0]
    where = next((text_verdicts.place_words(place) for place in top.places), "")
    page.add((text_verdicts.cost_words(judgement), STRONG))
    page.add(("look first at ", ADVICE), clean(where, 120) or str(top.destinations[0]))
    page.paragraph(["  "], f"{top.title}: {top.advice}" if top.advice else top.title, STRONG)
