"""Versions, and what this machine offers."""

from __future__ import annotations

import platform
import socket
import sys
from collections.abc import Iterator
from importlib.metadata import PackageNotFoundError, version

import conntrace
from conntrace.doctor.check import Check

_GROUP = "machine"
_PACKAGES = ("wrapt", "urllib3", "requests", "botocore", "boto3", "opentelemetry-sdk")


def checks() -> Iterator[Check]:
    """All of this group."""
    yield Check(_GROUP, "conntrace", conntrace.__version__)
    yield Check(_GROUP, "python", f"{platform.python_version()} on {platform.system()}")
    yield Check(_GROUP, "interpreter", sys.executable)
    for package in _PACKAGES:
        yield Check(_GROUP, package, _version(package))
    yield _channel()


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
        return Check(_GROUP, "channel", f"AF_UNIX {name}{note}", True)
    return Check(_GROUP, "channel", "no unix socket: conntrace run cannot record here", False)
