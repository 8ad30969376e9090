"""What the parent of a run does besides following the command: receive, think, write, report."""

from __future__ import annotations

import os
import signal
import sys
import threading
from typing import TYPE_CHECKING

from conntrace import config
from conntrace.analyzer.listener import Address
from conntrace.cli.run_options import RunOptions
from conntrace.cli.terminal import say
from conntrace.errors import ConntraceError

if TYPE_CHECKING:
    from conntrace.analyzer.pipeline import Pipeline
    from conntrace.analyzer.server import Server
    from conntrace.cli.recording import EventRecording
    from conntrace.cli.span_outputs import SpanOutputs


class Session:
    """One run, in a thread of its own: the main thread belongs to signals."""

    def __init__(self, options: RunOptions, address: Address, token: str) -> None:
        self._options = options
        self._address = address
        self._token = token
        self._ended = threading.Event()
        self._done = False
        self._thread = threading.Thread(target=self._run, name="conntrace", daemon=True)

    @property
    def running(self) -> bool:
        """False once everything is delivered and said; SIGCHLD tells when that happens."""
        return self._thread.is_alive() and not self._done

    def start(self) -> None:
        """Begin to receive."""
        self._thread.start()

    def command_ended(self) -> None:
        """The command has ended: take what is left, deliver it, and say how the run was."""
        self._ended.set()

    def _run(self) -> None:
        traced = sys.modules.get("conntrace.traced.context")
        if traced is not None:
            # A run within a run: the outer one is not to see what this one sends.
            traced.suppressed.set(True)
        try:
            self._work()
        except ConntraceError as error:
            say(str(error))
        except Exception as error:
            say(f"conntrace itself failed, nothing more is recorded: {error!r} [internal-error]")
        finally:
            self._address.close()
            self._ended.wait()
            self._done = True
            os.kill(os.getpid(), signal.SIGCHLD)  # wakes the main thread out of `sigwaitinfo`

    def _work(self) -> None:
        from conntrace.analyzer.pipeline import Pipeline
        from conntrace.analyzer.server import Server
        from conntrace.cli.recording import open_recording
        from conntrace.cli.span_outputs import SpanOutputs

        settings, problems = config.load(os.environ)
        outputs = SpanOutputs(self._options, settings)
        for line in problems + outputs.problems:
            say(line)
        recording = open_recording(self._options.events, max_bytes=settings.file_max_bytes)
        pipeline = Pipeline(outputs.exporters, redact=settings.redact, recorder=recording)
        server = Server(self._address, self._token, pipeline)
        server.serve(self._ended.wait)
        server.close()
        pipeline.finish()
        self._deliver(pipeline, server, outputs, recording)

    def _deliver(
        self,
        pipeline: Pipeline,
        server: Server,
        outputs: SpanOutputs,
        recording: EventRecording | None,
    ) -> None:
        from conntrace.cli.closing import closing_lines

        losses = outputs.close()
        if recording is not None:
            recording.close()
        summary = pipeline.summary()
        if summary.processes:
            outputs.show_report(summary.agent_s)
        for line in losses + closing_lines(summary, server, outputs, self._options.command):
            say(line)
