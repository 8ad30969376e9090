"""The proof, part one: every destination with its connections on one shared time axis."""

from __future__ import annotations

from collections.abc import Sequence

from conntrace.report.clean import clean, shorten_service
from conntrace.report.invocations import Invocation
from conntrace.report.layout import AVOIDABLE, FAINT, STRONG, Page, Part, pad
from conntrace.report.model import (
    CONNECT,
    DNS,
    PROXY,
    TLS,
    TRUST_STORE,
    Connection,
    Destination,
    Model,
    Stretch,
    cause_of,
)
from conntrace.report.record import Process
from conntrace.report.timeline import Axis, busy_lane, end_mark, end_words, life
from conntrace.report.units import count, duration, ms, part_of
from conntrace.report.verdicts import Judgement

MAX_DESTINATIONS = 8
MAX_CONNECTIONS = 10
_MAX_PROCESSES = 6
_MAX_LANES = 3
_DRAWN_IN_FULL = 4
_CAUSE_CELLS = 27
_BEFORE = "open before"
_SHORT = {DNS: "dns", CONNECT: "tcp", PROXY: "proxy", TRUST_STORE: "ca", TLS: "tls"}


def connections(
    page: Page, model: Model, judgement: Judgement, invocations: Sequence[Invocation] = ()
) -> None:
    """All destinations, costliest first, each with its costliest connections in order of time."""
    by_cost = model.by_destination().items()
    groups = dict(sorted(by_cost, key=lambda item: not _is_noteworthy(item[1], judgement)))
    if not groups:
        return
    names = _process_names(page, model.processes)
    drawer = _Drawer(page, model, judgement, names)
    drawer.invocations(invocations)
    quiet: list[tuple[Destination, list[Connection]]] = []
    for destination, group in list(groups.items())[:MAX_DESTINATIONS]:
        if len(groups) > _DRAWN_IN_FULL and not _is_noteworthy(group, judgement):
            quiet.append((destination, group))
        else:
            drawer.destination(destination, group)
    _quiet(page, quiet)
    hidden = list(groups.values())[MAX_DESTINATIONS:]
    if hidden:
        lost = sum(map(len, hidden))
        page.add(
            (
                f"{page.glyphs.more} {count(len(hidden), 'more destination')} with "
                f"{count(lost, 'connection')} not shown",
                FAINT,
            )
        )
        page.blank()
    _legend(page, drawer.marks)


def _is_noteworthy(group: list[Connection], judgement: Judgement) -> bool:
    setups = [each.setup for each in group if each.setup]
    return any(setup.error or judgement.number_of(setup) for setup in setups)


def _quiet(page: Page, groups: list[tuple[Destination, list[Connection]]]) -> None:
    """Among many destinations, those with nothing to tell take one line each."""
    for destination, group in groups:
        causes = list(dict.fromkeys(cause_of(each.setup) for each in group if each.setup))
        more = f" and {len(causes) - 1} more" if len(causes) > 1 else ""
        cause = clean(causes[0], 60) + more if causes else _BEFORE
        cost = duration(sum(each.cost_ms for each in group))
        told = f"{len(group):,} {page.glyphs.times} {cause} {cost:>8}"
        page.spread([clean(str(destination))], [told])
    page.blank()


def _process_names(page: Page, processes: list[Process]) -> dict[Process, str]:
    """p1, p2 … and what they stand for, when there is more than one process."""
    if len(processes) < 2:
        return {}
    named = {process: f"p{number}" for number, process in enumerate(processes, start=1)}
    for process, name in list(named.items())[:_MAX_PROCESSES]:
        which, what = process_words(process)
        page.add((f"{name} = {clean(which, 40)}  {clean(what, 100)}", FAINT))
    if len(named) > _MAX_PROCESSES:
        more = count(len(named) - _MAX_PROCESSES, "more process")
        page.add((f"{page.glyphs.more} {more}", FAINT))
    page.blank()
    return named


def process_words(process: Process) -> tuple[str, str]:
    """Which process it is (its pid), and what runs in it: service and command."""
    which = f"pid {process.pid}" if process.pid else process.instance
    known = (shorten_service(process.program), process.command)
    return which, " ".join(dict.fromkeys(filter(None, known)))


