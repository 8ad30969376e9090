"""What the pytest plugin does once a test asks for it: one recording, looked at by several."""

from __future__ import annotations

import contextlib
import io
import os
import shutil
import tempfile
from collections.abc import Iterator, Sequence

import pytest

from conntrace import in_process
from conntrace import semantic_names as names
from conntrace.analyzer.causes.words import count, was_or_were
from conntrace.analyzer.exporters.file import FileExporter
from conntrace.analyzer.span import Exporter, Span
from conntrace.settings_table import GIBIBYTE
from conntrace.testing import Spans

_NOT_POSSIBLE = (
    "conntrace cannot trace this process: it is switched off (CONNTRACE_ENABLED=false,"
    " OTEL_SDK_DISABLED=true) or at work already (conntrace run, instrument())"
)


class Captured:
    """The spans since the capture began."""

    def __init__(self) -> None:
        self._spans = Spans()

    @property
    def spans(self) -> Spans:
        """Those finished until now; a list of its own each time."""
        in_process.flush()
        return Spans(self._spans)

    def export(self, spans: Sequence[Span]) -> None:
        """Take finished spans."""
        self._spans.extend(spans)


class _Tee:
    """An exporter before all that look at the recording at this moment."""

    def __init__(self) -> None:
        self.captures: list[Captured] = []
        self.file: FileExporter | None = None

    @property
    def dropped(self) -> int:
        return self.file.dropped if self.file is not None else 0

    def export(self, spans: Sequence[Span]) -> None:
        for captured in self.captures:
            captured.export(spans)
        if self.file is not None:
            self.file.export(spans)

    def close(self, timeout_s: float) -> None:
        if self.file is not None:
            self.file.close(timeout_s)


class Session:
    """One pytest process. It traces while a test looks, or with the option all the time."""

    def __init__(self) -> None:
        self._tee = _Tee()
        self._tracing = False
        self._recording = False
        self._owns_folder = False
        self.folder = ""
        """Where the processes of this run put their spans; empty without the option."""

    def record(self, folder: str) -> None:
        """Trace from now on, into the controller's folder or one of its own."""
        self._owns_folder = not folder
        self.folder = folder or tempfile.mkdtemp(prefix="conntrace-pytest-")
        path = os.path.join(self.folder, f"spans-{os.getpid()}.jsonl")
        self._tee.file = FileExporter(path, max_bytes=GIBIBYTE)
        self._recording = True
        self._start()

    @contextlib.contextmanager
    def capture(self) -> Iterator[Captured]:
        """The spans of a block. Fails the test when this process cannot be traced."""
        captured = Captured()
        if not self._tracing:
            self._start()
        else:
            in_process.flush()
        self._tee.captures.append(captured)
        try:
            yield captured
        finally:
            in_process.flush()
            self._tee.captures.remove(captured)
            if not self._recording and not self._tee.captures:
                self._stop()

    def report(self) -> str:
        """The terminal report of what all processes of this run recorded."""
        from conntrace.report.load import load_files
        from conntrace.report.text import write_text

        self._stop()
        self._tee.close(0)
        stream = io.StringIO()
        write_text(load_files([self.folder]), stream, width=shutil.get_terminal_size().columns)
        return stream.getvalue()

    def close(self) -> None:
        """Stop, and remove the folder if it is ours."""
        self._stop()
        self._tee.close(0)
        if self._owns_folder:
            shutil.rmtree(self.folder, ignore_errors=True)

    def _start(self) -> None:
        exporters: list[Exporter] = [self._tee]
        if not in_process.instrument(exporters=exporters):
            if self._recording:
                raise pytest.UsageError(_NOT_POSSIBLE)
            pytest.fail(_NOT_POSSIBLE, pytrace=False)
        self._tracing = True

    def _stop(self) -> None:
        if self._tracing:
            self._tracing = False
            in_process.uninstrument()


def complaint(setups: Sequence[Span], limit: int) -> str:
    """Why a marked test fails: every connection with its cause and what would avoid it."""
    number = len(setups)
    lines = [f"{count(number, 'connection')} {was_or_were(number)} set up; limit {limit}:"]
    for span in setups:
        told = span.attributes
        line = f"  {told.get(names.SERVER_ADDRESS)}:{told.get(names.SERVER_PORT)}"
        line += f"  {told.get(names.CAUSE_NAME, 'unexplained')}"
        if names.CAUSE_DETAIL in told:
            line += f": {told[names.CAUSE_DETAIL]}"
        lines.append(line)
        if names.CAUSE_ADVICE in told:
            lines.append(f"    {told[names.CAUSE_ADVICE]}")
        if names.CODE_FILE_PATH in told:
            place = f"{told[names.CODE_FILE_PATH]}:{told.get(names.CODE_LINE_NUMBER)}"
            lines.append(f"    from {place} in {told.get(names.CODE_FUNCTION_NAME)}")
    return "\n".join(lines)
