"""Counts over many traces: causes, worst destinations, servers' idle limits, services."""

from __future__ import annotations

from conntrace.report.clean import clean, shorten_service
from conntrace.report.layout import AVOIDABLE, FAINT, STRONG, Page, Part
from conntrace.report.spread import Spread
from conntrace.report.tally import Tally
from conntrace.report.traffic import Traffic
from conntrace.report.units import count, duration, ms, part_of, seconds

MAX_ROWS = 8
_BARS = " ▁▂▃▄▅▆▇█"


def headline(page: Page, tally: Tally) -> None:
    """All of it in two lines."""
    total = tally.total
    parts = [
        count(total.requests, "request"),
        f"{count(total.setups.count, 'connection')} to {count(tally.connected, 'destination')}",
        count(len(tally.processes), "process"),
    ]
    page.paragraph([("conntrace  ", STRONG)], page.glyphs.separator.join(parts))
    setup = f"{duration(total.cost_ms)} of connection set-up"
    saved = total.avoidable_ms
    part = f"avoidable: {part_of(saved, total.cost_ms)}" if saved else "nothing proved avoidable"
    page.add((f"{part} of {setup}", AVOIDABLE if saved else STRONG))
    if total.waits:
        page.add(wait_words(total))
    ledger(page, total)
    page.blank()


def ledger(page: Page, total: Traffic, agent_s: float = 0.0) -> None:
    """The sums that an invocation's span holds, for all together; seconds of the agent itself."""
    parts = [
        count(total.lookups, "lookup"),
        count(total.connects, "connect"),
        count(total.handshakes, "handshake"),
        f"{count(total.reused, 'request')} reused a connection",
        count(total.evictions, "eviction"),
    ]
    parts = [part for part in parts if not part.startswith("0 ")]
    if agent_s > 0:
        parts.append(f"conntrace itself {duration(agent_s * 1000)}")
    if parts:
        page.paragraph([("in all: ", FAINT)], page.glyphs.separator.join(parts))


def wait_words(total: Traffic) -> str:
    """How long requests waited for a connection of their pool."""
    return f"{count(total.waits, 'request')} waited {duration(total.wait_ms)} for their pool"


def counts(page: Page, tally: Tally) -> None:
    """The tables, each with its costliest rows."""
    _causes(page, tally)
    _rows(page, "destination", [(str(key), each) for key, each in tally.worst().items()])
    _idle(page, tally)
    if len(tally.services) > 1:
        services = [(shorten_service(name), each) for name, each in tally.by_service().items()]
        _rows(page, "function or service", services)


def _causes(page: Page, tally: Tally) -> None:
    rows = list(tally.causes().items())
    if not rows:
        return
    page.spread([("cause", STRONG)], [("count        cost   avoidable", FAINT)])
    for name, sums in rows[:MAX_ROWS]:
        page.spread([f"  {clean(name, 60)}"], _numbers(sums.count, sums.cost_ms, sums.avoidable_ms))
    _more(page, len(rows), "cause")


def _rows(page: Page, noun: str, rows: list[tuple[str, Traffic]]) -> None:
    if not rows:
        return
    page.spread([(noun, STRONG)], [("connections        cost   avoidable", FAINT)])
    for name, told in rows[:MAX_ROWS]:
        page.spread(
            [f"  {clean(name, 120)}"], _numbers(told.setups.count, told.cost_ms, told.avoidable_ms)
        )
    _more(page, len(rows), noun.rpartition(" ")[2])


def _idle(page: Page, tally: Tally) -> None:
    """When servers closed idle connections: where the counts stand close, there is the limit."""
    rows = [(key, each.idle) for key, each in tally.worst().items() if each.idle.count]
    if not rows:
        return
    page.spread([("idle when the server closed", STRONG)], [("min   median      max", FAINT)])
    for key, spread in rows[:MAX_ROWS]:
        numbers = "".join(
            f"{seconds(value):>9}" for value in (spread.low, spread.quantile(0.5), spread.high)
        )
        page.spread([f"  {clean(str(key), 120)} ({spread.count:,})"], [f"{_bars(spread)}{numbers}"])
    _more(page, len(rows), "destination")


def _bars(spread: Spread) -> str:
    """A small histogram, one bar for each doubling."""
    values = [number for _, number in spread.doublings()][-12:]
    highest = max(values)
    steps = len(_BARS) - 1
    return "".join(_BARS[-(-value * steps // highest)] for value in values)


def _numbers(number: int, cost_ms: float, avoidable_ms: float) -> list[Part]:
    avoidable = ms(avoidable_ms) + " ms" if avoidable_ms < 9_999.5 else duration(avoidable_ms)
    shown = avoidable if avoidable_ms > 0 else ""
    return [f"{number:>9,} {duration(cost_ms):>11}", (f"{shown:>12}", AVOIDABLE)]


def _more(page: Page, total: int, noun: str) -> None:
    if total > MAX_ROWS:
        page.add((f"  {page.glyphs.more} {count(total - MAX_ROWS, f'more {noun}')}", FAINT))
    page.blank()
