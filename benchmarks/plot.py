"""The plot of docs/overhead.md: what each tool adds to the CPU time of a request."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import matplotlib
from benchmarks.costs import FIGURES, Costs, added
from benchmarks.table import COLUMNS
from benchmarks.ways import WAYS

PARTS = (
    ("start to first reply, CPU ms", ("start_cpu",)),
    (
        "a request on a reused connection, CPU us",
        ("urllib3_reused", "requests_reused", "boto3_reused"),
    ),
    ("a request on a new connection, CPU us", ("urllib3_new", "requests_new", "boto3_new")),
)
# Told apart without colours too: the analyzer's part is hatched. Okabe and Ito's palette.
COLOURS = {
    "conntrace": "#0072B2",
    "opentelemetry": "#E69F00",
    "datadog": "#CC79A7",
    "sentry": "#999999",
}
# The same file every time it is drawn from the same figures.
SETTINGS = {"svg.hashsalt": "conntrace", "svg.fonttype": "none", "font.family": "sans-serif"}
WIDTH_IN, HEIGHT_IN = 9.0, 6.5


def draw(found: Mapping[str, Sequence[Costs]], file: Path) -> None:
    """Write it as SVG, on a white ground of its own: it is readable on a dark page too."""
    matplotlib.use("svg")
    matplotlib.rcParams.update(SETTINGS)
    from matplotlib.figure import Figure

    picture = Figure(figsize=(WIDTH_IN, HEIGHT_IN), layout="constrained", facecolor="white")
    axes = picture.subplots(
        len(PARTS), 1, gridspec_kw={"height_ratios": [len(names) for _, names in PARTS]}
    )
    for part, (title, names) in zip(axes, PARTS, strict=True):
        _bars(part, found, names)
        part.set_title(f"added to {title}" if len(names) > 1 else f"added from {title}", loc="left")
    handles, labels = axes[0].get_legend_handles_labels()
    picture.legend(handles, labels, loc="outside lower center", ncols=len(COLUMNS), frameon=False)
    picture.savefig(file, metadata={"Date": None})


def _bars(
    part: matplotlib.axes.Axes, found: Mapping[str, Sequence[Costs]], names: tuple[str, ...]
) -> None:
    height = 0.8 / len(COLOURS)
    for row, name in enumerate(names):
        for place, (way, colour) in enumerate(COLOURS.items()):
            where = row + (place - (len(COLOURS) - 1) / 2) * height
            own = added(found, way, name)
            part.barh(where, own, height, color=colour, label=WAYS[way].title if not row else "")
            if way == "conntrace":
                beside = added(found, way, name, with_analyzer=True) - own
                part.barh(
                    where,
                    beside,
                    height,
                    left=own,
                    color="white",
                    edgecolor=colour,
                    hatch="////",
                    label="its analyzer, another process" if not row else "",
                )
    part.set_yticks(range(len(names)), [FIGURES[name].title.partition(",")[0] for name in names])
    part.invert_yaxis()
    part.spines[["top", "right"]].set_visible(False)
