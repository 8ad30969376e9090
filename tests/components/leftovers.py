"""What a test must not leave behind: programs that still run, and patched functions."""

from __future__ import annotations

import os
import signal
import socket
import sys
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from types import FunctionType

import pytest

from tests.components.processes import TEST_MARK, lasting_servers

# Functions that conntrace hooks. A wrapper of any kind has other globals than their own module's,
# even one that copies names and attributes.
PATCHED = (
    ("socket", "getaddrinfo"),
    ("ssl", "SSLSocket.do_handshake"),
    ("http.client", "HTTPConnection.connect"),
    ("urllib3.connectionpool", "HTTPConnectionPool.urlopen"),
    ("urllib3.connectionpool", "HTTPConnectionPool._get_conn"),
    ("urllib3.connectionpool", "HTTPConnectionPool._put_conn"),
    ("urllib3.connection", "HTTPConnection._new_conn"),
    ("urllib3.connection", "HTTPConnection.connect"),
    ("botocore.client", "BaseClient._make_api_call"),
)

# multiprocessing keeps these for the life of the process that first needed them.
KEPT_HELPERS = (b"multiprocessing.resource_tracker", b"multiprocessing.forkserver")


def still_patched() -> list[str]:
    """The names of what is not as its library made it; modules nobody imported are left alone."""
    found = [
        f"{module}.{name}"
        for module, name in PATCHED
        if module in sys.modules and not is_own(module, name)
    ]
    for name in ("connect", "connect_ex"):
        if name in vars(socket.socket):
            found.append(f"socket.socket.{name}")
    return found


def is_own(module: str, name: str) -> bool:
    value: object = sys.modules[module]
    for part in name.split("."):
        value = getattr(value, part)
    # The same package is enough: botocore decorates its own functions.
    package = module.partition(".")[0]
    return (
        type(value) is FunctionType
        and value.__globals__.get("__name__", "").partition(".")[0] == package
    )


def running_programs() -> dict[int, str]:
    """Children of this process, and programs that a test started and whose parent is gone.

    Where there is no /proc nothing is found: the check then guards less, and harms nobody.
    """
    mark = f"{TEST_MARK}={os.getpid()}".encode()
    found: dict[int, str] = {}
    for folder in Path("/proc").glob("[0-9]*"):
        pid = int(folder.name)
        with suppress(OSError):
            state, parent = (folder / "stat").read_text().rpartition(")")[2].split()[:2]
            if pid in (os.getpid(), *lasting_servers) or state in "ZX":
                continue
            command = (folder / "cmdline").read_bytes()
            if any(helper in command for helper in KEPT_HELPERS):
                continue
            marked = mark in (folder / "environ").read_bytes().split(b"\0")
            if marked or int(parent) == os.getpid():
                found[pid] = command.replace(b"\0", b" ").decode(errors="replace").strip()
    return found


def new_programs(before: dict[int, str], seconds: float = 3.0) -> dict[int, str]:
    """What runs now and did not before; programs on their way out get a moment for it."""
    deadline = time.monotonic() + seconds
    while True:
        found = {pid: text for pid, text in running_programs().items() if pid not in before}
        if not found or time.monotonic() > deadline:
            return found
        time.sleep(0.02)


@pytest.fixture(autouse=True)
def nothing_left_behind() -> Iterator[None]:
    """Fails a test that leaves a program running or a function patched."""
    # Set here and not in the shell, so that each xdist worker finds only what is its own.
    os.environ[TEST_MARK] = str(os.getpid())
    before, patched_before = running_programs(), still_patched()
    yield
    programs = new_programs(before)
    for pid in programs:
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
    assert not programs, f"the test left programs running: {programs}"
    # pytest plugins of other tools may patch this process for good.
    patched = [name for name in still_patched() if name not in patched_before]
    assert not patched, f"the test left patched: {patched}"
