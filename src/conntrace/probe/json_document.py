"""The probe's result for programs."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any, TextIO

import conntrace
from conntrace.probe.samples import Measured, rows, verdict

VERSION = 1
"""Grows when a field changes its meaning or goes. New fields may come without it."""


def write_json(measured: Measured, gaps: Sequence[float], stream: TextIO) -> None:
    """Write the document, indented, with a newline at its end."""
    json.dump(document(measured, gaps), stream, indent=1, ensure_ascii=True, allow_nan=False)
    stream.write("\n")


def document(measured: Measured, gaps: Sequence[float]) -> dict[str, Any]:
    """The result as plain data. Times in milliseconds (`_ms`) or seconds (`_s`), shares 0 to 1."""
    limit = measured.limit
    return {
        "format": "conntrace-probe",
        "version": VERSION,
        "conntrace_version": conntrace.__version__,
        "url": measured.url,
        "status": measured.status or None,
        "complete": not measured.interrupted,
        "requests": measured.requests,
        "verdict": verdict(measured, gaps),
        "idle_limit": None
        if limit is None
        else {
            "reused_s": limit.reused_s,
            "lost_s": limit.lost_s,
            "seen_s": [round(each, 3) for each in measured.seen_limits],
        },
        "gaps": [
            {**row._asdict(), "causes": dict(row.causes), "errors": dict(row.errors)}
            for row in rows(measured.samples, gaps)
        ],
        "samples": [
            {
                "gap_s": each.gap_s,
                "duration_ms": round(each.duration_s * 1000, 3),
                "reused": each.reused,
                "causes": list(each.causes),
                "error": each.error or None,
                "idle_limit_s": each.idle_limit_s,
            }
            for each in measured.samples
        ],
    }
