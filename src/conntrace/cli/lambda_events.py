"""The events of `conntrace lambda --events`: one a line, or one that takes the whole file."""

from __future__ import annotations

import json

import click

from conntrace.errors import ConntraceError


def events_in(name: str | None) -> list[object]:
    """The events of a file, `-` for standard input; blank lines are left out. Without a file: {}.

    Raises ConntraceError.
    """
    if name is None:
        return [{}]
    try:
        with click.open_file(name, encoding="utf-8-sig") as file:
            text = file.read()
    except (OSError, UnicodeDecodeError) as error:
        raise ConntraceError(
            "lambda-events", f"cannot read the events in {name}: {error}"
        ) from error
    lines = [(number, line) for number, line in enumerate(text.split("\n"), 1) if line.strip()]
    if not lines:
        raise ConntraceError("lambda-events", f"there is no event in {name}")
    if len(lines) > 1:
        try:
            return [json.loads(text)]
        except (ValueError, RecursionError):
            pass  # Then it is one a line.
    return [_event(line, name, number) for number, line in lines]


def _event(line: str, name: str, number: int) -> object:
    try:
        return json.loads(line)
    except (ValueError, RecursionError) as error:
        raise ConntraceError(
            "lambda-events", f"line {number} of {name} is no JSON document: {error}"
        ) from error
