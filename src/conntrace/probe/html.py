"""The probe's result as one self-contained page: no script, no request."""

from __future__ import annotations

import math
from collections.abc import Sequence
from html import escape
from importlib.resources import files
from typing import TextIO

from conntrace.probe.samples import Measured, Row, rows, verdict

_LEFT, _WIDTH, _LINE = 70, 900, 34
_INTERRUPTED = "Interrupted: this is what was measured until then."
_HEADS = ("gap", "n", "mean", "sd", "p50", "p95", "max", "< 500 ms", "< 1 s", "reused", "causes")


def write_html(measured: Measured, gaps: Sequence[float], stream: TextIO) -> None:
    """Write the page."""
    found = rows(measured.samples, gaps)
    parts = {
        "@URL@": escape(measured.url),
        "@VERDICT@": escape(verdict(measured, gaps)),
        "@NOTE@": " ".join(filter(None, (measured.refused, _INTERRUPTED * measured.interrupted))),
        "@PLOT@": _plot(measured, found) if found else "",
        "@TABLE@": _table(found),
        "@REQUESTS@": str(measured.requests),
    }
    rest = files("conntrace.probe").joinpath("page.html").read_text(encoding="utf-8")
    for mark, text in parts.items():
        before, _, rest = rest.partition(mark)
        stream.write(before + text)
    stream.write(rest)


def _table(found: Sequence[Row]) -> str:
    heads = "".join(f'<th scope="col">{escape(name)}</th>' for name in _HEADS)
    body = "".join(
        f"<tr>{''.join(f'<td>{cell}</td>' for cell in _cells(row))}</tr>" for row in found
    )
    return f"<table><thead><tr>{heads}</tr></thead><tbody>{body}</tbody></table>"


def _cells(row: Row) -> list[str]:
    times = (row.mean_ms, row.sd_ms, row.p50_ms, row.p95_ms, row.maximum_ms)
    shares = (row.under_500_ms, row.under_1000_ms, row.reused)
    told = [f"{count} {cause}" for cause, count in (*row.causes, *row.errors)]
    return [
        f"{row.gap_s:g} s",
        str(row.requests),
        *(f"{time:.1f}" for time in times),
        *(f"{share:.0%}" for share in shares),
        escape(", ".join(told)),
    ]


class _Axis:
    """Milliseconds to pixels, logarithmic."""

    def __init__(self, low: float, high: float) -> None:
        self.low = math.floor(math.log10(max(low, 0.01)))
        self.high = max(self.low + 1, math.ceil(math.log10(max(high, 0.01))))

    def x(self, value_ms: float) -> float:
        share = (math.log10(max(value_ms, 0.01)) - self.low) / (self.high - self.low)
        return round(_LEFT + share * (_WIDTH - _LEFT - 30), 1)

    @property
    def marks(self) -> list[float]:
        return [10.0**power for power in range(self.low, self.high + 1)]


def _plot(measured: Measured, found: Sequence[Row]) -> str:
    axis = _Axis(min(row.minimum_ms for row in found), max(row.maximum_ms for row in found))
    height = len(found) * _LINE + 30
    parts = []
    for mark in axis.marks:
        x = axis.x(mark)
        parts.append(f'<line class="grid" x1="{x}" x2="{x}" y1="0" y2="{height - 24}"/>')
        parts.append(
            f'<text class="axis" x="{x}" y="{height - 8}" text-anchor="middle">{mark:g}</text>'
        )
    for index, row in enumerate(found):
        parts.append(_box(measured, row, axis, index * _LINE + _LINE / 2))
    label = escape(verdict(measured, [row.gap_s for row in found]), quote=True)
    opening = f'<svg viewBox="0 0 {_WIDTH} {height}" role="img" aria-label="{label}">'
    return f"{opening}{''.join(parts)}</svg>"


def _box(measured: Measured, row: Row, axis: _Axis, y: float) -> str:
    low, high = axis.x(row.minimum_ms), axis.x(row.maximum_ms)
    first, middle, third = axis.x(row.p25_ms), axis.x(row.p50_ms), axis.x(row.p75_ms)
    dots = "".join(
        f'<circle cx="{axis.x(each.duration_s * 1000)}" cy="{y}" r="3"/>'
        for each in measured.samples
        if each.gap_s == row.gap_s
    )
    return (
        f'<text x="{_LEFT - 12}" y="{y + 4}" text-anchor="end">{row.gap_s:g} s</text>'
        f'<line x1="{low}" x2="{high}" y1="{y}" y2="{y}"/>'
        f'<rect x="{first}" y="{y - 9}" width="{max(1, round(third - first, 1))}" height="18"/>'
        f'<line x1="{middle}" x2="{middle}" y1="{y - 9}" y2="{y + 9}"/>{dots}'
    )
