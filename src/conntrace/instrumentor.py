"""The adapter that `opentelemetry-instrument` finds by its entry point."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

from opentelemetry.instrumentation.instrumentor import BaseInstrumentor

from conntrace import in_process


class ConntraceInstrumentor(BaseInstrumentor):  # type: ignore[misc]
    """`instrument()` and `uninstrument()` by OpenTelemetry's contract."""

    def instrumentation_dependencies(self) -> Collection[str]:
        """None: what is not imported is not patched, whatever its version."""
        return ()

    def _instrument(self, **kwargs: Any) -> None:
        in_process.instrument(tracer_provider=kwargs.get("tracer_provider"))

    def _uninstrument(self, **kwargs: Any) -> None:
        in_process.uninstrument()
