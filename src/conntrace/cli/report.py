"""`conntrace report`: span files made plain to the eye."""

from __future__ import annotations

import sys
from typing import TextIO

import click

from conntrace.errors import ConntraceError
from conntrace.report import conditions
from conntrace.report.load import Loaded, load_files
from conntrace.report.text import write_text

FORMATS = ("text", "html", "json")


class ConditionType(click.ParamType):  # type: ignore[type-arg]
    """A condition of `--fail-on`."""

    name = "condition"

    def convert(
        self, value: str, param: click.Parameter | None, ctx: click.Context | None
    ) -> conditions.Condition:
        """The condition; wrong ones are wrong usage."""
        try:
            return conditions.parse(value)
        except ValueError as error:
            self.fail(str(error), param, ctx)


@click.command("report", short_help="Show span files: verdict first, then the proof.")
@click.argument("files", nargs=-1, required=True, metavar="FILE...")
@click.option(
    "--trace", default="", metavar="ID", help="Show this trace; the start of its id will do."
)
@click.option("--format", "form", type=click.Choice(FORMATS), default="text", show_default=True)
@click.option("-o", "--output", default="-", metavar="FILE", help="Write to FILE.")
@click.option("--width", type=click.IntRange(40, 400), help="Columns to use.")
@click.option("--counts", is_flag=True, help="Only count: any amount of input in little memory.")
@click.option(
    "--fail-on",
    multiple=True,
    type=ConditionType(),
    metavar="CONDITION",
    help="Exit with 3 when it is so: 'avoidable>50ms', 'wait>1s', 'pool_evicted_lru>0'.",
)
def command(
    files: tuple[str, ...],
    trace: str,
    form: str,
    output: str,
    width: int | None,
    counts: bool,
    fail_on: tuple[conditions.Condition, ...],
) -> None:
    """Show what is in span FILEs (OTLP JSON lines), in a folder of them, or in standard input (-).

    Connections with their causes, what was avoidable and what would avoid it, and the waterfall of
    the most expensive trace. Parts that cannot be read are named and left out.
    """
    told = load_files(files, stdin=sys.stdin.buffer, only_count=counts)
    if output == "-":
        _write(told, form, sys.stdout, width, trace)
    else:
        try:
            with click.open_file(output, "w", encoding="utf-8", atomic=True) as stream:
                _write(told, form, stream, width, trace)  # type: ignore[arg-type]
        except OSError as error:
            raise ConntraceError(
                "report-not-writable", f"cannot write the report to {output}: {error.strerror}"
            ) from error
    conditions.check(list(fail_on), told)


def _write(told: Loaded, form: str, stream: TextIO, width: int | None, trace: str) -> None:
    if form == "json":
        from conntrace.report.json_report import write_json

        write_json(told, stream)
    elif form == "html":
        from conntrace.report.html.page import write_html

        write_html(told, stream)
    else:
        write_text(told, stream, width=width, trace=trace)