class _Drawer:
    """Draws destinations onto one page with one axis, and remembers which marks it used."""

    def __init__(
        self, page: Page, model: Model, judgement: Judgement, names: dict[Process, str]
    ) -> None:
        self.page = page
        self.judgement = judgement
        self.names = names
        self.indent = 6 + (5 if names else 0)
        self.marks: set[str] = set()
        first = min(each.start_ns for each in model.connections)
        last = max(each.end_ns for each in model.connections)
        self.lane_at = self.indent + _CAUSE_CELLS + 9
        self.axis = Axis(first, last, page.width - self.lane_at)

    def invocations(self, invocations: Sequence[Invocation]) -> None:
        """When functions ran, on the same axis."""
        groups: dict[str, list[Stretch]] = {}
        for each in invocations:
            if each.is_init:
                continue
            groups.setdefault(each.name, []).append((each.span.start_ns, each.span.end_ns))
        busiest = sorted(groups.items(), key=lambda item: (-len(item[1]), item[0]))
        for name, stretches in busiest[:_MAX_LANES]:
            lane = busy_lane(stretches, self.axis, self.page.glyphs)
            told = f"{clean(name, 60)}, {len(stretches):,} {self.page.glyphs.times}"
            self.page.add(pad(told, self.lane_at - 1), " ", lane)
            self.marks.add(self.page.glyphs.busy)
        self.page.blank()

    def destination(self, destination: Destination, group: list[Connection]) -> None:
        """The heading with totals, the axis, and the rows."""
        self._heading(destination, group)
        for connection in _chosen(group):
            self._row(connection)
        hidden = len(group) - MAX_CONNECTIONS
        if hidden > 0:
            more = f"{count(hidden, 'more connection')} not shown (these cost most)"
            self.page.add((f"      {self.page.glyphs.more} {more}", FAINT))
        self.page.blank()

    def _heading(self, destination: Destination, group: list[Connection]) -> None:
        cost = sum(each.cost_ms for each in group)
        avoidable = sum(each.avoidable_ms for each in group)
        saved = (
            f"{part_of(avoidable, cost)} of {duration(cost)} avoidable"
            if avoidable
            else duration(cost)
        )
        self.page.spread([(clean(str(destination)), STRONG)], [saved])
        told = [
            count(sum(not each.is_parents for each in group), "connection"),
            count(sum(each.request_count for each in group), "request"),
        ]
        totals = "  " + self.page.glyphs.separator.join(told)
        self.page.add((pad(totals, self.lane_at) + self.axis.ruler(), FAINT))

    def _row(self, connection: Connection) -> None:
        glyphs = self.page.glyphs
        lane = life(connection, self.axis, glyphs)
        self.marks.update(lane)
        self.marks.add(end_mark(connection, glyphs))
        self.marks.update(connection.phases_ms)
        cause = clean(cause_of(connection.setup), 60) if connection.setup else _BEFORE
        if connection.is_parents:
            cause = f"its parent's, #{connection.forked_from}"
        avoidable = connection.avoidable_ms > 0
        head: list[Part] = [
            (f"{f'#{connection.number}':>5} ", FAINT),
            (pad(self.names.get(connection.process, ""), 5) if self.names else "", FAINT),
            (pad(cause, _CAUSE_CELLS), AVOIDABLE if avoidable else ""),
            f"{duration(connection.cost_ms) if connection.setup else '':>8} ",
        ]
        details = self._details(connection)
        self.page.add(*head, lane)
        self.page.add((" " * self.indent + details, FAINT))

    def _details(self, connection: Connection) -> str:
        parts = [
            f"{short} {ms(connection.phases_ms[phase])}"
            for phase, short in _SHORT.items()
            if phase in connection.phases_ms
        ]
        number = self.judgement.number_of(connection.setup) if connection.setup else 0
        verdict = f"{'avoidable:' if connection.avoidable_ms else 'see'} {number}" if number else ""
        told = [" ".join(parts), verdict, end_words(connection)]
        return self.page.glyphs.separator.join(clean(each, 60) for each in told if each)


def _chosen(group: list[Connection]) -> list[Connection]:
    """The costliest ones, avoidable first, put back in order of time."""
    by_cost = sorted(group, key=lambda each: (-each.avoidable_ms, -each.cost_ms, each.number))
    return sorted(by_cost[:MAX_CONNECTIONS], key=lambda each: each.number)


def _legend(page: Page, used: set[str]) -> None:
    glyphs = page.glyphs
    meanings = {
        glyphs.start: "set-up",
        glyphs.before: "open before",
        glyphs.request: "request",
        glyphs.idle: "idle",
        glyphs.frozen: "frozen",
        glyphs.lost: "lost, failed",
        glyphs.closed: "client closed",
        glyphs.evicted: "evicted",
        glyphs.leaked: "leaked",
        glyphs.busy: "invocation",
        glyphs.open: "still open",
    }
    told = [f"{mark} {words}" for mark, words in meanings.items() if mark in used]
    page.flow([*told, *(["ca = trust store load"] if TRUST_STORE in used else [])], FAINT)
    page.blank()
