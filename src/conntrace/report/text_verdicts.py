"""The first thing read: the headline and the verdicts."""

from __future__ import annotations

from conntrace.report.clean import clean, shorten_path
from conntrace.report.findings import Finding, Place
from conntrace.report.layout import ADVICE, AVOIDABLE, FAILED, FAINT, STRONG, Glyphs, Page, Part
from conntrace.report.model import Connection, Model
from conntrace.report.tally import Tally
from conntrace.report.text_counts import ledger, wait_words
from conntrace.report.units import count, duration, part_of
from conntrace.report.verdicts import Judgement, Verdict
from conntrace.semantic_names import ERROR_TYPE, POOL_OWNER

MAX_VERDICTS = 6
UNPOOLED = "unpooled_socket"
_MAX_USUAL = 4
_SPANLESS = ("http.client", "urllib.request")
"""Owners of connections whose requests have no span of their own."""


def headline(page: Page, model: Model, judgement: Judgement, tally: Tally, agent_s: float) -> None:
    """Requests, connections, hosts, and how much of the set-up time was avoidable."""
    page.add(("conntrace", STRONG), "  ", page.glyphs.separator.join(headline_words(model)))
    style = AVOIDABLE if judgement.avoidable_ms > 0 else STRONG
    page.add((cost_words(judgement), style))
    if tally.total.waits:
        page.add((wait_words(tally.total), STRONG))
    ledger(page, tally.total, agent_s)
    if uncounted := uncounted_words(model):
        page.paragraph(["note: "], uncounted)
    page.blank()


def headline_words(model: Model) -> list[str]:
    """How much there was of what."""
    hosts = len({each.destination.host for each in model.connections})
    connections = sum(not each.is_parents for each in model.connections)
    plain = len(model.raw_connects)
    parts = []
    if connections or model.request_count or not plain:
        parts.append(count(model.request_count, "request"))
        parts.append(f"{count(connections, 'connection')} to {count(hosts, 'host')}")
    if plain:
        parts.append(count(plain, "plain socket"))
    if len(model.processes) > 1:
        parts.append(count(len(model.processes), "process"))
    return parts


def uncounted_words(model: Model) -> str:
    """Which requests the count leaves out: those of clients that get no span for a request."""
    found = {
        owner
        for each in model.connections
        if each.setup
        and not (each.requests or each.setup.error)
        and (owner := each.setup.text(POOL_OWNER)) in _SPANLESS
    }
    return f"requests of {' and '.join(sorted(found))} are not counted" if found else ""


def cost_words(judgement: Judgement) -> str:
    """What connection set-up took, and how much of it a change would save."""
    if not (judgement.verdicts or judgement.usual or judgement.cost_ms):
        return "the spans tell of no connection and no lookup that was made"
    total = f"{duration(judgement.cost_ms)} of connection set-up"
    if judgement.avoidable_ms > 0:
        return f"avoidable: {part_of(judgement.avoidable_ms, judgement.cost_ms)} of {total}"
    if judgement.failed:
        return f"{count(judgement.failed, 'connection')} failed: {total}"
    if judgement.verdicts:
        return f"nothing proved avoidable of {total}"
    if judgement.usual and all(finding.cause == UNPOOLED for finding in judgement.usual):
        cost = duration(judgement.cost_ms)
        return f"not judged: plain sockets only, of clients unknown to conntrace ({cost})"
    unjudged = sum(each.cost_ms for each in judgement.usual if each.cause == UNPOOLED)
    rest = f", {part_of(unjudged, judgement.cost_ms)} of it not judged" if unjudged else ""
    return f"nothing to change: {total}{rest}"


def verdicts(page: Page, model: Model, judgement: Judgement) -> None:
    """Each verdict with its cost, place, reason, change, and what not to bother with."""
    for number, verdict in enumerate(judgement.verdicts[:MAX_VERDICTS], start=1):
        _verdict(page, number, verdict)
        page.blank()
    hidden = judgement.verdicts[MAX_VERDICTS:]
    if hidden:
        cost = duration(sum(verdict.cost_ms for verdict in hidden))
        page.add((f"{page.glyphs.more} {count(len(hidden), 'more verdict')}, {cost}", FAINT))
        page.blank()
    for hint in judgement.hints:
        page.paragraph([("don't: ", STRONG)], hint)
    _usual(page, judgement.usual)
    _failures(page, model.connections)
    page.blank()


