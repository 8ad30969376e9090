"""What the pytest fixture `lambda_environment` gives: functions, and the spans of their layer."""

from __future__ import annotations

import time
from collections.abc import Mapping
from contextlib import ExitStack
from os import PathLike
from pathlib import Path
from typing import Any

from conntrace.simulator.local_lambda import LocalLambda
from conntrace.simulator.receiver import SpanReceiver
from conntrace.testing import Spans, read_spans

WRAPPER = "/opt/conntrace"


class LambdaEnvironment:
    """Starts functions, ends them with the test, and keeps the spans that their layer sends."""

    def __init__(self, folder: Path, layer: str | PathLike[str] | None = None) -> None:
        """`layer` is attached where a test names none."""
        self._layer = layer
        self._stack = ExitStack()
        self.receiver = SpanReceiver(folder / "spans.jsonl")
        """The OTLP endpoint; its `path` is a span file for `conntrace report`."""
        self._stack.callback(self.receiver.close)

    def __call__(
        self, handler: str, *, environment: Mapping[str, str] | None = None, **options: Any
    ) -> LocalLambda:
        """A function, with the options of `LocalLambda`.

        Unless `environment` says otherwise, a layer's wrapper and this endpoint are set, so that
        the spans are found in `spans`.
        """
        options.setdefault("layer", self._layer)
        settings = dict(environment or {})
        if options["layer"]:
            settings.setdefault("AWS_LAMBDA_EXEC_WRAPPER", WRAPPER)
            settings.setdefault("OTEL_EXPORTER_OTLP_ENDPOINT", self.receiver.endpoint)
        function = LocalLambda(handler, environment=settings, **options)
        return self._stack.enter_context(function)

    @property
    def spans(self) -> Spans:
        """What has arrived until now. All is there after `function.shutdown()`."""
        return read_spans(self.receiver.path)

    def wait_for_spans(self, name: str, count: int = 1, seconds: float = 10.0) -> Spans:
        """Wait for spans of a kind (`DNS lookup`), and give all; after the time what is there."""
        deadline = time.monotonic() + seconds
        while len((found := self.spans).named(name)) < count and time.monotonic() < deadline:
            time.sleep(0.02)
        return found

    def close(self) -> None:
        """SHUTDOWN for all functions."""
        self._stack.close()
