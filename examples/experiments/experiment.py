"""Runs a published experiment and shows what really happens.

python examples/experiments/experiment.py NAME [--full] [--report] [--json]
        [--server dynamodb-local | --endpoint URL] [--layer ZIP]

Each run is traced by conntrace, on this machine, against the embedded server; with `--server
dynamodb-local` against Amazon's DynamoDB Local, with `--endpoint` against a real one, for which the
credentials and the region of your environment are used. Without NAME the experiments are listed.
"""

from __future__ import annotations

import argparse
import json
import signal
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from functools import partial
from pathlib import Path

import gaps
import runs
from figures import Figures, figures
from table import BY_NAME, EXPERIMENTS, Experiment, Variant

from conntrace.probe.json_document import document as probe_document
from conntrace.probe.samples import Measured
from conntrace.probe.text import write_text
from conntrace.testing import read_spans

HEAD = ("", "calls", "connections", "lookups", "reused", "reused ms", "new ms", "set-up ms")


def run(variant: Variant, options: argparse.Namespace, folder: Path) -> Path:
    """One run; gives the file with its spans."""
    spans = folder / "spans.jsonl"
    with runs.server(variant, options, folder) as variables:
        layer = runs.built_layer(options) if variant.gaps else None
        ended = subprocess.run(
            runs.command(variant, variables, spans, layer, variant.gaps),
            env=runs.environment(variables),
            capture_output=True,
            text=True,
            check=False,
        )
    if ended.returncode:
        sys.exit(f"conntrace experiment: {variant.label} failed\n{ended.stdout}{ended.stderr}")
    return spans


def measured(
    variants: Sequence[Variant], options: argparse.Namespace, folder: Path
) -> list[Figures]:
    """All its runs, one after another."""
    found = []
    for variant in variants:
        place = folder / variant.label
        place.mkdir()
        found.append(figures(variant.label, read_spans(run(variant, options, place))))
    return found


def chosen(experiment: Experiment, options: argparse.Namespace) -> list[Variant]:
    """The variants to run; what is left out is said."""
    variants = experiment.full if options.full and experiment.full else experiment.variants
    found = [variant for variant in variants if runs.possible(variant, options)]
    for variant in variants:
        if variant not in found:
            gaps.say(f"left out: {variant.label}, which needs the embedded server")
    if not found:
        sys.exit("conntrace experiment: nothing is left to run: leave the server's option out")
    return found


def show_gaps(experiment: Experiment, tables: list[Measured]) -> None:
    """The published claim, and the probe's table of each variant."""
    print(experiment.title)
    print(f"published: {experiment.claim}")
    for table in tables:
        print(f"\n== {table.url}", flush=True)
        write_text(table, _gaps_of(table), sys.stdout)


def report(folder: Path) -> None:
    """conntrace's own report of each run."""
    for run in sorted(path for path in folder.iterdir() if path.is_dir()):
        print(f"== {run.name}", flush=True)
        subprocess.run([sys.executable, "-m", "conntrace", "report", str(run)], check=True)


def _gaps_of(table: Measured) -> list[float]:
    return sorted({each.gap_s for each in table.samples})


def show_counts(experiment: Experiment, rows: list[Figures]) -> None:
    """The published claim, and the table of what happened."""
    print(experiment.title)
    print(f"published: {experiment.claim}\n")
    cells = [HEAD, *(_cells(row) for row in rows)]
    widths = [max(len(row[column]) for row in cells) for column in range(len(HEAD))]
    for row in cells:
        first, *rest = (cell.rjust(width) for cell, width in zip(row, widths, strict=True))
        print("  ".join([row[0].ljust(widths[0]), *rest]).rstrip() if first else "")
    print()
    for row in rows:
        told = ", ".join(f"{count} {cause}" for cause, count in row.causes.items())
        print(f"{row.label.ljust(widths[0])}  {told or 'no new connection'}")


def _cells(row: Figures) -> tuple[str, ...]:
    counts = (row.requests, row.connections, row.lookups, row.reused)
    times = (row.mean_reused_ms, row.mean_new_ms, row.setup_ms)
    return (row.label, *map(str, counts), *(f"{time:.1f}" if time else "-" for time in times))


def main() -> None:
    """The command."""
    # So that what it has started ends with it.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("name", nargs="?", choices=list(BY_NAME))
    parser.add_argument("--full", action="store_true", help="as long as the published one")
    parser.add_argument("--report", action="store_true", help="also conntrace's report of each run")
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--server", choices=["embedded", "dynamodb-local"], default="embedded")
    parser.add_argument("--layer", metavar="ZIP", help="default: dist, which `make layer` fills")
    parser.add_argument("--endpoint", default="", metavar="URL")
    parser.add_argument(
        "--at-once", type=int, default=32, metavar="N", help="functions of `gaps`; 32 need 3 GB"
    )
    options = parser.parse_args()
    if options.at_once < 1:
        parser.error("--at-once takes a number from 1 up")
    if options.name is None:
        for each in EXPERIMENTS:
            print(f"{each.name:10} {each.title}")
        return
    experiment = BY_NAME[options.name]
    variants = chosen(experiment, options)
    with tempfile.TemporaryDirectory(prefix="conntrace-") as folder:
        if experiment.apart:
            tables = gaps.measure(variants, options, Path(folder))
            failed = sum(len(v.gaps) for v in variants) - sum(len(t.samples) for t in tables)
            document = [probe_document(table, _gaps_of(table)) for table in tables]
            show = partial(show_gaps, experiment, tables)
        else:
            rows = measured(variants, options, Path(folder))
            failed = 0
            document = [row.document() for row in rows]
            show = partial(show_counts, experiment, rows)
        if options.report:
            report(Path(folder))
    if options.json:
        print(json.dumps(document, indent=1))
    else:
        show()
    if failed:
        sys.exit(f"conntrace experiment: {failed} environments failed (see above)")


if __name__ == "__main__":
    try:
        main()
    except KeyboardInterrupt:
        gaps.say("interrupted")
        sys.exit(128 + signal.SIGINT)
