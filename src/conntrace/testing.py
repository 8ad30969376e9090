"""Helpers for tests: the spans of a block, of a whole program, of a recorded run.

with capture() as spans:
    requests.get(url)
assert spans.causes == ["first_use_of_destination"]

result = run_program(["app.py"])
assert result.spans.causes == ["first_use_of_destination"]
"""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from conntrace import semantic_names as names
from conntrace.analyzer.span import AttributeValue, Link, Resource, Span

__all__ = ["Result", "Span", "Spans", "capture", "read_spans", "replay", "run_program"]

_KINDS = {1: names.INTERNAL, 2: names.SERVER, 3: names.CLIENT, 5: names.CONSUMER}
_STATUS_ERROR = 2
_TIME_TO_END_S = 5.0


class Spans(list[Span]):
    """Finished spans, and the questions tests ask of them."""

    def named(self, name: str) -> list[Span]:
        """Those with this name, or this name and a destination; in order of their start."""
        found = [span for span in self if span.name == name or span.name.startswith(f"{name} ")]
        return sorted(found, key=lambda span: span.start_ns)

    @property
    def setups(self) -> list[Span]:
        """The connection set-ups."""
        return self.named(names.CONNECTION_SETUP)

    @property
    def causes(self) -> list[str]:
        """The causes of the connection set-ups."""
        return [str(span.attributes.get(names.CAUSE_NAME, "")) for span in self.setups]

    @property
    def invocations(self) -> list[Span]:
        """The invocations of a Lambda function, in order of their start."""
        found = [span for span in self if span.kind in (names.SERVER, names.CONSUMER)]
        return sorted(found, key=lambda span: span.start_ns)

    @property
    def advice(self) -> list[str]:
        """Every advice given, by whichever span."""
        given = (span.attributes.get(names.CAUSE_ADVICE) for span in self)
        return [str(advice) for advice in given if advice]

    @property
    def requests(self) -> list[Span]:
        """The HTTP requests that have a span of ours; not those that a function answers."""
        found = [
            span
            for span in self
            if names.HTTP_REQUEST_METHOD in span.attributes and span.kind != names.SERVER
        ]
        return sorted(found, key=lambda span: span.start_ns)

    def children(self, parent: Span) -> list[Span]:
        """The spans directly below, in order of their start."""
        key = (parent.trace_id, parent.span_id)
        found = [span for span in self if (span.trace_id, span.parent_span_id) == key]
        return sorted(found, key=lambda span: span.start_ns)

    def parent(self, child: Span) -> Span | None:
        """The span directly above; None for a root, or when it is not among these."""
        key = (child.trace_id, child.parent_span_id)
        return next((span for span in self if (span.trace_id, span.span_id) == key), None)

    def linked(self, span: Span) -> list[Span]:
        """The spans that its links point to."""
        keys = {(link.trace_id, link.span_id) for link in span.links}
        return [each for each in self if (each.trace_id, each.span_id) in keys]


@dataclass(frozen=True)
class Result:
    """How a program ended and what conntrace saw of it."""

    exit_code: int
    stdout: str
    stderr: str
    spans: Spans


@contextlib.contextmanager
def capture() -> Iterator[Spans]:
    """Trace this process for the length of the block; its spans are there when the block ends.

    Raises RuntimeError when conntrace traces this process already.
    """
    from conntrace.analyzer.exporters.memory import MemoryExporter
    from conntrace.in_process import instrument, uninstrument

    memory = MemoryExporter()
    spans = Spans()
    if not instrument(exporters=[memory]):
        raise RuntimeError("conntrace traces this process already")
    try:
        yield spans
    finally:
        uninstrument()
        spans.extend(memory.spans)


