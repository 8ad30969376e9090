"""A file of OTLP JSON lines, the form that the OpenTelemetry Collector's file exporter writes.

One line is one ExportTraceServiceRequest and one `write`, made as soon as its spans are finished,
so that nothing finished is lost when anything is killed.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Sequence

from conntrace.analyzer.exporters.otlp_json import export_request
from conntrace.analyzer.span import Span
from conntrace.errors import ConntraceError


class FileExporter:
    """Appends lines to a file that only its owner can read."""

    def __init__(self, path: str, *, max_bytes: int) -> None:
        """Create or empty the file. Raises `ConntraceError` when it cannot be written."""
        self.path = path
        self._descriptor = _open(path)
        self._room = max_bytes
        self._dropped = 0
        self._torn = False
        self.problem = ""
        """Why spans were dropped last; empty when none were."""

    @property
    def dropped(self) -> int:
        """Spans that did not fit or could not be written."""
        return self._dropped

    def export(self, spans: Sequence[Span]) -> None:
        """Write one line for all of `spans`."""
        if not spans:
            return
        line = export_request(spans) + b"\n"
        if self._torn:
            # Ends the half line of a write that failed, so that only that line is unreadable.
            line = b"\n" + line
        if not (self._has_room(line) and self._write(line)):
            self._dropped += len(spans)

    def close(self, timeout_s: float) -> None:
        """Let go of the file; everything is written already."""
        if self._descriptor >= 0:
            os.close(self._descriptor)
            self._descriptor = -1

    def _has_room(self, line: bytes) -> bool:
        if self._descriptor < 0:
            self.problem = "it is closed"
        elif len(line) > self._room:
            self.problem = "it has reached its limit"
        else:
            return True
        return False

    def _write(self, line: bytes) -> bool:
        rest = memoryview(line)
        while rest:
            try:
                written = os.write(self._descriptor, rest)
            except OSError as error:
                # A full disk, a pipe without a reader: counted, and tried again next time.
                self.problem = str(error.strerror)
                self._torn = self._torn or len(rest) < len(line)
                return False
            self._room -= written
            rest = rest[written:]
        self._torn = False
        return True


def _open(path: str) -> int:
    # Non-blocking for the sake of named pipes without a reader; plain files do not know the flag.
    flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_APPEND | os.O_CLOEXEC | os.O_NONBLOCK
    try:
        descriptor = os.open(path, flags, 0o600)
    except OSError as error:
        raise ConntraceError(
            "file-not-writable", f"cannot write spans to {path}: {error.strerror}"
        ) from error
    try:
        if stat.S_ISREG(os.fstat(descriptor).st_mode):
            os.fchmod(descriptor, 0o600)
    except OSError:
        pass  # someone else's file that we may write to: its mode is theirs
    return descriptor
