"""`conntrace lambda`: run a function on the local Lambda, with the layer, and show the report."""

from __future__ import annotations

import os
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from itertools import cycle, islice
from pathlib import Path
from typing import TYPE_CHECKING

import click

from conntrace.cli.file_name import FileName
from conntrace.cli.lambda_events import events_in
from conntrace.cli.probe import GapsType, NumberRange
from conntrace.cli.terminal import say
from conntrace.errors import ConntraceError, UsageError

if TYPE_CHECKING:
    from conntrace.simulator import Invocation, LocalLambda

WRAPPER = "/opt/conntrace"
ENDPOINT = "OTEL_EXPORTER_OTLP_ENDPOINT"
_ENDPOINTS = (ENDPOINT, "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT")
_COLUMNS = "{:>3}  {:>9}  {:>9}  {:>9}  {:>9}  {:>7}  {}"
_WIDEST_RESULT = 200


class VariableType(click.ParamType):  # type: ignore[type-arg]
    """`NAME=VALUE`, or `NAME` for a variable of the caller's own."""

    name = "variable"

    def convert(
        self, value: str, param: click.Parameter | None, ctx: click.Context | None
    ) -> tuple[str, str]:
        """Name and value; wrong ones are wrong usage."""
        name, equals, text = value.partition("=")
        if not name or (not equals and name not in os.environ):
            self.fail(f"{value!r} is not NAME=VALUE, nor a variable that is set here", param, ctx)
        return name, text if equals else os.environ[name]


@click.command("lambda", short_help="Run an AWS Lambda function here, with freezes and the layer.")
@click.argument("handler")
@click.option("--layer", "layers", multiple=True, metavar="ZIP", help="A layer; may be repeated.")
@click.option(
    "--events",
    type=FileName(),
    metavar="FILE",
    help="One event a line, as JSON, or a single one. Default: one {}.",
)
@click.option(
    "--gaps",
    type=GapsType(),
    default="0",
    show_default=True,
    help="Seconds frozen before each invocation, with commas between.",
)
@click.option("--timeout", type=NumberRange(0.1, 900), default=3, show_default=True)
@click.option(
    "--memory", type=click.IntRange(128, 10240), default=256, show_default=True, help="MB."
)
@click.option("--task-root", default=".", show_default=True, help="The folder with the code.")
@click.option(
    "--environment",
    "-e",
    multiple=True,
    type=VariableType(),
    metavar="NAME[=VALUE]",
    help="A variable of the function; without VALUE the one that is set here.",
)
@click.option("--python", default=sys.executable, help="The function's Python. Default: this one.")
@click.option(
    "--pause-network", is_flag=True, help="Drop packets while frozen (root and nftables)."
)
@click.option("--log", is_flag=True, help="Show the function's log on standard error.")
@click.option("-o", "--output", type=FileName(), metavar="FILE", help="Keep the spans in FILE.")
def command(
    handler: str,
    layers: tuple[str, ...],
    events: str | None,
    gaps: tuple[float, ...],
    timeout: float,
    memory: int,
    task_root: str,
    environment: tuple[tuple[str, str], ...],
    python: str,
    pause_network: bool,
    log: bool,
    output: str | None,
) -> int:
    """Run HANDLER (module.function) on a local Lambda: INIT, one invocation for each event, frozen
    for the GAPS in between, SHUTDOWN. Then show why connections were opened.

    There are as many invocations as events or gaps, whichever are more; the shorter list is
    repeated. The spans go to the endpoint that OTEL_EXPORTER_OTLP_ENDPOINT names, if there is one.
    The exit code is 1 when an invocation failed.
    """
    if not layers:
        raise UsageError(
            "lambda-layer-missing",
            "the function needs conntrace's layer: --layer dist/conntrace-layer.zip, which"
            " `make layer` writes",
        )
    from conntrace.simulator import LocalLambda

    orders = _orders(events_in(events), gaps)
    with _spans(output) as (span_file, endpoint):
        variables = _variables(dict(environment), endpoint)
        function = LocalLambda(
            handler,
            task_root,
            layers,
            variables,
            timeout_s=timeout,
            memory_mb=memory,
            python=python,
            pause_network=pause_network,
        )
        with function:
            failed = _invoke_all(function, orders)
        _show_log(function.log, log, failed)
        _show_spans(span_file, {**os.environ, **variables}, endpoint, output)
    return 1 if failed else 0


