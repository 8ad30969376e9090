"""Where spans go fails, hangs or talks nonsense: the program gets what it gets without us."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.servers.garbage import ACCEPTED, ANSWERS, GarbageServer
from tests.servers.loopback import Behaviour, LoopbackServer

PROGRAMS = Path(__file__).parent / "programs"
# What a hanging place may add to the end of a run, on a machine that has other things to do.
PATIENCE_S = 40
PROGRAM = """
import sys, urllib3
pool = urllib3.PoolManager()
print([pool.request("GET", sys.argv[1]).data for _ in range(5)])
sys.exit(3)
"""
EXPECTED = (3, f"{[b'ok'] * 5}\n")
CLOSING = re.compile(r"conntrace: 1 process .* ([\d,]+) dropped .*")
ENDPOINT = "OTEL_EXPORTER_OTLP_ENDPOINT"


@pytest.fixture
def url() -> Iterator[str]:
    with LoopbackServer(Behaviour(max_connections=1000)) as running:
        yield running.url(path="/")


def said_by_a_run(url: str, *options: str, **environment: str) -> list[str]:
    """What conntrace says around a program that fares as it does without it."""
    command = [sys.executable, "-m", "conntrace", "run", *options, "--"]
    began = time.monotonic()
    ended = subprocess.run(
        [*command, sys.executable, "-c", PROGRAM, url],
        capture_output=True,
        text=True,
        timeout=110,
        env={**os.environ, "NO_PROXY": "*", "OTEL_EXPORTER_OTLP_TIMEOUT": "1000", **environment},
    )
    assert time.monotonic() - began < PATIENCE_S
    assert (ended.returncode, ended.stdout) == EXPECTED, ended.stderr
    return ended.stderr.splitlines()


def assert_lost(said: list[str], slug: str) -> None:
    """One line on the place, one on the run: they agree on how many spans were lost."""
    failed, closing = said
    assert failed.endswith(f"[{slug}]")
    match = CLOSING.fullmatch(closing)
    assert match is not None, closing
    assert failed.startswith(f"conntrace: {match[1]} spans did not reach ")
    assert int(match[1].replace(",", "")) >= 6, closing


@pytest.mark.parametrize("name", ANSWERS)
def test_an_endpoint_that_answers_garbage(name: str, url: str) -> None:
    with GarbageServer(ANSWERS[name]) as server:
        said = said_by_a_run(url, **{ENDPOINT: server.url})
    if name in ACCEPTED:
        assert len(said) == 1
        assert " 0 dropped " in said[0]
    else:
        assert_lost(said, "otlp-failed")


@pytest.mark.parametrize("protocol", ["http/json", "http/protobuf", "grpc"])
def test_an_endpoint_that_never_answers(protocol: str, url: str) -> None:
    """JSON of our own, protobuf and gRPC of OpenTelemetry's exporters."""
    with GarbageServer(b"x" * 1000, drip_s=0.5) as server:
        environment = {ENDPOINT: server.url, "OTEL_EXPORTER_OTLP_PROTOCOL": protocol}
        assert_lost(said_by_a_run(url, **environment), "otlp-failed")


def test_a_disk_that_is_full(url: str) -> None:
    assert_lost(said_by_a_run(url, "-o", "/dev/full"), "file-failed")


def test_a_pipe_that_nobody_reads(url: str, tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    said = said_by_a_run(url, "-o", str(tmp_path / "pipe"))
    assert said[0].endswith("[file-not-writable]")
    assert " 5 requests " in said[-1], "the report stands in"


def test_a_pipe_whose_reader_sleeps(url: str, tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    reader = os.open(pipe, os.O_RDONLY | os.O_NONBLOCK)
    writer = os.open(pipe, os.O_WRONLY | os.O_NONBLOCK)
    try:
        while os.write(writer, b"\n" * 4096):
            pass
    except BlockingIOError:
        pass
    said = said_by_a_run(url, "-o", str(pipe))
    os.close(writer)
    os.close(reader)
    assert_lost(said, "file-failed")


def test_every_place_fails_at_once(url: str) -> None:
    with GarbageServer(b"") as server:
        said = said_by_a_run(
            url, "-o", "/dev/full", "--events", "/dev/full", **{ENDPOINT: server.url}
        )
    slugs = [line.rpartition("[")[2] for line in said]
    for slug in ("file-failed]", "otlp-failed]", "events-not-writable]"):
        assert slugs.count(slug) == 1, said


# Fault -> how many lines conntrace says, each slug once.
FAULTS = {
    "exporter": {"[exporter-failed]": 2, "[exporter-switched-off]": 1},
    "close": {"[exporter-failed]": 1},
    "processor": {"[exporter-failed]": 2, "[exporter-switched-off]": 1},
    "sampler": {"[exporter-failed]": 2, "[exporter-switched-off]": 1},
    "slow": {"[exporter-switched-off]": 1, "[exporter-failed]": 1},
    "lock": {},
}


@pytest.mark.parametrize("fault", FAULTS)
def test_opentelemetry_in_the_process_fails(fault: str, url: str) -> None:
    pytest.importorskip("opentelemetry.sdk")
    plain, traced = (
        subprocess.run(
            [sys.executable, str(PROGRAMS / "in_process.py"), each, url],
            capture_output=True,
            text=True,
            timeout=PATIENCE_S,
            env={**os.environ, "CONNTRACE_TESTING": ""},
        )
        for each in ("none", fault)
    )
    assert plain.stderr == ""
    assert (traced.returncode, traced.stdout) == (plain.returncode, plain.stdout), traced.stderr
    said = traced.stderr.splitlines()
    assert all(line.startswith("conntrace: ") for line in said), traced.stderr
    assert "hunter2" not in traced.stderr
    slugs = [line[line.rindex("[") :] for line in said]
    assert {slug: slugs.count(slug) for slug in slugs} == FAULTS[fault], traced.stderr
