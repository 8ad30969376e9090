"""The proof, part two: the waterfall of one trace, and lookups that led to no connection."""

from __future__ import annotations

from conntrace import semantic_names as names
from conntrace.report.clean import clean, shorten
from conntrace.report.findings import place_of
from conntrace.report.layout import ADVICE, AVOIDABLE, FAILED, FAINT, STRONG, Page, Part, pad
from conntrace.report.model import Model, cause_of, destination_of, is_named, phase_of
from conntrace.report.record import SpanRecord
from conntrace.report.text_verdicts import place_words
from conntrace.report.units import count, duration, ms
from conntrace.report.waterfall import Row, Waterfall, bar, waterfall

MAX_LOOKUPS = 8
_MAX_EVIDENCE = 4
_NAMED_BY_DESTINATION = (
    names.CONNECTION_SETUP,
    names.CONNECTION_CLOSE,
    names.WAIT_FOR_CONNECTION,
)
_PHASE_STYLE = {"dns": "blue", "connect": "cyan", "proxy": "cyan", "trust_store": "magenta"}


def trace(page: Page, model: Model, trace_id: str) -> None:
    """One trace with bars, then why its costliest set-up was needed."""
    view = waterfall(model, trace_id)
    total = duration((view.end_ns - view.start_ns) / 1_000_000)
    chosen = f"trace {clean(trace_id, 40)}"
    page.spread([(chosen, STRONG)], [total])
    name_cells = max(26, min(44, page.width * 3 // 7))
    for row in view.rows:
        _row(page, row, view, name_cells)
    if view.left_out:
        left_out = f"{page.glyphs.more} {count(view.left_out, 'more span')} of this trace not shown"
        page.add((f"  {left_out}", FAINT))
    _why(page, view.subject)
    page.blank()


def _row(page: Page, row: Row, view: Waterfall, name_cells: int) -> None:
    span = row.span
    failed = f"{page.glyphs.lost} " if span.error else ""
    label = " " * min(row.depth, 8) + failed + clean(_short_name(span, view.subject), 200)
    drawn = bar(span, view, page.width - name_cells - 12, page.glyphs)
    style = _PHASE_STYLE.get(phase_of(span), "")
    if is_named(span, names.CONNECTION_SETUP):
        style = AVOIDABLE if span.flag(names.CAUSE_AVOIDABLE) else STRONG
    named: Part = (f"  {pad(label, name_cells - 3)} ", FAILED if span.error else "")
    page.spread([named, (drawn, style)], [f"{ms(span.duration_ms):>7}"])


def _short_name(span: SpanRecord, subject: SpanRecord) -> str:
    """The name without the destination of the set-up that this is all about."""
    destination = destination_of(subject)
    if not (phase_of(span) or any(is_named(span, name) for name in _NAMED_BY_DESTINATION)):
        return span.name
    return span.name.removesuffix(f" {destination}").removesuffix(f" {destination.host}")


def _why(page: Page, span: SpanRecord) -> None:
    """Cause, evidence and advice of the set-up or lookup, as its span holds them."""
    if span.error:
        page.add(("  failed: ", FAILED), clean(span.text(names.ERROR_TYPE) or "error", 120))
    if not span.text(names.CAUSE_NAME):
        return
    confidence = span.text(names.CAUSE_CONFIDENCE) or "inferred"
    detail = span.text(names.CAUSE_DETAIL)
    told = f"{clean(cause_of(span), 60)} ({clean(confidence, 20)})"
    page.paragraph(["  why: "], f"{told}: {detail}" if detail else told)
    evidence = span.texts(names.CAUSE_EVIDENCE)
    for fact in evidence[:_MAX_EVIDENCE]:
        page.paragraph(["       - "], fact, FAINT, lines=2)
    if len(evidence) > _MAX_EVIDENCE:
        page.add((f"       {page.glyphs.more} {len(evidence) - _MAX_EVIDENCE} more", FAINT))
    contributing = ", ".join(span.texts(names.CAUSE_CONTRIBUTING))
    if contributing:
        page.paragraph(["  also: "], contributing, lines=2)
    if place := place_of(span).path and place_words(place_of(span)):
        page.paragraph(["  at:  "], place, FAINT, lines=2)
    if advice := span.text(names.CAUSE_ADVICE):
        page.paragraph([("  do:  ", ADVICE)], advice)


def lookups(page: Page, model: Model) -> None:
    """Lookups and sockets that belong to no HTTP connection, grouped, costliest first."""
    _group(page, "DNS lookups without an HTTP connection", model.lookups)
    _group(page, "sockets without an HTTP connection", model.raw_connects)
    _group(page, "TLS without an HTTP connection", model.raw_tls)


def _group(page: Page, title: str, spans: list[SpanRecord]) -> None:
    if not spans:
        return
    groups: dict[tuple[str, str, str], list[SpanRecord]] = {}
    for span in spans:
        # TLS has no cause of its own: that of its connection is unknown here.
        cause = cause_of(span) if span.text(names.CAUSE_NAME) else ""
        key = (span.name, cause, place_words(place_of(span)))
        groups.setdefault(key, []).append(span)
    page.spread([(title, STRONG)], [duration(sum(span.duration_ms for span in spans))])
    ordered = sorted(groups.items(), key=lambda item: (-_cost(item[1]), item[0]))
    for (name, cause, place), group in ordered[:MAX_LOOKUPS]:
        times = f"{len(group):,} {page.glyphs.times} {duration(_cost(group)):>8}"
        page.spread([f"  {clean(name, 100)}"], [times])
        if told := page.glyphs.separator.join(filter(None, (clean(cause, 60), clean(place, 120)))):
            page.add((shorten(f"    {told}", page.width), FAINT))
        if failed := [span.text(names.ERROR_TYPE) or "error" for span in group if span.error]:
            kinds = ", ".join(dict.fromkeys(clean(each, 40) for each in failed))
            page.add((f"    {page.glyphs.lost} {len(failed):,} failed: {kinds}", FAILED))
    hidden = len(groups) - MAX_LOOKUPS
    if hidden > 0:
        page.add((f"  {page.glyphs.more} {count(hidden, 'more kind')} not shown", FAINT))
    page.blank()


def _cost(group: list[SpanRecord]) -> float:
    return sum(span.duration_ms for span in group)
