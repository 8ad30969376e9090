"""Reads a service's spans back from Jaeger's query API (version 3: OTLP as JSON)."""

from __future__ import annotations

import json
import time
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Iterator
from http.client import HTTPException
from typing import Any

from conntrace.errors import ConntraceError
from conntrace.report import otlp
from conntrace.report.progress import Advance
from conntrace.report.read import ReadNotes
from conntrace.report.record import SpanRecord
from conntrace.urls import credentials_of, without_user

MAX_TRACES = 500
"""Asked for at once; a time window that holds more is halved."""

_TIMEOUT_S = 60.0
_SMALLEST_WINDOW_S = 1.0
_LOOPBACK = ("localhost", "127.0.0.1", "::1")


def read_jaeger(
    url: str, service: str, since_s: float, notes: ReadNotes, advance: Advance = lambda _: None
) -> Iterator[SpanRecord]:
    """Yield the spans of all traces of the last `since_s` seconds; one answer at a time is held.

    `advance` is told the milliseconds of that time which have been read.
    Raises ConntraceError when Jaeger cannot be reached or does not answer as it should.
    """
    until = time.time() + 1.0
    notes.files += 1
    seen: set[str] = set()
    shown = _shown(url)
    windows = [(until - since_s - 1.0, until)]
    while windows:
        begin, end = windows.pop()
        documents = _ask(url, service, begin, end)
        spans = [s for each in documents for s in otlp.spans_of(each, _complain(shown, notes))]
        traces = {span.trace_id for span in spans}
        if len(traces) >= MAX_TRACES and end - begin > _SMALLEST_WINDOW_S:
            middle = (begin + end) / 2
            windows += [(begin, middle), (middle, end)]
            continue
        if len(traces) >= MAX_TRACES:
            notes.add(
                shown, 0, f"more than {MAX_TRACES} traces within a second; the rest is missing"
            )
        fresh = [span for span in spans if span.trace_id not in seen]
        seen |= traces
        notes.spans += len(fresh)
        yield from fresh
        advance(round((end - begin) * 1000))


def _shown(url: str) -> str:
    """Without user, password and query, which are nobody's business."""
    return without_user(url).partition("?")[0]


def _request(url: str, words: dict[str, str]) -> urllib.request.Request:
    """The query. urllib itself takes a user in a URL for a part of the host."""
    target = f"{without_user(url).rstrip('/')}/api/v3/traces?{urllib.parse.urlencode(words)}"
    request = urllib.request.Request(target)
    for name, value in credentials_of("Authorization", urllib.parse.urlsplit(url)).items():
        request.add_unredirected_header(name, value)
    return request


def _complain(url: str, notes: ReadNotes) -> otlp.Complain:
    return lambda reason: notes.add(url, 0, reason)


def _ask(url: str, service: str, begin: float, end: float) -> list[Any]:
    words = {
        "query.service_name": service,
        "query.start_time_min": _rfc3339(begin),
        "query.start_time_max": _rfc3339(end),
        "query.num_traces": str(MAX_TRACES),
    }
    try:
        with _opener(url).open(_request(url, words), timeout=_TIMEOUT_S) as answer:
            return _documents(answer.read())
    except urllib.error.HTTPError as error:
        with error:
            # Jaeger's word for: no such trace, or no such service (yet).
            if error.code == 404 and b"No traces" in error.read(4096):
                return []
        reason = f"HTTP status {error.code}"
    except (OSError, HTTPException, ValueError, RecursionError) as error:
        reason = str(getattr(error, "reason", error))
    raise ConntraceError(
        "jaeger-unreadable", f"cannot read traces from Jaeger at {_shown(url)}: {reason}"
    )


def _documents(body: bytes) -> list[Any]:
    """The OTLP requests in an answer, which may be several JSON documents, one a line."""
    text = body.decode("utf-8").strip()
    try:
        parsed = [json.loads(text)] if text else []
    except ValueError:
        parsed = [json.loads(line) for line in text.splitlines() if line.strip()]
    if not all(isinstance(each, dict) and "result" in each for each in parsed):
        raise ValueError("the answer is none of Jaeger's query API")
    return [each["result"] or {} for each in parsed]


def _opener(url: str) -> urllib.request.OpenerDirector:
    """A proxy that the environment names is no way to this machine itself."""
    if urllib.parse.urlsplit(url).hostname in _LOOPBACK:
        return urllib.request.build_opener(urllib.request.ProxyHandler({}))
    return urllib.request.build_opener()


def _rfc3339(moment: float) -> str:
    whole, part = divmod(moment, 1)
    return time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(whole)) + f".{int(part * 1000):03d}Z"
