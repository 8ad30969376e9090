"""`run --events FILE`: the events themselves, made fit to be replayed or attached to an issue.

One line is `process TAB event`, as `conntrace.testing.replay` reads it. The analyzer has taken out
the token and URL paths already; here go host names (each replaced by the same stand-in everywhere),
the service's name, and the folders of source files.
"""

from __future__ import annotations

import os
import stat

from conntrace.analyzer.spans_redaction import redact
from conntrace.cli.terminal import say
from conntrace.events import Event, Hello, decode, encode

_HOSTS = frozenset({"hosts"})


class EventRecording:
    """A file of event lines that only its owner can read, `max_bytes` long at most."""

    def __init__(self, path: str, *, max_bytes: int) -> None:
        """Create or empty the file. Raises `OSError`."""
        self.path = path
        self._room = max_bytes
        # Non-blocking: a named pipe without a reader is an error, and no wait without end.
        flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC | os.O_NONBLOCK
        descriptor = os.open(path, flags, 0o600)
        if stat.S_ISREG(os.fstat(descriptor).st_mode):
            _hide_from_others(descriptor)
        self._file = os.fdopen(descriptor, "wb", buffering=64 * 1024)
        self._failed = False

    def __call__(self, line: bytes) -> None:
        """Write one line from the analyzer; a disk or a file that is full is told once."""
        if self._failed:
            return
        process, _, event = line.partition(b"\t")
        clean = process + b"\t" + encode(_without_names(decode(event))) + b"\n"
        self._room -= len(clean)
        if self._room < 0:
            self._fail("CONNTRACE_FILE_MAX_BYTES is reached, the rest is left out")
            return
        try:
            self._file.write(clean)
        except OSError as error:
            self._fail(error.strerror)

    def close(self) -> None:
        """Write what is buffered."""
        try:
            self._file.close()
        except OSError as error:
            self._fail(error.strerror)

    def _fail(self, reason: str | None) -> None:
        if not self._failed:
            self._failed = True
            say(_not_writable(self.path, reason))


def open_recording(path: str, *, max_bytes: int) -> EventRecording | None:
    """The recording that the user asked for; None when there is none or it cannot be made."""
    if not path:
        return None
    try:
        return EventRecording(path, max_bytes=max_bytes)
    except OSError as error:
        say(_not_writable(path, error.strerror))
        return None


def _hide_from_others(descriptor: int) -> None:
    """Also a file that was there before."""
    try:
        os.fchmod(descriptor, 0o600)
    except OSError:
        pass  # someone else's file that we may write to: its mode is theirs


def _not_writable(path: str, reason: str | None) -> str:
    return f"cannot write events to {path}: {reason} [events-not-writable]"


def _without_names(event: Event) -> Event:
    redact(event, _HOSTS)
    if isinstance(event, Hello):
        event.service = ""
    site = getattr(event, "site_file", "")
    if "/" in site:
        event.site_file = "/".join(site.split("/")[-2:])  # type: ignore[attr-defined]
    return event
