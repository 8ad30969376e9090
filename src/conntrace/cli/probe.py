"""`conntrace probe`: how long does this server keep my connection?"""

from __future__ import annotations

import math
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import TextIO

import click

from conntrace.cli.file_name import FileName
from conntrace.cli.terminal import say
from conntrace.errors import ConntraceError
from conntrace.probe.address import parsed, shown
from conntrace.probe.client import MAX_REDIRECTS
from conntrace.probe.run import Options, measure
from conntrace.probe.samples import Measured

MAX_GAP_S = 3600.0
_INTERRUPTED = 130


class GapsType(click.ParamType):  # type: ignore[type-arg]
    """Idle times in seconds, with commas between them."""

    name = "gaps"

    def convert(
        self, value: str, param: click.Parameter | None, ctx: click.Context | None
    ) -> tuple[float, ...]:
        """The gaps; wrong ones are wrong usage."""
        try:
            gaps = tuple(float(word) for word in value.split(","))
        except ValueError:
            self.fail(f"{value!r} is not like 0,1,5,30", param, ctx)
        if not all(0 <= gap <= MAX_GAP_S for gap in gaps):
            self.fail(f"gaps go from 0 to {MAX_GAP_S:.0f} s", param, ctx)
        return gaps


class NumberRange(click.FloatRange):
    """As click's, which lets `nan` pass: it is below no least and above no most."""

    def convert(
        self, value: float, param: click.Parameter | None, ctx: click.Context | None
    ) -> float:
        """The number; what is none is wrong usage."""
        number: float = super().convert(value, param, ctx)
        if math.isnan(number):
            self.fail(f"{value!r} is not a number", param, ctx)
        return number


@click.command("probe", short_help="Measure how long a server keeps idle connections.")
@click.argument("url")
@click.option("--gaps", type=GapsType(), default="0,1,2,5,10,30,60", show_default=True)
@click.option(
    "--repeat", type=click.IntRange(1, 1000), default=3, show_default=True, help="Requests per gap."
)
@click.option(
    "--rate",
    type=NumberRange(0.01, 100),
    default=5,
    show_default=True,
    help="At most this many requests a second.",
)
@click.option(
    "--timeout", type=NumberRange(0.1, 600), default=30, show_default=True, help="Seconds."
)
@click.option("--method", type=click.Choice(["GET", "HEAD"]), default="GET", show_default=True)
@click.option("--search/--no-search", default=True, help="Find the idle limit within 0.1 s.")
@click.option("--json", "as_json", is_flag=True, help="Write JSON to standard output.")
@click.option("--html", type=FileName(), metavar="FILE", help="Also write a page.")
def command(
    url: str,
    gaps: tuple[float, ...],
    repeat: int,
    rate: float,
    timeout: float,
    method: str,
    search: bool,
    as_json: bool,
    html: str | None,
) -> int:
    """Send requests to URL over one connection, with idle GAPS (seconds) between them, and show
    after which gap the connection was lost, why, and what that cost.

    Goes straight to the server, not through a proxy. Ctrl-C ends it and shows what there is.
    """
    parsed(url)
    options = Options(url, gaps, repeat, rate, timeout, method, search)
    measured = Measured(shown(url))
    page = _opened(html) if html is not None else None
    say(
        f"at most {options.most_requests} requests to {measured.url} over one connection"
        f" ({MAX_REDIRECTS} of them for redirects), about"
        f" {_minutes(sum(step.wait_s for step in options.steps))}"
        f"{' and the search for the limit' if search else ''}"
    )
    _measure(options, measured)
    _show(measured, gaps, as_json, page)
    return _INTERRUPTED if measured.interrupted else 0


def _measure(options: Options, measured: Measured) -> None:
    with _progress(sum(step.wait_s for step in options.steps)) as waited:
        try:
            measure(options, measured, waited)
        except KeyboardInterrupt:
            measured.interrupted = True


def _opened(name: str) -> TextIO:
    """Before measuring: nobody wants to learn of it minutes later."""
    try:
        return open(name, "w", encoding="utf-8")
    except OSError as error:
        raise ConntraceError(
            "report-not-writable", f"cannot write the report to {name}: {error.strerror}"
        ) from error


def _show(measured: Measured, gaps: Sequence[float], as_json: bool, page: TextIO | None) -> None:
    if as_json:
        from conntrace.probe.json_document import write_json

        write_json(measured, gaps, sys.stdout)
    else:
        from conntrace.probe.text import write_text

        write_text(measured, gaps, sys.stdout)
    if page is not None:
        from conntrace.probe.html import write_html

        with page:
            write_html(measured, gaps, page)


def _minutes(seconds: float) -> str:
    return f"{seconds:.0f} s" if seconds < 120 else f"{seconds / 60:.0f} min"


@contextmanager
def _progress(total_s: float) -> Iterator[Callable[[float], None]]:
    """A bar of idle seconds on a terminal; nothing when standard error is none."""
    if not sys.stderr.isatty():
        yield lambda seconds: None
        return
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

    columns = (TextColumn("probing"), BarColumn(), TimeRemainingColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task("probing", total=max(total_s, 0.001))
        yield lambda seconds: bar.advance(task, seconds)
