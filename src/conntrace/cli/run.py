"""`conntrace run`: start a command, receive the events of its Python processes, end as it ended.

The command is started first and everything heavy is loaded afterwards, in another thread, so that
the program waits for nothing of ours.
"""

from __future__ import annotations

import os
import signal

import conntrace
from conntrace.analyzer import listener
from conntrace.cli.child import Child, CommandNotStarted, end_like
from conntrace.cli.run_options import HELP, RunOptions, parse
from conntrace.cli.terminal import say
from conntrace.config import Settings
from conntrace.errors import UsageError

_INTERRUPTS = frozenset({signal.SIGINT, signal.SIGTERM, signal.SIGQUIT, signal.SIGHUP})


def main(arguments: list[str]) -> int:
    """`conntrace run` with the words after `run`; returns the exit code, or dies by a signal."""
    _hold_closed_streams()
    try:
        options = parse(arguments)
    except UsageError as error:
        say(str(error))
        return error.exit_code
    if options.help:
        print(HELP, end="")
        return 0
    try:
        return _run(options)
    except CommandNotStarted as error:
        say(str(error))
        return error.exit_code


def _run(options: RunOptions) -> int:
    settings = Settings(os.environ)
    if not settings.active:
        name = "OTEL_SDK_DISABLED" if settings.sdk_disabled else "CONNTRACE_ENABLED"
        say(f"switched off by {name}: nothing is recorded [switched-off]")
        return _run_untraced(options.command)
    try:
        address = listener.bind()
    except OSError as error:
        say(f"no unix socket can be made ({error.strerror}): nothing is recorded [no-channel]")
        return _run_untraced(options.command)
    token = os.urandom(16).hex()
    child = Child(options.command, child_environment(address.value, token))
    _let_go_of_standard_streams()
    return _follow(child, options, address, token)


def _follow(child: Child, options: RunOptions, address: listener.Address, token: str) -> int:
    from conntrace.cli.session import Session

    session = Session(options, address, token)
    session.start()
    status = child.wait()
    session.command_ended()
    while session.running:
        if child.wait_for_signal() in _INTERRUPTS:
            break  # the user does not want to wait for the rest
    return end_like(status)


def _run_untraced(command: list[str]) -> int:
    child = Child(command, _original_environment())
    return end_like(child.wait())


def child_environment(channel: str, token: str) -> dict[str, str]:
    """The command's environment: ours, with the start-up folder and the channel."""
    environment = _original_environment()
    startup = os.path.join(os.path.dirname(conntrace.__file__), "startup")
    paths = [path for path in environment.get("PYTHONPATH", "").split(os.pathsep) if path]
    environment["PYTHONPATH"] = os.pathsep.join([startup, *(p for p in paths if p != startup)])
    environment["CONNTRACE_CHANNEL"] = channel
    environment["CONNTRACE_TOKEN"] = token
    return environment


def _original_environment() -> dict[str, str]:
    """Our environment without the LC_CTYPE that this Python may have set for itself (PEP 538)."""
    environment = dict(os.environ)
    if environment.get("LC_CTYPE") in ("C.UTF-8", "C.utf8", "UTF-8"):
        try:
            with open("/proc/self/environ", "rb") as start:
                given = start.read()
        except OSError:
            return environment
        if b"\0LC_CTYPE=" not in b"\0" + given:
            del environment["LC_CTYPE"]
    return environment


def _hold_closed_streams() -> None:
    """A standard stream that was closed before us stays closed for the command, but no socket or
    file of ours gets its number: it would be taken for the stream."""
    while (descriptor := os.open(os.devnull, os.O_RDWR)) <= 2:
        pass
    os.close(descriptor)


def _let_go_of_standard_streams() -> None:
    """Standard input and output are the child's alone: a pipe of it ends when the child says so."""
    null = os.open(os.devnull, os.O_RDWR)
    for descriptor in (0, 1):
        os.dup2(null, descriptor)
    os.close(null)
