"""Tables of medians, and the layer that the Lambda benchmarks start."""

from __future__ import annotations

import statistics
import sys
from pathlib import Path

LAYER = Path(__file__).resolve().parent.parent / "dist" / "layer" / "opt"


def layer_folder() -> Path:
    """The unpacked layer; the program ends with a word when there is none."""
    if not LAYER.exists():
        sys.exit(f"there is no {LAYER}: run `make layer`")
    return LAYER


class Table:
    """Clock, CPU and memory by row; ratios are those to the row `base`."""

    def __init__(self, base: str) -> None:
        self._base = base
        self._rows: dict[str, list[tuple[float, float, float]]] = {}

    def add(self, row: str, clock_s: float, cpu_s: float, resident_mb: float) -> None:
        """One measurement."""
        self._rows.setdefault(row, []).append((clock_s, cpu_s, resident_mb))

    def show(self) -> None:
        """Print it."""
        base_clock, base_cpu, _ = self._medians(self._base)
        print(f"{'':28}{'clock':>20}{'ratio':>7}{'CPU':>20}{'ratio':>7}{'resident':>12}")
        for row, found in self._rows.items():
            clock, cpu, resident = self._medians(row)
            fastest = [min(each[column] for each in found) * 1000 for column in (0, 1)]
            print(
                f"{row:28}{clock * 1000:9.1f} ({fastest[0]:5.1f}) ms{clock / base_clock:7.2f}"
                f"{cpu * 1000:9.1f} ({fastest[1]:5.1f}) ms{cpu / base_cpu:7.2f}"
                + (f"{resident:9.1f} MB" if resident else "")
            )

    def _medians(self, row: str) -> tuple[float, float, float]:
        columns = zip(*self._rows[row], strict=True)
        clock, cpu, resident = (statistics.median(column) for column in columns)
        return clock, cpu, resident
