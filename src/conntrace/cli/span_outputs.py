"""Where the spans of a run go: a file, an OTLP endpoint, a report at the end."""

from __future__ import annotations

import os
import sys
import tempfile
from urllib.parse import urlsplit

from conntrace.analyzer.exporters.choose import endpoint_of, otlp_exporter
from conntrace.analyzer.exporters.file import FileExporter
from conntrace.analyzer.exporters.sampling import sampled
from conntrace.analyzer.span import Exporter
from conntrace.cli.run_options import RunOptions
from conntrace.cli.terminal import say
from conntrace.config import Settings
from conntrace.errors import ConntraceError

CLOSE_TIMEOUT_S = 10.0


class SpanOutputs:
    """The exporters of one run, made from its options and settings.

    `problems` holds a line for each output that cannot be had: the command runs all the same.
    """

    def __init__(self, options: RunOptions, settings: Settings) -> None:
        self.problems: list[str] = []
        self.exporters: list[Exporter] = []
        self.places: list[str] = []
        self._settings = settings
        self._report_source = ""
        self._temporary = ""
        if options.output:
            self._add_file(options.output)
        if settings.exports_otlp:
            self._add_endpoint()
        self._wants_report = options.report or not (options.output or settings.exports_otlp)
        if self._wants_report and not self._report_source:
            self._add_temporary_file()

    def close(self) -> None:
        """Deliver what is left."""
        for exporter in self.exporters:
            exporter.close(CLOSE_TIMEOUT_S)

    def show_report(self) -> None:
        """The report on standard error, when it was asked for or is the only output."""
        try:
            if self._wants_report and self._report_source:
                from conntrace.report.text import report_text

                report_text(self._report_source, sys.stderr)
                sys.stderr.flush()
        except (ConntraceError, OSError) as error:
            say(f"the report cannot be shown: {error} [report-failed]")
        finally:
            if self._temporary:
                os.unlink(self._temporary)

    def _add_file(self, path: str) -> None:
        try:
            file = FileExporter(path, max_bytes=self._settings.file_max_bytes)
        except ConntraceError as error:
            self.problems.append(str(error))
            return
        self.exporters.append(sampled(file, self._settings))
        self.places.append(path)
        if os.path.isfile(path):
            self._report_source = path

    def _add_temporary_file(self) -> None:
        try:
            descriptor, self._temporary = tempfile.mkstemp(prefix="conntrace-", suffix=".jsonl")
            os.close(descriptor)
            file = FileExporter(self._temporary, max_bytes=self._settings.file_max_bytes)
        except (OSError, ConntraceError) as error:
            self.problems.append(f"no room for the report's data: {error} [no-temporary-file]")
            return
        self.exporters.append(file)
        self._report_source = self._temporary

    def _add_endpoint(self) -> None:
        try:
            self.exporters.append(otlp_exporter(self._settings))
        except ConntraceError as error:
            self.problems.append(str(error))
            return
        parts = urlsplit(endpoint_of(self._settings))
        self.places.append(f"{parts.scheme}://{parts.hostname}:{parts.port or ''}".rstrip(":"))
