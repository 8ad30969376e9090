"""Connections and lookups as the page's script reads them. Keys are short: there may be many."""

from __future__ import annotations

from typing import Any

from conntrace import semantic_names as names
from conntrace.report.clean import clean
from conntrace.report.findings import call_site_of
from conntrace.report.load import Loaded
from conntrace.report.model import (
    Connection,
    Destination,
    cause_of,
    destination_of,
    phase_of,
)
from conntrace.report.record import SpanRecord
from conntrace.report.relations import is_leaked
from conntrace.report.text_verdicts import place_words
from conntrace.report.timeline import closed_ns, end_words, is_evicted

_LONG = 2000
_ALWAYS = ("b", "l")
"""A begin or a length of 0 is one too."""
_STRAYS = "lookups and sockets without an HTTP connection"


class Texts:
    """A table of texts, each once, made safe to show."""

    def __init__(self) -> None:
        self.texts: list[str] = [""]
        self._index: dict[str, int] = {"": 0}

    def add(self, text: str) -> int:
        """The text's place in the table."""
        known = self._index.get(text)
        if known is None:
            known = self._index[text] = len(self.texts)
            self.texts.append(clean(text, _LONG))
        return known


class Items:
    """Makes the items of one report."""

    def __init__(self, told: Loaded, texts: Texts) -> None:
        self.told = told
        self.texts = texts
        self.begin = told.model.start_ns
        self.processes = {each: n for n, each in enumerate(told.model.processes)}
        self.limits = {key: each.limit.low for key, each in told.tally.destinations.items()}
        self.phases = self._phases()

    def all(self) -> list[dict[str, Any]]:
        """Connections, then lookups and connects alone."""
        connections = self.told.model.connections
        return [*map(self._connection, connections), *map(self._stray, self._strays())]

    def places_of_strays(self) -> dict[int, int]:
        """Where each lookup or connect alone stands in the list, by the record's identity."""
        first = len(self.told.model.connections)
        return {id(span): place for place, span in enumerate(self._strays(), start=first)}

    def _strays(self) -> list[SpanRecord]:
        return [*self.told.model.lookups, *self.told.model.raw_connects]

    def _phases(self) -> dict[tuple[str, str], list[SpanRecord]]:
        found: dict[tuple[str, str], list[SpanRecord]] = {}
        for trace in self.told.model.traces.values():
            for span in trace:
                if span.parent_id and phase_of(span):
                    found.setdefault((span.trace_id, span.parent_id), []).append(span)
        return found

    def _at(self, time_ns: int) -> float:
        return round((time_ns - self.begin) / 1e6, 3)

    def _connection(self, each: Connection) -> dict[str, Any]:
        item: dict[str, Any] = {
            "n": each.number,
            "d": self.texts.add(str(each.destination)),
            "p": self.processes.get(each.process, 0),
            "b": self._at(each.start_ns),
            "e": self._at(max(each.start_ns, closed_ns(each))),
            "q": each.request_count,
            "x": _end(each),
            "w": self.texts.add(end_words(each)),
            "r": [value for request in each.requests for value in self._request(request)],
            "i": [request.span_id for request in each.requests],
        }
        if each.setup:
            item["o"] = self.texts.add(each.setup.text(names.POOL_OWNER))
            item["s"] = self._cause(each.setup)
            steps = self.phases.get((each.setup.trace_id, each.setup.span_id), ())
            item["h"] = [self._step(step) for step in steps]
        if each.forked_from or (each.setup and cause_of(each.setup) == "forked_process"):
            item["y"] = 1
        if each.frozen:
            item["z"] = [[self._at(begin), self._at(end)] for begin, end in each.frozen]
        if each.close:
            item["c"] = each.close.span_id
        if pool := (each.setup or each.close or each.requests[0]).text(names.POOL_ID):
            item["l"] = self.texts.add(pool)
        limit = self.limits.get(each.destination, float("inf"))
        if each.requests and 0 < limit < 1e9:
            item["g"] = round(self._at(max(r.end_ns for r in each.requests)) + limit * 1000, 3)
        return item

    def _request(self, span: SpanRecord) -> list[Any]:
        idle = span.number(names.CONNECTION_IDLE_S) or 0.0
        frozen = span.number(names.CONNECTION_FROZEN_S) or 0.0
        begin = self._at(span.start_ns)
        return [begin, round(span.duration_ms, 3), round(idle, 3), round(frozen, 3)]

    def _step(self, span: SpanRecord) -> list[Any]:
        name = self.texts.add(span.name)
        timing = [self._at(span.start_ns), round(span.duration_ms, 3)]
        return [phase_of(span), *timing, name, span.span_id, int(span.error)]

    def _cause(self, span: SpanRecord) -> dict[str, Any]:
        add = self.texts.add
        place = call_site_of(span)
        told = {
            "i": span.span_id,
            "t": add(span.trace_id),
            "b": self._at(span.start_ns),
            "l": round(span.duration_ms, 3),
            "a": int(span.flag(names.CAUSE_AVOIDABLE)),
            "v": self.told.judgement.number_of(span),
            "c": add(cause_of(span)),
            "f": add(span.text(names.CAUSE_CONFIDENCE)),
            "x": add(span.text(names.CAUSE_DETAIL)),
            "e": [add(text) for text in span.texts(names.CAUSE_EVIDENCE)],
            "k": [add(text) for text in span.texts(names.CAUSE_CONTRIBUTING)],
            "d": add(span.text(names.CAUSE_ADVICE)),
            "w": add(place_words(place)) if place.path else 0,
            "m": add(span.text(names.POOL_CREATED_AT)),
            "r": add((span.text(names.ERROR_TYPE) or "error") if span.error else ""),
        }
        return {key: value for key, value in told.items() if value or key in _ALWAYS}

    def _stray(self, span: SpanRecord) -> dict[str, Any]:
        where = destination_of(span)
        return {
            "n": 0,
            "d": self.texts.add(span.text(names.DNS_QUESTION_NAME) or str(Destination(where.host))),
            "p": self.processes.get(span.process, 0),
            "b": self._at(span.start_ns),
            "e": self._at(span.end_ns),
            "q": 0,
            "x": "failed" if span.error else "done",
            "w": self.texts.add(span.name),
            "r": [],
            "i": [],
            "o": self.texts.add(_STRAYS),
            "s": self._cause(span),
            "h": [],
        }


def _end(each: Connection) -> str:
    """How it ended: the name of the mark."""
    if each.setup is not None and each.setup.error:
        return "failed"
    if is_evicted(each):
        return "evicted"
    if each.close is None:
        return "open"
    if is_leaked(each):
        return "leaked"
    return "client" if each.close.text(names.CLOSE_INITIATOR) == "local" else "server"
