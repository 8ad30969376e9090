"""The adapter that `opentelemetry-instrument` finds by its entry point."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

from opentelemetry.instrumentation.instrumentor import BaseInstrumentor

from conntrace import in_process
from conntrace.traced import recorder, run_start


class ConntraceInstrumentor(BaseInstrumentor):  # type: ignore[misc]
    """`instrument()` and `uninstrument()` by OpenTelemetry's contract."""

    def instrumentation_dependencies(self) -> Collection[str]:
        """None: what is not imported is not patched, whatever its version."""
        return ()

    def _instrument(self, **kwargs: Any) -> None:
        # Below `conntrace run`: `opentelemetry-instrument` puts a sitecustomize of its own before
        # ours and does not pass it on, so this is where the agent of the run comes in.
        if recorder.running is None and run_start.start():
            return
        in_process.instrument(tracer_provider=kwargs.get("tracer_provider"))

    def _uninstrument(self, **kwargs: Any) -> None:
        in_process.uninstrument()
