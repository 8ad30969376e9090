"""`conntrace doctor`: can it work here, with which settings, and can the endpoint be reached."""

from __future__ import annotations

import os
import platform
import socket
from collections.abc import Iterator
from importlib.metadata import PackageNotFoundError, version
from typing import NamedTuple

import click

import conntrace
from conntrace.config import load
from conntrace.settings_table import TABLE

_PACKAGES = ("wrapt", "urllib3", "requests", "botocore", "boto3", "opentelemetry-sdk")


class Check(NamedTuple):
    """One thing looked at. `healthy` is None where there is nothing to judge."""

    name: str
    finding: str
    healthy: bool | None = None


@click.command("doctor", short_help="Is it on, what is in force, can it work here.")
def command() -> int:
    """Look at this machine and environment; the exit code is 0 when all is well, else 1."""
    sick = False
    for check in checks():
        mark = {True: "ok  ", False: "BAD ", None: "    "}[check.healthy]
        click.echo(f"{mark} {check.name:<20} {check.finding}")
        sick = sick or check.healthy is False
    return 1 if sick else 0


def checks() -> Iterator[Check]:
    """All that is looked at, in order."""
    yield Check("conntrace", conntrace.__version__)
    yield Check("python", f"{platform.python_version()} on {platform.system()}")
    for package in _PACKAGES:
        yield Check(package, _version(package))
    yield _channel()
    settings, problems = load(os.environ)
    yield Check("switched on", "yes" if settings.active else "no", settings.active)
    for row in TABLE:
        given = next((name for name in row.names if os.environ.get(name)), "")
        if given and not row.internal:
            value = "(set)" if row.secret else str(getattr(settings, row.field))
            yield Check(given, value)
    for problem in problems:
        yield Check("setting", problem, False)
    if settings.exports_otlp:
        yield _endpoint()


def _version(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        return "not installed"


def _channel() -> Check:
    """Which kind of unix socket events can take here."""
    for name in ("SOCK_SEQPACKET", "SOCK_DGRAM"):
        try:
            socket.socket(socket.AF_UNIX, getattr(socket, name)).close()
        except (AttributeError, OSError):
            continue
        note = (
            ""
            if name == "SOCK_SEQPACKET"
            else " (SEQPACKET is not there: a killed process is noticed late)"
        )
        return Check("channel", f"AF_UNIX {name}{note}", True)
    return Check("channel", "no unix socket: conntrace run cannot record here", False)


def _endpoint() -> Check:
    """A real, empty export to the endpoint."""
    from conntrace.analyzer.exporters.choose import HTTP_JSON, protocol_of, shown_endpoint
    from conntrace.analyzer.exporters.http_post import HttpPost, PostFailed

    settings, _ = load(os.environ)
    if protocol_of(settings) != HTTP_JSON:
        return Check("endpoint", f"{protocol_of(settings)}: not tried")
    try:
        answer = HttpPost(settings).send(
            b'{"resourceSpans":[]}', {"Content-Type": "application/json"}, settings.otlp_timeout_s
        )
    except PostFailed as error:
        return Check("endpoint", f"cannot be reached: {error}", False)
    healthy = answer.status // 100 == 2
    host = shown_endpoint(settings)
    return Check("endpoint", f"{host} answered {answer.status} to an empty export", healthy)
