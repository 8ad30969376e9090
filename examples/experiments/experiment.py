"""Runs a published experiment and shows what really happens.

python examples/experiments/experiment.py NAME [--full] [--report] [--json]
        [--server dynamodb-local | --endpoint URL] [--layer ZIP]

Each run is traced by conntrace, on this machine, against the embedded server; with `--server
dynamodb-local` against Amazon's DynamoDB Local, with `--endpoint` against a real one, for which the
credentials and the region of your environment are used. Without NAME the experiments are listed.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

from figures import Figures, by_gap, figures
from table import BY_NAME, EXPERIMENTS, Experiment, Variant

from conntrace.testing import Spans, read_spans
from servers import CHECKOUT, HERE, dynamodb_local, embedded

LAYER = CHECKOUT / "dist" / "conntrace-layer.zip"
CREDENTIALS = {"AWS_ACCESS_KEY_ID": "experiment", "AWS_SECRET_ACCESS_KEY": "experiment"}
OWN = {
    "AWS_DEFAULT_REGION": "eu-west-1",
    "AWS_CONFIG_FILE": os.devnull,
    "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
    "AWS_EC2_METADATA_DISABLED": "true",
    "NO_PROXY": "*",
}
HEAD = ("", "calls", "connections", "lookups", "reused", "reused ms", "new ms", "set-up ms")


def run(variant: Variant, options: argparse.Namespace, spans: Path) -> str:
    """One run, its spans written to the file; what its program printed."""
    with (
        tempfile.TemporaryDirectory(prefix="conntrace-") as folder,
        contextlib.ExitStack() as stack,
    ):
        url = stack.enter_context(_server(variant, options, Path(folder)))
        variables = _variables(variant, url, Path(folder), options)
        words = [word.format(url=url) for word in variant.words]
        command = (
            _function(words, variant, variables, spans, _layer(options))
            if variant.gaps
            else _program(words, spans)
        )
        ended = subprocess.run(
            command, env={**_clean(), **variables}, capture_output=True, text=True, check=False
        )
    if ended.returncode:
        sys.exit(f"conntrace experiment: {variant.label} failed\n{ended.stdout}{ended.stderr}")
    return ended.stdout


@contextlib.contextmanager
def _server(variant: Variant, options: argparse.Namespace, folder: Path) -> Iterator[str]:
    if options.endpoint:
        yield options.endpoint
    elif options.server == "dynamodb-local" and variant.service == "dynamodb":
        with dynamodb_local() as url:
            yield url
    else:
        with embedded(variant.server, folder) as url:
            yield url


def _variables(
    variant: Variant, url: str, folder: Path, options: argparse.Namespace
) -> dict[str, str]:
    authority = folder / "ca.pem"
    trust = {"AWS_CA_BUNDLE": str(authority), "SSL_CERT_FILE": str(authority)}
    own = {} if options.endpoint else {**OWN, **CREDENTIALS}
    return {**own, **(trust if authority.exists() else {}), "AWS_ENDPOINT_URL": url}


def _clean() -> dict[str, str]:
    return {k: v for k, v in os.environ.items() if not k.startswith(("CONNTRACE_", "OTEL_"))}


def _program(words: list[str], spans: Path) -> list[str]:
    run = [sys.executable, "-m", "conntrace", "run", "-o", str(spans), "--", sys.executable]
    return [*run, str(HERE / "programs" / words[0]), *words[1:]]


def _function(
    words: list[str], variant: Variant, variables: dict[str, str], spans: Path, layer: Path
) -> list[str]:
    gaps = ",".join(f"{gap:g}" for gap in variant.gaps)
    command = [sys.executable, "-m", "conntrace", "lambda", *words, "--layer", str(layer)]
    command += ["--task-root", str(HERE / "functions"), "--gaps", gaps, "--timeout", "30"]
    command += ["-o", str(spans)]
    named = [name for name in variables if name != "SSL_CERT_FILE"]
    return [*command, *(word for name in named for word in ("-e", name))]


def _layer(options: argparse.Namespace) -> Path:
    if options.layer:
        return Path(options.layer)
    if not LAYER.exists():
        command = [sys.executable, "-m", "lambda_extension.build"]
        subprocess.run(command, cwd=CHECKOUT, check=True, stdout=sys.stderr)
    return LAYER


def measured(experiment: Experiment, options: argparse.Namespace) -> list[Figures]:
    """All its runs; with several gaps a row for each."""
    found = []
    variants = experiment.full if options.full and experiment.full else experiment.variants
    with tempfile.TemporaryDirectory(prefix="conntrace-") as folder:
        for number, variant in enumerate(variants):
            path = Path(folder) / f"{number}.jsonl"
            run(variant, options, path)
            spans = read_spans(path)
            if len(set(variant.gaps)) > 2:
                found += by_gap(spans, variant.gaps)
            else:
                found.append(figures(variant.label, Spans(spans)))
            if options.report:
                print(f"== {variant.label}")
                subprocess.run([sys.executable, "-m", "conntrace", "report", str(path)], check=True)
    return found


def show(experiment: Experiment, rows: list[Figures]) -> None:
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
    options = parser.parse_args()
    if options.name is None:
        for each in EXPERIMENTS:
            print(f"{each.name:10} {each.title}")
        return
    experiment = BY_NAME[options.name]
    rows = measured(experiment, options)
    if options.json:
        print(json.dumps([row.document() for row in rows], indent=1))
    else:
        show(experiment, rows)


if __name__ == "__main__":
    main()
