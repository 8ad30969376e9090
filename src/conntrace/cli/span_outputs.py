"""Where the spans of a run go: a file, an OTLP endpoint, a report at the end."""

from __future__ import annotations

import os
import sys
import tempfile

from conntrace.analyzer.exporters.background import BackgroundExporter
from conntrace.analyzer.exporters.choose import otlp_exporter
from conntrace.analyzer.exporters.endpoints import shown_endpoint
from conntrace.analyzer.exporters.file import FileExporter
from conntrace.analyzer.exporters.resource import with_resource_attributes
from conntrace.analyzer.exporters.sampling import sampled
from conntrace.analyzer.span import Exporter
from conntrace.cli.run_options import RunOptions
from conntrace.cli.terminal import say
from conntrace.config import Settings
from conntrace.errors import ConntraceError

CLOSE_TIMEOUT_S = 10.0
# A report of more is of no use to anyone, and is read into memory as a whole.
REPORT_MAX_BYTES = 128 * 1024 * 1024


class SpanOutputs:
    """The exporters of one run, made from its options and settings.

    `problems` holds a line for each output that cannot be had: the command runs all the same.
    `empty` tells that no span came for the report.
    """

    def __init__(self, options: RunOptions, settings: Settings) -> None:
        self.problems: list[str] = []
        self.exporters: list[Exporter] = []
        self.places: list[str] = []
        self.empty = False
        self._settings = settings
        self._losers: list[tuple[str, BackgroundExporter | FileExporter, str]] = []
        self._kept = -1
        if options.output:
            self._add_file(options.output)
        if settings.exports_otlp:
            self._add_endpoint()
        if options.report or not self.places:
            self._add_temporary_file()

    def close(self) -> list[str]:
        """Deliver what is left; returns a line for each place that not everything reached."""
        for exporter in self.exporters:
            exporter.close(CLOSE_TIMEOUT_S)
        return [
            f"{exporter.dropped:,} spans did not reach {place}: {exporter.problem} {slug}"
            for place, exporter, slug in self._losers
            if exporter.dropped
        ]

    def show_report(self, agent_s: float) -> None:
        """The report on standard error, when it was asked for or is the only output.

        `agent_s` is what the agent itself took in all processes (seconds).
        """
        if self._kept < 0:
            return
        if not (os.fstat(self._kept).st_size or any(file.dropped for _, file, _ in self._losers)):
            say("Python looked no name up and opened no connection: there is nothing to report")
            self.empty = True
            return
        from conntrace.report.text import report_text

        try:
            report_text(f"/dev/fd/{self._kept}", sys.stderr, agent_s=agent_s)
            sys.stderr.flush()
        except (ConntraceError, OSError) as error:
            say(f"the report cannot be shown: {error} [report-failed]")

    def _add(self, exporter: Exporter, place: str) -> None:
        wanted = sampled(exporter, self._settings)
        self.exporters.append(with_resource_attributes(wanted, self._settings))
        self.places.append(place)

    def _add_file(self, path: str) -> None:
        try:
            file = FileExporter(path, max_bytes=self._settings.file_max_bytes)
        except ConntraceError as error:
            self.problems.append(str(error))
        else:
            self._losers.append((path, file, "[file-failed]"))
            self._add(file, path)

    def _add_endpoint(self) -> None:
        try:
            sender = otlp_exporter(self._settings)
        except ConntraceError as error:
            self.problems.append(str(error))
        else:
            place = shown_endpoint(self._settings)
            self._losers.append((place, sender, "[otlp-failed]"))
            self._add(sender, place)

    def _add_temporary_file(self) -> None:
        """The report shows everything, whatever the sampler lets out.

        The file has no name from the start: however the run ends, nothing is left behind.
        """
        try:
            self._kept, path = tempfile.mkstemp(prefix="conntrace-", suffix=".jsonl")
            file = FileExporter(path, max_bytes=REPORT_MAX_BYTES)
            self._losers.append(("the report", file, "[file-failed]"))
            self.exporters.append(file)
            os.unlink(path)
        except (OSError, ConntraceError) as error:
            self.problems.append(f"no room for the report's data: {error} [no-temporary-file]")
            self._kept = -1