def _orders(events: Sequence[object], gaps: Sequence[float]) -> list[tuple[object, float]]:
    count = max(len(events), len(gaps))
    return list(islice(zip(cycle(events), cycle(gaps), strict=False), count))


def _variables(given: dict[str, str], endpoint: str) -> dict[str, str]:
    """The function's variables: the user's, the wrapper, and where the spans go."""
    exporting = {
        name: value for name, value in os.environ.items() if name.startswith("OTEL_EXPORTER_OTLP_")
    }
    variables = {"AWS_LAMBDA_EXEC_WRAPPER": WRAPPER, **exporting, **given}
    if not any(variables.get(name) for name in _ENDPOINTS):
        variables[ENDPOINT] = endpoint
    return variables


@contextmanager
def _spans(output: str | None) -> Iterator[tuple[Path, str]]:
    """A file for the spans, and the endpoint that fills it."""
    from conntrace.simulator.receiver import SpanReceiver

    with tempfile.TemporaryDirectory(prefix="conntrace-") as folder:
        path = Path(output) if output else Path(folder) / "spans.jsonl"
        try:
            path.write_bytes(b"")
            receiver = SpanReceiver(path)
        except OSError as error:
            raise ConntraceError(
                "lambda-output", f"cannot write spans to {path}: {error.strerror}"
            ) from error
        try:
            yield path, receiver.endpoint
        finally:
            receiver.close()


def _invoke_all(function: LocalLambda, orders: Sequence[tuple[object, float]]) -> int:
    """Invoke one after the other, a line each; how many failed."""
    print(_COLUMNS.format("", "frozen", "init", "response", "duration", "memory", "result"))
    failed = 0
    with _progress() as waiting:
        for number, (event, gap_s) in enumerate(orders, start=1):
            waiting(f"invocation {number} of {len(orders)}, frozen for {gap_s:g} s before it")
            invocation = function.invoke(event, gap_s=gap_s)
            invocation.finished()
            waiting("")
            print(line_of(number, invocation), flush=True)
            failed += bool(invocation.error)
    return failed


def _show_log(text: str, whole: bool, failed: int) -> None:
    """The function's log if it was asked for; without, conntrace's own lines, and where to look."""
    own = [line for line in text.splitlines(keepends=True) if line.startswith("conntrace: ")]
    sys.stderr.write(text if whole else "".join(dict.fromkeys(own)))
    if failed and not whole:
        say("an invocation failed: --log shows the function's log")


def line_of(number: int, invocation: Invocation) -> str:
    """One row of the table."""
    result = invocation.payload.decode("utf-8", "replace")
    if len(result) > _WIDEST_RESULT:
        result = f"{result[:_WIDEST_RESULT]}…"
    return _COLUMNS.format(
        number,
        _time(invocation.frozen_s),
        _time(invocation.init_s),
        _time(invocation.response_s),
        _time(invocation.duration_s),
        f"{invocation.memory_mb} MB",
        f"{invocation.status}: {result}" if invocation.error else result,
    )


def _time(seconds: float) -> str:
    if seconds == 0:
        return "-"
    return f"{seconds * 1000:.1f} ms" if seconds < 1 else f"{seconds:.2f} s"


@contextmanager
def _progress() -> Iterator[Callable[[str], None]]:
    """On a terminal a line that tells what is being waited for; else nothing."""
    if not sys.stderr.isatty():
        yield lambda text: None
        return
    from rich.console import Console

    status = Console(stderr=True).status("")

    def show(text: str) -> None:
        if text:
            status.update(text)
            status.start()
        else:
            status.stop()

    try:
        yield show
    finally:
        status.stop()


def _show_spans(
    path: Path, variables: Mapping[str, str], endpoint: str, output: str | None
) -> None:
    """The report; or where the spans went when the user has an endpoint of their own."""
    named = next((variables[name] for name in _ENDPOINTS if variables.get(name)), endpoint)
    if named != endpoint:
        say(f"the spans went to {named}")
        return
    from conntrace.report.text import report_text

    print(flush=True)
    report_text(path, sys.stdout)
    if output:
        say(f"spans: {output}")
