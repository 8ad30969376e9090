"""Hardships of an environment as a whole: memory, /tmp, far too much to record."""

from __future__ import annotations

import json
import os
import re
import subprocess
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import Any

import pytest

from conntrace import semantic_names as names
from conntrace.simulator import LocalLambda, Mount
from conntrace.testing import Span
from tests.components.processes import free_port
from tests.lambda_platform.conftest import FUNCTIONS, Start, Traces
from tests.lambda_platform.platforms import Platform
from tests.lambda_platform.reading import invocations, payload_of

CONNECTS = 100_000
MOST_SPANS = 8_000
"""Of one invocation, as documented."""
MOST_MEBIBYTES = 100
"""Of function and extension together; without all this they use 40."""
MOST_S_AFTER_RESPONSE = 1.0
"""The extension's own limit is a tenth of it: this machine may have much else to do."""
MOST_INVOCATIONS = 20


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


def test_tmp_takes_nothing(
    platform: Platform, start: Start, traces: Traces, bad_tmp: Mount
) -> None:
    """Neither function nor extension needs it."""
    function = start(platform, "faults.echo", mounts=(bad_tmp,))
    port = int(traces.receiver.endpoint.rpartition(":")[2])
    assert payload_of(function, {"port": port}) == {"echo": {"port": port}}
    assert payload_of(function, {}) == {"echo": {}}
    function.shutdown()
    spans = traces.spans
    assert len(invocations(spans)) == 2
    assert len(spans.named(names.SOCKET_CONNECT)) == 1
    assert "conntrace: " not in function.log


def test_memory_runs_out(layer: Path, traces: Traces) -> None:
    """The platform kills the runtime; the invocation is seen as what it was.

    The emulator does not (`no-memory-limit`): there the kernel would, by the signal of
    `test_a_function_that_is_killed`.
    """
    variables = {
        "AWS_LAMBDA_EXEC_WRAPPER": "/opt/conntrace",
        "OTEL_EXPORTER_OTLP_ENDPOINT": traces.receiver.endpoint,
    }
    options: dict[str, Any] = {"memory_mb": 200, "timeout_s": 20}
    with LocalLambda("faults.fill", FUNCTIONS, layer, variables, **options) as function:
        assert function.invoke({"mb": 400}).error == "Runtime.OutOfMemory"
        assert function.invoke({"mb": 1}).json() == {"filled": 1}
    first, second = invocations(traces.spans)
    assert (first.error, second.error) == (True, False)
    assert str(first.attributes[names.ERROR_TYPE]).startswith("Runtime.")


def test_a_hundred_thousand_connects(platform: Platform, start: Start, traces: Traces) -> None:
    """In one invocation: memory is bounded, and so is the time after the response; what has no
    room is counted."""
    function = start(platform, "faults.connect_often", timeout_s=120)
    event = {"port": free_port(), "times": CONNECTS}
    answer = function.invoke(event)
    assert json.loads(answer.payload) == {"refused": CONNECTS}
    # On a busy machine the last flush's two seconds are too few for so many spans.
    for _ in range(MOST_INVOCATIONS):
        assert payload_of(function, {**event, "times": 1}) == {"refused": 1}
        if len(invocations(traces.spans)) > 1:
            break
    function.shutdown()
    spans = traces.spans
    first, *_ = invocations(spans)
    assert not first.error
    assert len(spans.children(first)) <= MOST_SPANS
    told = re.search(r"conntrace: ([\d,]+) requests or events were left out", function.log)
    assert told is not None, function.log
    assert int(told[1].replace(",", "")) > CONNECTS
    assert max(dropped_of(span) for span in spans) > 0
    [duration, memory, *_] = re.findall(
        r"(?:\tDuration|Memory Used): ([\d.]+) M?m?[Bs]", function.log
    )
    # The emulator has only one number for both (`late-response`), and invents the other.
    if not platform.lacks("late-response"):
        assert float(duration) / 1000 - answer.response_s < MOST_S_AFTER_RESPONSE
    if not platform.lacks("no-report"):
        assert int(memory) < MOST_MEBIBYTES


def dropped_of(span: Span) -> int:
    """What the resource says of spans that were lost before it."""
    return int(dict(span.resource.attributes).get(names.DROPPED_SPANS, 0))
