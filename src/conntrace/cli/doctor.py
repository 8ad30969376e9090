"""`conntrace doctor`: can it work here, with which settings, and can the endpoint be reached."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator

import click

from conntrace.doctor import agent, endpoint, function, in_force, machine
from conntrace.doctor.check import Check


@click.command("doctor", short_help="Is it on, what is in force, can it work here.")
@click.option("--all", "everything", is_flag=True, help="Also list settings that are not set.")
@click.option("--json", "as_json", is_flag=True, help="Write JSON.")
def command(everything: bool, as_json: bool) -> int:
    """Look at this machine and environment; the exit code is 0 when all is well, else 1."""
    found = checks(everything=everything)
    return _write_json(list(found)) if as_json else _write_text(found)


def checks(*, everything: bool = False) -> Iterator[Check]:
    """All that is looked at, in order."""
    yield from machine.checks()
    yield from in_force.checks(os.environ, defaults=everything)
    yield from agent.checks()
    yield from function.checks(os.environ)
    yield from endpoint.checks()


def _write_text(found: Iterator[Check]) -> int:
    """Line by line, as the checks are made: some take their time."""
    sick, group = 0, ""
    for check in found:
        if check.group != group:
            group = check.group
            click.echo(group)
        mark = {True: "ok ", False: "BAD", None: "   "}[check.healthy]
        click.echo(f"  {mark} {check.name:<22} {check.finding}")
        sick += check.healthy is False
    click.echo("all is well" if not sick else f"not well: {sick} marked BAD")
    return 1 if sick else 0


def _write_json(found: list[Check]) -> int:
    healthy = all(check.healthy is not False for check in found)
    document = {
        "format": "conntrace-doctor",
        "version": 1,
        "healthy": healthy,
        "checks": [check._asdict() for check in found],
    }
    click.echo(json.dumps(document, indent=1))
    return 0 if healthy else 1
