"""The probe's result in the terminal: the table of gaps and a box for each."""

from __future__ import annotations

import math
import sys
from collections.abc import Sequence
from typing import TextIO

from conntrace.probe.samples import Measured, Row, rows, verdict

_BOX_WIDTH = 44


def write_text(
    measured: Measured, gaps: Sequence[float], stream: TextIO, width: int | None = None
) -> None:
    """The answer first, then the figures, then the boxes (times on a logarithmic axis)."""
    from rich.console import Console
    from rich.table import Table

    console = Console(file=stream, width=width, highlight=False, soft_wrap=False)
    console.print(verdict(measured, gaps), style="bold", markup=False)
    if measured.refused:
        console.print(measured.refused)
    if measured.interrupted:
        console.print("Interrupted: this is what was measured until then.")
    found = rows(measured.samples, gaps)
    if not found:
        return
    table = Table(box=None, pad_edge=False, header_style="bold", title_justify="left")
    for name in ("gap", "n", "mean", "sd", "p50", "p95", "max", "<500ms", "<1s", "reused"):
        table.add_column(name, justify="right", no_wrap=True)
    for row in found:
        table.add_row(*_cells(row))
    console.print()
    console.print(table)
    console.print("Times in milliseconds, from sending to the end of the answer.", style="dim")
    console.print()
    for line in box_lines(found, ascii_only=not _takes_boxes(stream)):
        console.print(line, markup=False, no_wrap=True, overflow="ignore", crop=False)
    console.print(f"{measured.requests} requests to {measured.url}", style="dim", markup=False)


def _cells(row: Row) -> list[str]:
    times = (row.mean_ms, row.sd_ms, row.p50_ms, row.p95_ms, row.maximum_ms)
    shares = (row.under_500_ms, row.under_1000_ms, row.reused)
    return [
        f"{row.gap_s:g} s",
        str(row.requests),
        *(f"{time:.1f}" if time < 100 else f"{time:.0f}" for time in times),
        *(f"{share:.0%}" for share in shares),
    ]


def box_lines(found: Sequence[Row], *, ascii_only: bool = False) -> list[str]:
    """A line for each gap: minimum, quartiles with the median, maximum; then causes and errors,
    each further one on a line of its own below the first."""
    low = min(row.minimum_ms for row in found)
    high = max(row.maximum_ms for row in found)
    marks = "|[-=#]|" if ascii_only else "├[─═┃]┤"
    lines = [f"{'':>8} {_axis(low, high)}"]
    for row in found:
        first, *further = [f"{n} {told}" for told, n in (*row.causes, *row.errors)] or [""]
        lines.append(f"{row.gap_s:>6g} s {_box(row, low, high, marks)} {first}".rstrip())
        lines += [f"{'':>8} {'':>{_BOX_WIDTH}} {told}" for told in further]
    return lines


def _axis(low: float, high: float) -> str:
    left, right = f"{low:.1f} ms", f"{high:.1f} ms"
    return left + right.rjust(_BOX_WIDTH - len(left))


def _box(row: Row, low: float, high: float, marks: str) -> str:
    start, opening, line, fill, middle, closing, end = tuple(marks)
    places = [
        _place(time, low, high)
        for time in (row.minimum_ms, row.p25_ms, row.p50_ms, row.p75_ms, row.maximum_ms)
    ]
    cells = [" "] * _BOX_WIDTH
    for at in range(places[0], places[4] + 1):
        cells[at] = line
    for at in range(places[1], places[3] + 1):
        cells[at] = fill
    cells[places[0]], cells[places[4]] = start, end
    cells[places[1]], cells[places[3]] = opening, closing
    cells[places[2]] = middle
    return "".join(cells)


def _place(value: float, low: float, high: float) -> int:
    """Where on the logarithmic axis."""
    if high <= low:
        return _BOX_WIDTH // 2
    floor = max(low, 0.001)
    share = math.log(max(value, floor) / floor) / math.log(high / floor)
    return min(_BOX_WIDTH - 1, int(share * (_BOX_WIDTH - 1) + 0.5))


def _takes_boxes(stream: TextIO) -> bool:
    encoding = getattr(stream, "encoding", None) or sys.getdefaultencoding()
    try:
        "├─═┃┤".encode(encoding)
    except (UnicodeEncodeError, LookupError):
        return False
    return True
