"""Findings in exports of a function's log: where their lines stand among others, in what wrapping.

The extension prints one JSON object a line. CloudWatch gives it back as it is, after a time stamp
or between columns (console, `aws logs tail`, exports to S3), as a string within JSON (`aws logs
filter-log-events`, `get-log-events`) or within CSV, where every quote is doubled.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator

MARK = b"conntrace.findings"

_BEGIN = re.compile(r'\{\s*(\\?"|"")type\1\s*:\s*\1conntrace\.findings\1')
_LOG_WORDS = (
    b"START RequestId:",
    b"END RequestId:",
    b"REPORT RequestId:",
    b"INIT_START Runtime Version",
    b'"type":"platform.',
)
"""What Lambda itself writes into every function's log."""

_decode = json.JSONDecoder().raw_decode


def is_of_log(line: bytes) -> bool:
    """Whether such a line stands only in the log of a Lambda function."""
    return MARK in line or any(word in line for word in _LOG_WORDS)


def findings_in(line: str) -> Iterator[object | None]:
    """The objects of findings in a line; None for one that is cut off."""
    position = 0
    while (begin := _BEGIN.search(line, position)) is not None:
        try:
            document, position = _UNWRAP[begin[1]](line, begin.start())
        except (ValueError, RecursionError):
            document, position = None, begin.end()
        yield document


def left_out(document: object) -> int:
    """How many spans the extension left out of a line for want of room."""
    count = document.get("spansLeftOut") if isinstance(document, dict) else None
    return count if isinstance(count, int) and count > 0 else 0


def _plain(line: str, begin: int) -> tuple[object, int]:
    return _decode(line, begin)


def _in_json(line: str, begin: int) -> tuple[object, int]:
    """The string around it begins at the last quote before it that is not escaped itself."""
    opening = line.rfind('"', 0, begin)
    while opening > 0 and line[opening - 1] == "\\":
        opening = line.rfind('"', 0, opening)
    message, end = _decode(line, max(opening, 0))
    found = _BEGIN.search(message) if isinstance(message, str) else None
    if found is None:
        raise ValueError("not within a string")
    return _decode(message, found.start())[0], end


def _in_csv(line: str, begin: int) -> tuple[object, int]:
    """Nothing else of the line is read: one row holds one message."""
    document, _ = _decode(line[begin:].replace('""', '"'))
    return document, len(line)


_UNWRAP = {'"': _plain, '\\"': _in_json, '""': _in_csv}
