"""Garbage in the settings and on the channel."""

from __future__ import annotations

import pytest

from conntrace.settings_table import TABLE
from tests.extension.acting import NOWHERE, Function
from tests.extension.conftest import Start
from tests.extension.platform import Platform
from tests.unit.exporters.collector import Collector


@pytest.mark.parametrize("endpoint", ["", NOWHERE])
def test_garbage_in_every_setting_is_said_once_and_stops_nothing(
    platform: Platform, start: Start, function: Function, endpoint: str
) -> None:
    garbage = {
        name: "\x01 garbage=,;%zz\udcff"
        for row in TABLE
        if not row.internal
        for name in row.names
        if not name.endswith("_ENDPOINT")
    }
    garbage["CONNTRACE_NONSENSE"] = "1"
    garbage["OTEL_EXPORTER_OTLP_ENDPOINT"] = endpoint
    extension = start(**garbage)
    platform.wait_for_next(1)
    process = function()
    for number in range(1, 4):
        platform.invoke(f"request-{number}")
        process.begin(f"request-{number}")
        process.end()
        platform.wait_for_next(number + 1)
    platform.shut_down()
    assert extension.ended() == 0
    log = extension.log.splitlines()
    told = [line for line in log if line.endswith("[wrong-setting]")]
    assert len(told) == len({line.split("=")[0].split(" ")[1] for line in told}) > 10
    assert sum(line.endswith("[unknown-setting]") for line in log) == 1
    assert "[extension-failed]" not in extension.log


def test_what_nobody_understands_is_left_out_and_said(
    platform: Platform, start: Start, function: Function, backend: Collector
) -> None:
    extension = start(OTEL_EXPORTER_OTLP_ENDPOINT=backend.url)
    platform.wait_for_next(1)
    process = function()
    platform.invoke("request-1")
    process.begin("request-1")
    process.send_lines([b"no_such_event\t1\t2", b"\xff\xfe", b"lookup_start\tno number"])
    process.end()
    platform.wait_for_next(2)
    platform.shut_down()
    assert extension.ended() == 0
    assert backend.names == ["shop"]
    (line,) = extension.log.splitlines()
    assert line.endswith("packets or lines were not understood and left out [bad-events]")
