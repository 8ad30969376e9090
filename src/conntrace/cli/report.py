"""`conntrace report`: span files made plain to the eye."""

from __future__ import annotations

import sys

import click

from conntrace.report.text import report_text


@click.command("report", short_help="Show span files: verdict first, then the proof.")
@click.argument("files", nargs=-1, required=True, metavar="FILE...")
@click.option(
    "--trace", default="", metavar="ID", help="Show this trace; the start of its id will do."
)
@click.option("--format", "form", type=click.Choice(["text"]), default="text", show_default=True)
@click.option("-o", "--output", default="-", metavar="FILE", help="Write to FILE.")
@click.option("--width", type=click.IntRange(40, 400), help="Columns to use.")
def command(files: tuple[str, ...], trace: str, form: str, output: str, width: int | None) -> None:
    """Show what is in span FILEs (OTLP JSON lines), in a folder of them, or in standard input (-).

    Connections with their causes, what was avoidable and what would avoid it, and the waterfall of
    the most expensive trace. Parts that cannot be read are named and left out.
    """
    stdin = sys.stdin.buffer
    if output == "-":
        report_text(files, sys.stdout, width=width, trace=trace, stdin=stdin)
        return
    with click.open_file(output, "w", encoding="utf-8", atomic=True) as stream:
        report_text(files, stream, width=width, trace=trace, stdin=stdin)  # type: ignore[arg-type]
