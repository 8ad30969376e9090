"""The clock of a running environment is set: function and extension see the same new time."""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path

import pytest

from conntrace import semantic_names as names
from tests.components.require import require
from tests.integration.sound import assert_sound
from tests.lambda_platform.conftest import Start, Traces
from tests.lambda_platform.platforms import Platform
from tests.lambda_platform.reading import invocations

SOURCE = Path(__file__).with_name("clock.c")
HOUR = 3600


@pytest.fixture(scope="session")
def preloaded(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The library that shifts the time of day."""
    compiler = shutil.which("cc")
    require(compiler is not None, "setting a process's clock takes a C compiler, cc")
    library = tmp_path_factory.mktemp("clock") / "clock.so"
    subprocess.run(
        [str(compiler), "-shared", "-fPIC", "-Wall", "-Werror", "-o", str(library), str(SOURCE)],
        check=True,
        timeout=60,
    )
    return library


@pytest.fixture
def clock(preloaded: Path, tmp_path: Path) -> dict[str, str]:
    """Variables with which a process shifts its time of day by what a file says."""
    return {"LD_PRELOAD": str(preloaded), "CLOCK_SHIFT_FILE": str(tmp_path / "shift")}


@pytest.mark.parametrize("hours", [-2, 2])
def test_a_clock_that_is_set(
    platform: Platform, start: Start, traces: Traces, clock: dict[str, str], hours: int
) -> None:
    """In the middle of an invocation, and back again in the middle of the next one."""
    port = int(traces.receiver.endpoint.rpartition(":")[2])
    shift = Path(clock["CLOCK_SHIFT_FILE"])
    answers = []
    for traced in (False, True):
        shift.write_text("0")
        function = start(platform, "faults.set_clock", clock, traced=traced)
        for to in (hours, 0, hours):
            event = {"port": port, "file": str(shift), "to": to * HOUR}
            answers.append(json.loads(function.invoke(event).payload))
        function.shutdown()
    assert answers == 2 * [{"hours": hours}, {"hours": -hours}, {"hours": hours}]
    spans = traces.spans
    assert_sound(spans, in_lambda=True)
    # It took no hours: each invocation ends by the clock it began with.
    assert all(span.end_ns - span.start_ns < 60e9 for span in spans)
    seen = invocations(spans)
    assert len({span.attributes[names.FAAS_INVOCATION_ID] for span in seen}) == 3
    assert [len(spans.children(span)) for span in seen] == [2, 2, 2]
    began = sorted(span.start_ns for span in seen)
    apart_s = (began[2] - began[0]) / 1e9
    assert apart_s == pytest.approx(abs(hours) * HOUR, abs=60)
    assert "conntrace:" not in function.log
