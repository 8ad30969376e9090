"""Lookups and connects without a set-up: raw sockets, and lookups for their own sake.

What a lookup was for shows only afterwards, so it waits for its thread's next event, a second, or
the end. An executor thread of asyncio looks up and another thread connects: a connect anywhere to
one of the answers counts too, but only as likely.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from conntrace import semantic_names as names
from conntrace.analyzer.causes import Cause, lookups
from conntrace.analyzer.ledger_bounded import BoundedTable
from conntrace.analyzer.spans_open import OpenSpan, SpanMaker
from conntrace.analyzer.spans_setups import ConnectAttempt, end_unseen, release_connects
from conntrace.analyzer.spans_verdict import call_site, cause_attributes
from conntrace.events import ConnectStart, LookupStart

WINDOW_NS = 1_000_000_000
TICK_NS = 20_000_000
UNASKED_NS = 150_000_000_000
"""Kernels give a connect up before: from then on nobody will ask how it ended."""
MAX_DIALS = 1024


@dataclass(slots=True, eq=False)
class Dial:
    """A lookup and the connects that follow it; either may be missing."""

    thread: int
    lookup: OpenSpan | None = None
    lookup_start: LookupStart | None = None
    answers: tuple[str, ...] = ()
    error: str = ""
    connects: list[ConnectAttempt] = field(default_factory=list)
    going_on: int = 0
    latest_ns: int = 0
    threads: set[int] = field(default_factory=set)
    guessed: bool = False
    """Its thread looked other names up since: only the addresses say that a connect is its own."""

    def asked_port(self) -> int:
        """The port that the lookup named, 0 for none."""
        return self.lookup_start.port if self.lookup_start is not None else 0

    def is_unasked(self) -> bool:
        """Whether all that goes on are connects whose call returned without waiting."""
        open_ones = [attempt for attempt in self.connects if not attempt.open.ended]
        return bool(open_ones) and all(attempt.returned_ns for attempt in open_ones)

    def leads_to(self, event: ConnectStart) -> bool:
        """Whether the connect goes to what this dial looked up, or tries its next address."""
        asked = self.lookup_start
        if asked is None or event.time_ns - self.latest_ns > WINDOW_NS:
            return False
        if asked.port and event.port != asked.port:
            return False
        # A lookup tries each address once: else it is a retry, another service or someone else.
        for tried in self.connects:
            if tried.start.address == event.address or tried.start.port != event.port:
                return False
        return event.address in self.answers or event.address == asked.host


class RawDials:
    """The raw lookups and connects of one process that are not settled yet."""

    def __init__(self, maker: SpanMaker) -> None:
        self._maker = maker
        self._latest: dict[int, Dial] = {}
        self._ticked_ns = 0
        self._dials: BoundedTable[Dial] = BoundedTable(MAX_DIALS, self._crowded_out)

    def __len__(self) -> int:
        return len(self._dials)

    def lookup_started(self, event: LookupStart, open_span: OpenSpan) -> Dial:
        """A lookup begins. One that only an audit event showed is over at once."""
        # The thread's lookup before it waits on: asyncio's threads look up one after the other.
        before = self._latest.get(event.thread)
        if before is not None and before.connects and not before.going_on:
            self._settle(before, sure=True)
        dial = Dial(event.thread, open_span, event, latest_ns=event.time_ns)
        if event.audit:
            self._maker.end(open_span, event.time_ns, hold=True)
        else:
            dial.going_on = 1
        self._latest[event.thread] = dial
        self._dials.put(id(dial), dial)
        if lookups.by_audit_function(event) is not None:
            self._settle(dial, sure=True)
        return dial

    def lookup_ended(self, dial: Dial, time_ns: int, answers: tuple[str, ...], error: str) -> None:
        """The answers are there."""
        dial.answers, dial.error = answers, error
        dial.going_on = 0
        dial.latest_ns = time_ns
        if error or (dial.lookup_start is not None and dial.lookup_start.reverse):
            self._settle(dial, sure=True)

    def connect_started(self, event: ConnectStart, attempt: ConnectAttempt) -> Dial:
        """A connect begins: it belongs to the lookup whose answer it uses, if there is one."""
        dial = self._dial_for(event)
        if dial is None:
            dial = Dial(event.thread)
            self._dials.put(id(dial), dial)
        dial.connects.append(attempt)
        dial.threads.add(event.thread)
        dial.latest_ns = event.time_ns
        self._latest[event.thread] = dial
        if event.audit:
            self._maker.end(attempt.open, event.time_ns, hold=True)
        else:
            dial.going_on += 1
        return dial

    def _dial_for(self, event: ConnectStart) -> Dial | None:
        own = self._latest.get(event.thread)
        if own is not None and id(own) in self._dials:
            if own.leads_to(event):
                return own
            if not own.going_on:
                self._settle(own, sure=True)
        found = [dial for dial in self._dials.values() if dial.leads_to(event)]
        # A lookup that named no port may have been for anything.
        dial = next((dial for dial in found if dial.asked_port()), next(iter(found), None))
        if dial is not None:
            dial.guessed = True
        return dial

    def connect_ended(self, dial: Dial, time_ns: int, error: str) -> None:
        """A connect that failed may be followed by the next address; one that stands is the end."""
        dial.going_on = max(0, dial.going_on - 1)
        dial.latest_ns = time_ns
        if not error and not dial.going_on:
            self._settle(dial, sure=True)

    def thread_went_on(self, thread: int) -> None:
        """The thread did something else: no connect follows any more."""
        dial = self._latest.pop(thread, None)
        if dial is not None and not dial.going_on:
            self._settle(dial, sure=True)

    def tick(self, now_ns: int) -> None:
        """Settle what has waited for the whole window. Asked at each event, so not always done."""
        if 0 <= now_ns - self._ticked_ns < TICK_NS:
            return
        self._ticked_ns = now_ns
        for dial in self._dials.values():
            waited_ns = now_ns - dial.latest_ns
            if dial.going_on:
                if waited_ns >= UNASKED_NS and dial.is_unasked():
                    self._settle(dial, sure=True)
            elif waited_ns >= WINDOW_NS:
                self._settle(dial, sure=True)

    def break_off(self, end_ns: int, error: str) -> None:
        """Settle everything; what goes on is ended as an error."""
        for dial in self._dials.values():
            if dial.lookup is not None:
                self._maker.break_off(dial.lookup, end_ns, error, "dns", hold=True)
            for attempt in dial.connects:
                end_unseen(self._maker, attempt)
                self._maker.break_off(attempt.open, end_ns, error, "connect", hold=True)
            self._settle(dial, sure=False)

    def forget(self) -> None:
        """Drop everything unsaid: it belongs to another process."""
        self._dials.clear()
        self._latest.clear()

    def _crowded_out(self, _key: int, dial: Dial) -> None:
        self._hand_out(dial, sure=False)

    def _settle(self, dial: Dial, sure: bool) -> None:
        if self._dials.pop(id(dial)) is None:
            return
        self._hand_out(dial, sure)

    def _hand_out(self, dial: Dial, sure: bool) -> None:
        for thread in (dial.thread, *dial.threads):
            if self._latest.get(thread) is dial:
                del self._latest[thread]
        if dial.lookup is not None and dial.lookup_start is not None:
            self._maker.end(dial.lookup, dial.latest_ns, hold=True)
            self._explain(dial.lookup, _cause_of_lookup(dial, dial.lookup_start, sure))
            self._maker.release(dial.lookup)
        for attempt in dial.connects:
            end_unseen(self._maker, attempt)
            self._maker.end(attempt.open, dial.latest_ns, hold=True)
            self._explain(attempt.open, lookups.raw_connect(attempt.start, attempt.unseen))
            if dial.lookup_start is not None and not attempt.start.site_file:
                # A task of the event loop connects; who began it asked for the name.
                call_site(attempt.open.span, dial.lookup_start)
        release_connects(self._maker, dial.connects)

    @staticmethod
    def _explain(open_span: OpenSpan, cause: Cause) -> None:
        open_span.span.attributes.update(cause_attributes(cause))
        open_span.span.attributes[names.PURPOSE] = "app"


def _cause_of_lookup(dial: Dial, start: LookupStart, sure: bool) -> Cause:
    by_function = lookups.by_audit_function(start)
    if by_function is not None:
        return by_function
    if dial.connects:
        sure = dial.threads == {dial.thread} and not dial.guessed
        return lookups.followed_by_connect(start, sure)
    return lookups.without_connect(start, sure, dial.error)
