"""The measured costs as Markdown: a table, the goals, the imports."""

from __future__ import annotations

import statistics
from collections.abc import Mapping, Sequence

from benchmarks.costs import FIGURES, Costs, added, median
from benchmarks.goals import GOALS, IMPORT_LIMIT_MS
from benchmarks.ways import WAYS

Found = Mapping[str, Sequence[Costs]]
YARDSTICK = "opentelemetry"
# The analyzer's part stands in a column of its own.
COLUMNS = (
    ("conntrace", False),
    ("conntrace", True),
    *((way, False) for way in WAYS if way not in ("plain", "conntrace")),
)


def table(found: Found) -> list[str]:
    """What each tool adds to plain (medians); in brackets the share of OpenTelemetry's part."""
    titles = [WAYS[way].title + (" with its analyzer" if both else "") for way, both in COLUMNS]
    lines = [f"| | plain | {' | '.join(titles)} |", f"|---|{'---:|' * (len(COLUMNS) + 1)}"]
    for name, figure in FIGURES.items():
        yardstick = 0.0 if name == "spans" else added(found, YARDSTICK, name)
        cells = [
            _cell(added(found, way, name, both), 0.0 if way == YARDSTICK else yardstick)
            if not both or name in found[way][0].analyzer
            else ""
            for way, both in COLUMNS
        ]
        unit = (
            f", {figure.unit}" if figure.unit else f" for {found['plain'][0].requests:,} requests"
        )
        plain = f"{median(found['plain'], name):.0f}"
        lines.append(f"| {figure.title}{unit} | {plain} | {' | '.join(cells)} |")
    return lines


def _cell(value: float, yardstick: float) -> str:
    share = f" ({value / yardstick:.2f})" if yardstick > 0 else ""
    return f"{value:+,.0f}{share}"


def goal_lines(found: Found) -> list[str]:
    """Each goal with what was found."""
    names = {figure.goal: name for name, figure in FIGURES.items() if figure.goal}
    lines = []
    for goal in GOALS:
        name = names[goal.figure]
        share = added(found, "conntrace", name, goal.with_analyzer) / added(found, YARDSTICK, name)
        lines.append(f"- {goal.figure}: {goal.shown(share)}")
    return lines


def import_lines(imports: Mapping[str, Sequence[float]]) -> list[str]:
    """The time that importing the agent takes after boto3, for each way in."""
    lines = []
    for way, found in imports.items():
        middle = statistics.median(found)
        word = "reached" if middle <= IMPORT_LIMIT_MS else "missed"
        lines.append(
            f"- import of the agent after boto3, {way}: {middle:.1f} ms (least {min(found):.1f});"
            f" goal: at most {IMPORT_LIMIT_MS:.0f} ms: {word}"
        )
    return lines
