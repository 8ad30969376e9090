"""Hardships of an environment as a whole: memory, /tmp, a back end that is gone for long."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import Any

import pytest

from conntrace import semantic_names as names
from conntrace.simulator import LocalLambda, Mount
from conntrace.simulator.receiver import SpanReceiver
from conntrace.testing import read_spans
from tests.components.processes import free_port
from tests.lambda_platform.conftest import FUNCTIONS, Traces
from tests.lambda_platform.reading import invocations

Run = Callable[..., LocalLambda]


@pytest.fixture
def run(layer: Path, traces: Traces) -> Iterator[Run]:
    """`run("faults.echo", {...}, **options)` is a function with the layer and an endpoint."""
    with ExitStack() as stack:

        def start(
            handler: str, variables: Mapping[str, str] | None = None, **options: Any
        ) -> LocalLambda:
            environment = {
                "PYTHONDONTWRITEBYTECODE": "1",
                "AWS_LAMBDA_EXEC_WRAPPER": "/opt/conntrace",
                "OTEL_EXPORTER_OTLP_ENDPOINT": traces.receiver.endpoint,
                **(variables or {}),
            }
            options.setdefault("timeout_s", 20)
            made = LocalLambda(handler, FUNCTIONS, layer, environment, **options)
            return stack.enter_context(made)

        yield start


def test_memory_runs_out(run: Run, traces: Traces) -> None:
    """The platform kills the runtime; the invocation is seen as what it was."""
    function = run("faults.fill", memory_mb=200)
    assert function.invoke({"mb": 400}).error == "Runtime.OutOfMemory"
    assert function.invoke({"mb": 1}).json() == {"filled": 1}
    function.shutdown()
    first, second = invocations(traces.spans)
    assert (first.error, second.error) == (True, False)
    assert str(first.attributes[names.ERROR_TYPE]).startswith("Runtime.")


@pytest.fixture(params=["read-only", "full"])
def bad_tmp(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Mount]:
    """A /tmp that takes nothing. What is in it stays there: it may hold this checkout."""
    if os.geteuid() != 0:
        pytest.skip("only root can make a full file system")
    if request.param == "read-only":
        yield Mount(Path("/tmp"), Path("/tmp"))
        return
    with full_file_system_over(Path("/tmp"), tmp_path) as folder:
        yield Mount(folder, Path("/tmp"), read_only=False)


@contextmanager
def full_file_system_over(below: Path, folder: Path) -> Iterator[Path]:
    """What is below can be read; whatever is written goes to a file system without room."""
    small, merged = folder / "small", folder / "merged"
    small.mkdir()
    merged.mkdir()
    with ExitStack() as stack:
        mount(stack, small, "-t", "tmpfs", "-o", "size=64k", "none")
        for name in ("upper", "work"):
            (small / name).mkdir()
        layers = f"lowerdir={below},upperdir={small}/upper,workdir={small}/work"
        mount(stack, merged, "-t", "overlay", "-o", layers, "none")
        with suppress(OSError), open(merged / f"filler-{folder.name}", "wb", buffering=0) as file:
            for _ in range(256):
                file.write(b"x" * 1024)
        assert os.statvfs(small).f_bavail == 0
        yield merged


def mount(stack: ExitStack, place: Path, *words: str) -> None:
    """Until the stack is unwound."""
    subprocess.run(["mount", *words, str(place)], check=True)
    stack.callback(subprocess.run, ["umount", "--lazy", str(place)], check=True)


def test_tmp_takes_nothing(run: Run, traces: Traces, bad_tmp: Mount) -> None:
    """Neither function nor extension needs it."""
    function = run("faults.echo", mounts=(bad_tmp,))
    port = traces.receiver.endpoint.rpartition(":")[2]
    assert function.invoke({"port": int(port)}).json() == {"echo": {"port": int(port)}}
    assert function.invoke({}, gap_s=0.2).json() == {"echo": {}}
    function.shutdown()
    spans = traces.spans
    assert len(invocations(spans)) == 2
    assert len(spans.named(names.SOCKET_CONNECT)) == 1
    assert "conntrace: " not in function.log


def test_a_back_end_that_comes_back(run: Run, tmp_path: Path) -> None:
    """After a hundred invocations: what is not there any more is counted."""
    port = free_port()
    function = run("faults.echo", {"OTEL_EXPORTER_OTLP_ENDPOINT": f"http://127.0.0.1:{port}"})
    for number in range(100):
        assert function.invoke({"number": number}).json() == {"echo": {"number": number}}
    receiver = SpanReceiver(tmp_path / "late.jsonl", port)
    try:
        for number in range(3):
            function.invoke({"late": number}, gap_s=0.3)
        function.shutdown()
    finally:
        receiver.close()
    spans = read_spans(receiver.path)
    dropped = max(int(dict(s.resource.attributes).get(names.DROPPED_SPANS, 0)) for s in spans)
    seen = invocations(spans)
    assert len(seen) + dropped >= 103
    assert len({span.attributes[names.FAAS_INVOCATION_ID] for span in seen}) == len(seen)
