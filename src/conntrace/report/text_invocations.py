"""Invocations of functions in text: sums for each function, then the ones that cost most."""

from __future__ import annotations

from conntrace.report.clean import clean, shorten, shorten_service
from conntrace.report.invocations import Invocation
from conntrace.report.layout import AVOIDABLE, FAILED, FAINT, STRONG, Page, Part
from conntrace.report.load import Loaded
from conntrace.report.tally import Tally
from conntrace.report.timeline import moment_words
from conntrace.report.traffic import Traffic
from conntrace.report.units import count, duration

MAX_FUNCTIONS = 6
MAX_INVOCATIONS = 8
_HEAD = "new   set-up avoidable"


def functions(page: Page, tally: Tally) -> None:
    """Each function with the avoidable time of an average invocation."""
    rows = [(name, told) for name, told in tally.by_service().items() if told.invocations]
    if not rows:
        return
    page.spread([("each function, per invocation", STRONG)], [(f"median {_HEAD}", FAINT)])
    for name, told in rows[:MAX_FUNCTIONS]:
        _function(page, name, told)
    if len(rows) > MAX_FUNCTIONS:
        more = count(len(rows) - MAX_FUNCTIONS, "more function")
        page.add((f"  {page.glyphs.more} {more}", FAINT))
    page.blank()


def _function(page: Page, name: str, told: Traffic) -> None:
    calls = told.invocations
    middle = duration(told.took.quantile(0.5) * 1000)
    new = f"{told.setups.count / calls:.1f}"
    page.spread(
        [f"  {clean(shorten_service(name), 120)}"],
        _columns(middle, new, told.cost_ms / calls, told.avoidable_ms / calls),
    )
    words = [count(calls, "invocation")]
    words += [f"{told.cold:,} cold"] if told.cold else []
    words += [f"{told.invocations_failed:,} failed"] if told.invocations_failed else []
    total = f"avoidable in all: {duration(told.avoidable_ms)}" if told.avoidable_ms else ""
    page.spread([(f"    {page.glyphs.separator.join(words)}", FAINT)], [(total, FAINT)])


def invocations(page: Page, told: Loaded) -> None:
    """The invocations with the most avoidable (then the most) set-up time, in order of time."""
    all_of_them = [each for each in told.invocations if each.is_function]
    if not all_of_them:
        return
    weight = {id(each): (-each.avoidable_ms, -each.setup_ms) for each in all_of_them}
    costly = sorted(all_of_them, key=lambda each: weight[id(each)])[:MAX_INVOCATIONS]
    page.spread([("invocations", STRONG)], [(f"time {_HEAD}", FAINT)])
    for each in sorted(costly, key=lambda each: each.span.start_ns):
        _invocation(page, each, told.model.start_ns)
    hidden = len(all_of_them) - len(costly)
    if hidden:
        more = f"{count(hidden, 'more invocation')} not shown (these cost most)"
        page.add((f"  {page.glyphs.more} {more}", FAINT))
    page.blank()


def _invocation(page: Page, each: Invocation, begin_ns: int) -> None:
    span = each.span
    at_s = (span.start_ns - begin_ns) / 1e9
    at = f"{at_s:.1f} s" if at_s < 120 else moment_words(at_s)
    kind = "init" if each.is_init else "cold" if each.is_cold else ""
    who = shorten(clean(each.request_id or span.trace_id, 80), 36)
    new = f"{each.new_connections:,}"
    right = _columns(duration(span.duration_ms), new, each.setup_ms, each.avoidable_ms)
    page.spread([f" {at:>8} ", (who, FAINT)], right)
    if kind or each.error:
        failed = f"{page.glyphs.lost} {clean(each.error, 40)}" if each.error else ""
        page.add(" " * 10, (f"{kind} " if kind else "", STRONG), (failed, FAILED))


def _columns(took: str, new: str, setup_ms: float, avoidable_ms: float) -> list[Part]:
    setup = duration(setup_ms) if setup_ms > 0 else ""
    saved = duration(avoidable_ms) if avoidable_ms > 0 else ""
    return [f"{took:>8}{new:>4}{setup:>9}", (f"{saved:>10}", AVOIDABLE)]