def _verdict(page: Page, number: int, verdict: Verdict) -> None:
    cost: list[Part] = [f"{verdict.count:,} {page.glyphs.times} {verdict_cost(verdict):>8}"]
    mark = "avoidable" if verdict.avoidable_ms > 0 else ""
    page.titled(f"{number:>2}  ", verdict.heading, [*cost, (f"  {mark:9}", AVOIDABLE)], STRONG)
    page.add((f"    {page.glyphs.separator.join(where_words(verdict))}", FAINT))
    if verdict.why:
        page.paragraph(["    why:   "], verdict.why)
    if verdict.advice:
        page.paragraph([("    do:    ", ADVICE)], verdict.advice, STRONG)
    for hint in verdict.hints:
        page.paragraph([("    don't: ", STRONG)], hint)


def verdict_cost(verdict: Verdict) -> str:
    """What it cost, and the avoidable part of it where that is less."""
    saved, cost = verdict.avoidable_ms, verdict.cost_ms
    if 0 < saved < cost * 0.99:
        return f"{part_of(saved, cost)} of {duration(cost)}"
    return duration(cost)


def where_words(verdict: Verdict) -> list[str]:
    """Places, destinations and owners, the first of each by name."""
    owners = list(dict.fromkeys(t for span in verdict.spans if (t := span.text(POOL_OWNER))))
    groups = (
        [place_words(place) for place in verdict.places],
        [str(destination) for destination in verdict.destinations],
        owners,
    )
    return [_first(group) for group in groups if group]


def place_words(place: Place) -> str:
    """A place with its path cut to what finds it."""
    return str(Place(shorten_path(place.path), place.line, place.function))


def _first(values: list[str]) -> str:
    more = len(values) - 1
    return clean(values[0], 120) + (f" and {more:,} more" if more else "")


def _usual(page: Page, findings: list[Finding]) -> None:
    """What needs no change, in one line: a reader must see that it was looked at."""
    by_cause: dict[str, list[Finding]] = {}
    for finding in sorted(findings, key=lambda finding: -finding.cost_ms):
        by_cause.setdefault(finding.cause, []).append(finding)
    unknown = {UNPOOLED: by_cause.pop(UNPOOLED)} if UNPOOLED in by_cause else {}
    for title, causes in (("needed anyway: ", by_cause), ("not judged: ", unknown)):
        groups = [(clean(cause, 40), group) for cause, group in causes.items()]
        if hidden := [finding for _, group in groups[_MAX_USUAL:] for finding in group]:
            groups[_MAX_USUAL:] = [("others", hidden)]
        told = [
            f"{sum(f.count for f in group):,} {page.glyphs.times} {cause} "
            f"{duration(sum(f.cost_ms for f in group))}"
            for cause, group in groups
        ]
        if told:
            page.listed(title, told, FAINT)


def failures(connections: list[Connection]) -> list[tuple[str, str]]:
    """Set-ups that ended in an error: how many of which, and where they led."""
    failed: dict[tuple[str, str], list[float]] = {}
    for connection in connections:
        if connection.setup is not None and connection.setup.error:
            error = connection.setup.text(ERROR_TYPE) or "error"
            failed.setdefault((error, str(connection.destination)), []).append(connection.cost_ms)
    ordered = sorted(failed.items(), key=lambda item: (-len(item[1]), item[0]))
    found = [
        (
            f"{len(costs):,} {Glyphs().times} {clean(error, 40)}",
            f" to {clean(destination, 120)}, {duration(sum(costs))}",
        )
        for (error, destination), costs in ordered[:_MAX_USUAL]
    ]
    hidden = sum(len(costs) for _, costs in ordered[_MAX_USUAL:])
    return [*found, (f"{hidden:,} more", " elsewhere")] if hidden else found


def _failures(page: Page, connections: list[Connection]) -> None:
    for what, where in failures(connections):
        page.add((f"failed: {what.replace(Glyphs().times, page.glyphs.times)}", FAILED), where)
