"""`conntrace report`: span files made plain to the eye."""

from __future__ import annotations

import io
import os
import re
import sys
from collections.abc import Callable
from typing import TextIO

import click

from conntrace.cli.file_name import FileName
from conntrace.errors import ConntraceError
from conntrace.report import conditions
from conntrace.report.baseline import check as check_baseline
from conntrace.report.baseline import read as read_baseline
from conntrace.report.baseline import write as save_baseline
from conntrace.report.load import Loaded, load_files, load_spans
from conntrace.report.progress import progress
from conntrace.report.read import ReadNotes
from conntrace.report.text import write_text

FORMATS = ("text", "html", "json", "junit")
_SAY_UTF8 = ("html", "junit")
"""Documents that name their own encoding."""


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


class AgeType(click.ParamType):  # type: ignore[type-arg]
    """A length of time, in seconds."""

    name = "age"

    def convert(
        self, value: str, param: click.Parameter | None, ctx: click.Context | None
    ) -> float:
        """The seconds; wrong ones are wrong usage."""
        match = re.fullmatch(r"([0-9]{1,6})([smhd])", value)
        if match is None:
            self.fail(f"{value!r} is not like 90s, 15m, 1h or 2d", param, ctx)
        return float(match[1]) * {"s": 1, "m": 60, "h": 3600, "d": 86400}[match[2]]


@click.command("report", short_help="Show span files: verdict first, then the proof.")
@click.argument("files", nargs=-1, metavar="[FILE...]")
@click.option("--jaeger", metavar="URL", help="Read from Jaeger: http://localhost:16686.")
@click.option("--service", metavar="NAME", help="The service to read from Jaeger.")
@click.option(
    "--since", type=AgeType(), default="1h", show_default=True, help="How far back: 90s, 15m, 2d."
)
@click.option(
    "--trace", default="", metavar="ID", help="Show this trace; the start of its id will do."
)
@click.option("--format", "form", type=click.Choice(FORMATS), default="text", show_default=True)
@click.option("-o", "--output", type=FileName(), default="-", metavar="FILE", help="Write to FILE.")
@click.option("--width", type=click.IntRange(40, 400), help="Columns to use.")
@click.option("--counts", is_flag=True, help="Only count: any amount of input in little memory.")
@click.option(
    "--fail-on",
    multiple=True,
    type=ConditionType(),
    metavar="CONDITION",
    help="Exit with 3 when it is so: 'avoidable>50ms', 'wait>1s', 'pool_evicted_lru>0'.",
)
@click.option(
    "--baseline",
    type=FileName(),
    metavar="FILE",
    help="Exit with 3 when something is avoidable that FILE does not allow.",
)
@click.option(
    "--write-baseline",
    type=FileName(),
    metavar="FILE",
    help="Write FILE: allow what is avoidable now.",
)
def command(
    files: tuple[str, ...],
    jaeger: str | None,
    service: str | None,
    since: float,
    trace: str,
    form: str,
    output: str,
    width: int | None,
    counts: bool,
    fail_on: tuple[conditions.Condition, ...],
    baseline: str | None,
    write_baseline: str | None,
) -> None:
    """Show what is in span FILEs (OTLP JSON lines), in a folder of them, in standard input (-), in
    the log of a Lambda function, or in Jaeger.

    Connections with their causes, what was avoidable and what would avoid it, and the waterfall of
    the most expensive trace. Parts that cannot be read are named and left out.
    """
    if bool(files) == bool(jaeger):
        raise click.UsageError("give a span FILE, or --jaeger")
    allowed = read_baseline(baseline) if baseline else []
    if jaeger:
        told = _from_jaeger(jaeger, service, since, counts)
    else:
        told = load_files(files, stdin=sys.stdin.buffer, only_count=counts)

    def write(stream: TextIO) -> None:
        if form == "junit":
            from conntrace.report.junit import write_junit

            write_junit(told, stream, allowed)
        else:
            _write(told, form, stream, width, trace, bool(jaeger))

    _write_to(output, write, utf8=form in _SAY_UTF8)
    if write_baseline:
        _write_to(write_baseline, lambda stream: save_baseline(told, stream), what="baseline")
    conditions.check(list(fail_on), told)
    if baseline:
        check_baseline(told, allowed)
    if told.notes.problem_count and not told.tally.spans:
        raise ConntraceError("report-no-spans", "no spans could be read")


def _write_to(
    name: str, write: Callable[[TextIO], None], *, utf8: bool = True, what: str = "report"
) -> None:
    """To standard output for `-`, else to a file that is there whole or not at all.

    Files are UTF-8; standard output is what the terminal takes, unless it must be `utf8` too.
    """
    if name == "-":
        if utf8 and isinstance(sys.stdout, io.TextIOWrapper):
            sys.stdout.reconfigure(encoding="utf-8")
        write(sys.stdout)
        return
    # A whole file takes the place of the old one. Of a device or a pipe (/dev/null) it must not.
    is_file = os.path.isfile(name) or not os.path.exists(name)
    try:
        with click.open_file(name, "w", encoding="utf-8", atomic=is_file) as stream:
            write(stream)  # type: ignore[arg-type]
    except OSError as error:
        raise ConntraceError(
            "report-not-writable", f"cannot write the {what} to {name}: {error.strerror}"
        ) from error


def _from_jaeger(url: str, service: str | None, since_s: float, counts: bool) -> Loaded:
    from conntrace.report.jaeger import read_jaeger

    if not service:
        raise click.UsageError("--jaeger needs --service")
    if not url.startswith(("http://", "https://")):
        raise click.UsageError("--jaeger needs a URL that begins with http:// or https://")
    notes = ReadNotes()
    with progress(round((since_s + 1) * 1000), in_bytes=False) as advance:
        spans = read_jaeger(url, service, since_s, notes, advance)
        return load_spans(spans, notes, only_count=counts)


def _write(
    told: Loaded, form: str, stream: TextIO, width: int | None, trace: str, counts: bool
) -> None:
    if form == "json":
        from conntrace.report.json_report import write_json

        write_json(told, stream)
    elif form == "html":
        from conntrace.report.html.page import write_html

        write_html(told, stream)
    else:
        write_text(told, stream, width=width, trace=trace, counts=counts)