def run_program(
    program: Sequence[str | os.PathLike[str]] | str,
    *,
    env: Mapping[str, str] | None = None,
    cwd: str | os.PathLike[str] | None = None,
    options: Sequence[str] = (),
    timeout_s: float = 60.0,
) -> Result:
    """Run a program under `conntrace run` and read its spans back.

    `program` is the source of a Python program, a Python file and its arguments, or any command
    line that begins with the name of a program. `env` is added to this process's environment;
    `options` go to `conntrace run`. Raises subprocess.TimeoutExpired after `timeout_s` seconds.
    """
    with tempfile.TemporaryDirectory(prefix="conntrace-") as folder:
        output = Path(folder) / "spans.jsonl"
        command = [sys.executable, "-m", "conntrace", "run", "-o", str(output), *options, "--"]
        with subprocess.Popen(
            [*command, *_command_line(program, Path(folder))],
            env={**os.environ, **(env or {})},
            cwd=cwd,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        ) as running:
            stdout, stderr = _communicate(running, timeout_s)
        spans = read_spans(output) if output.exists() else Spans()
        return Result(running.returncode, stdout, stderr, spans)


def _communicate(running: subprocess.Popen[str], timeout_s: float) -> tuple[str, str]:
    """What it wrote. After the time-out the program itself is asked to end: killing only
    `conntrace run` would leave it behind."""
    try:
        return running.communicate(timeout=timeout_s)
    except subprocess.TimeoutExpired:
        running.terminate()
        try:
            running.communicate(timeout=_TIME_TO_END_S)
        except subprocess.TimeoutExpired:
            running.kill()
        raise


def read_spans(path: str | os.PathLike[str]) -> Spans:
    """Read a file of OTLP JSON lines, strictly: a line that is not whole raises ValueError."""
    spans = Spans()
    with open(path, encoding="utf-8") as lines:
        for line in lines:
            for resource_spans in json.loads(line)["resourceSpans"]:
                resource = Resource(tuple(_attributes(resource_spans["resource"]).items()))
                for scope_spans in resource_spans["scopeSpans"]:
                    spans.extend(_span(each, resource) for each in scope_spans["spans"])
    return spans


def replay(recording: str | os.PathLike[str] | Iterable[str]) -> Spans:
    """The spans of a recorded event stream (`run --events FILE`), given as a file or its lines.

    A line that begins with `#` is a remark.
    """
    from conntrace.analyzer import pipeline
    from conntrace.analyzer.exporters.memory import MemoryExporter

    lines: Iterable[bytes]
    if isinstance(recording, (str, os.PathLike)):
        # As bytes: text has more kinds of line ends, which an event may hold.
        lines = Path(recording).read_bytes().splitlines()
    else:
        lines = (line.encode("utf-8") for line in recording)
    memory = MemoryExporter()
    events = (line for line in lines if not line.startswith(b"#"))
    pipeline.replay(events, pipeline.Pipeline([memory]))
    return Spans(memory.spans)


def _command_line(program: Sequence[str | os.PathLike[str]] | str, folder: Path) -> list[str]:
    if isinstance(program, str):
        script = folder / "program.py"
        script.write_text(program, encoding="utf-8")
        return [sys.executable, str(script)]
    words = [os.fspath(word) for word in program]
    return [sys.executable, *words] if words[0].endswith(".py") else words


def _span(raw: dict[str, Any], resource: Resource) -> Span:
    return Span(
        trace_id=raw["traceId"],
        span_id=raw["spanId"],
        parent_span_id=raw.get("parentSpanId", ""),
        name=raw["name"],
        kind=_KINDS[raw["kind"]],
        start_ns=int(raw["startTimeUnixNano"]),
        end_ns=int(raw["endTimeUnixNano"]),
        resource=resource,
        attributes=_attributes(raw),
        links=[Link(link["traceId"], link["spanId"]) for link in raw.get("links", ())],
        error=raw.get("status", {}).get("code") == _STATUS_ERROR,
    )


def _attributes(holder: dict[str, Any]) -> dict[str, AttributeValue]:
    return {item["key"]: _value(item["value"]) for item in holder.get("attributes", ())}


def _value(value: dict[str, Any]) -> AttributeValue:
    ((form, raw),) = value.items()
    if form == "intValue":
        return int(raw)
    if form == "arrayValue":
        return [str(_value(item)) for item in raw.get("values", ())]
    found: str | bool | float = raw
    return found
