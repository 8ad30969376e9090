"""The JSON documents in a file's lines: one a line, or one over several lines, as jq prints it.

What does not parse is a problem of its line and never hides the rest.
"""

from __future__ import annotations

import gzip
import json
import zlib
from collections.abc import Iterable, Iterator
from typing import BinaryIO, NamedTuple

from conntrace.report import cloudwatch, jaeger_document

MAX_LINE_BYTES = 64 * 1024 * 1024
"""Longer lines, and documents over several lines, are skipped; the Collector's and our own lines
stay far below."""

_CHUNK = 1024 * 1024
_BYTE_ORDER_MARK = b"\xef\xbb\xbf"
_OPENING = (b"{", b"[")
_CLOSING = (b"}", b"]")
_NOT_JSON = "not JSON"
_CUT_OFF = "cut off"


class Piece(NamedTuple):
    """One line, or the lines of one document, with what is in it."""

    number: int
    """Of its first line, from 1."""
    lines: int
    text: bytes
    documents: list[object]
    problems: list[str]


def pieces(handle: BinaryIO, end: int | None = None) -> Iterator[Piece]:
    """Take all lines apart, or those that begin before the byte `end`."""
    number = 1
    for group in _groups(_lines(handle, end)):
        if len(group) > 1:
            yield from _of_group(number, group)
        else:
            yield _of_line(number, group[0])
        number += len(group)


def is_foreign(reason: str) -> bool:
    """Whether a line has that problem just because it is no JSON document."""
    return reason.startswith((_NOT_JSON, _CUT_OFF))


def opens(line: bytes) -> bool:
    """Whether a JSON document begins in this line and goes on in the next."""
    return line.removeprefix(_BYTE_ORDER_MARK).rstrip() in _OPENING


def _lines(handle: BinaryIO, end: int | None) -> Iterator[bytes | str]:
    """Yield lines with their newline; a text is the reason why one cannot be had."""
    try:
        while end is None or handle.tell() < end:
            line = handle.readline(MAX_LINE_BYTES + 1)
            if not line:
                return
            if len(line) <= MAX_LINE_BYTES:
                yield line
                continue
            while line and not line.endswith(b"\n"):
                line = handle.readline(_CHUNK)
            yield f"longer than {MAX_LINE_BYTES // 1024 // 1024} MiB"
    except (EOFError, gzip.BadGzipFile, zlib.error):
        yield "damaged: the packed file cannot be read from here on"


def _groups(lines: Iterable[bytes | str]) -> Iterator[list[bytes | str]]:
    """Lines one by one, but those from one that only opens a document to its closing one together.

    A document that is never closed, or too long, is given back as the lines that were gathered.
    """
    group: list[bytes | str] = []
    size = 0
    for line in lines:
        if not group and not (isinstance(line, bytes) and opens(line)):
            yield [line]
            continue
        group.append(line)
        size += len(line)
        closed = isinstance(line, bytes) and len(group) > 1 and line.rstrip() in _CLOSING
        if closed or isinstance(line, str) or size > MAX_LINE_BYTES:
            yield group
            group, size = [], 0
    if group:
        yield group


def _of_group(number: int, group: list[bytes | str]) -> Iterator[Piece]:
    text = b"".join(line for line in group if isinstance(line, bytes))
    if cloudwatch.MARK not in text:
        documents, problem = _parsed(text)
        if not problem:
            yield Piece(number, len(group), text, documents, [])
            return
    found = [_of_line(at, line) for at, line in enumerate(group, start=number)]
    if cloudwatch.MARK in text or any(piece.documents for piece in found):
        yield from found
    else:
        yield Piece(number, len(group), text, [], [problem])


def _of_line(number: int, line: bytes | str) -> Piece:
    if isinstance(line, str):
        return Piece(number, 1, b"", [], [line])
    if cloudwatch.MARK in line:
        return Piece(number, 1, line, *_findings(line))
    documents, problem = _parsed(line)
    return Piece(number, 1, line, documents, [problem] if problem else [])


def _findings(line: bytes) -> tuple[list[object], list[str]]:
    documents: list[object] = []
    problems = []
    for document in cloudwatch.findings_in(line.decode("utf-8", errors="replace")):
        if document is None:
            problems.append("findings that are cut off")
            continue
        if left_out := cloudwatch.left_out(document):
            problems.append(f"{left_out} spans were left out when it was written: they had no room")
        documents.append(document)
    return documents, problems


def _parsed(text: bytes) -> tuple[list[object], str]:
    """The requests in a JSON text, none in a blank one; or why there are none."""
    decoded = text.decode("utf-8-sig", errors="replace").strip()
    if not decoded:
        return [], ""
    try:
        document = json.loads(decoded)
    except (ValueError, RecursionError) as error:
        return [], _why_not_json(error, text)
    return list(_requests(document)), ""


def _requests(document: object) -> Iterator[object]:
    """The OTLP requests that a document holds: itself, or what is packed in it."""
    if isinstance(document, list):
        for each in document:
            yield from _requests(each) if isinstance(each, dict) else [each]
    elif jaeger_document.is_one(document):
        yield from jaeger_document.requests_of(document)
    elif isinstance(document, dict) and isinstance(document.get("result"), dict):
        yield document["result"]  # an answer of Jaeger's query API
    else:
        yield document


def _why_not_json(error: Exception, text: bytes) -> str:
    if not isinstance(error, json.JSONDecodeError):
        deep = isinstance(error, RecursionError)
        return f"{_NOT_JSON} (nested too deeply)" if deep else _NOT_JSON
    if not text.endswith(b"\n") and not error.msg.startswith("Extra data"):
        return f"{_CUT_OFF}: the file ends in the middle of it"
    where = f"line {error.lineno}, character {error.colno}" if error.lineno > 1 else ""
    return f"{_NOT_JSON} ({error.msg} at {where or f'character {error.pos + 1}'})"
