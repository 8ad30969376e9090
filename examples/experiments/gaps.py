"""The table of gaps: each gap in a local Lambda of its own, all of them at the same time.

An environment has a first invocation, is frozen for its gap, and has a second one, which counts.
The whole table so takes about as long as the longest gap.
"""

from __future__ import annotations

import argparse
import contextlib
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from pathlib import Path
from typing import NamedTuple

from runs import built_layer, command, environment, server
from table import Variant

from conntrace import semantic_names as names
from conntrace.probe.samples import Measured, Sample
from conntrace.testing import Spans, read_spans

STARTING = threading.BoundedSemaphore(2)
"""A start takes a second of a processor, and Lambda lets it take ten."""


RUNNING: set[subprocess.Popen[str]] = set()
ENDING = threading.Event()
"""Set when no environment may start any more."""


class Job(NamedTuple):
    """One environment."""

    variant: Variant
    variables: dict[str, str]
    gap_s: float
    spans: Path


def measure(
    variants: Sequence[Variant], options: argparse.Namespace, folder: Path
) -> list[Measured]:
    """One table for each variant; all their environments together, the longest gaps first."""
    layer = built_layer(options)
    found = {variant: Measured(variant.label) for variant in variants}
    jobs: list[Job] = []
    with contextlib.ExitStack() as servers:
        for variant in variants:
            place = folder / variant.label
            place.mkdir()
            variables = servers.enter_context(server(variant, options, place))
            jobs += [
                Job(variant, variables, gap_s, place / f"{number}.jsonl")
                for number, gap_s in enumerate(variant.gaps)
            ]
        jobs.sort(key=lambda job: job.gap_s, reverse=True)
        say(
            f"{len(jobs)} environments, at most {options.at_once} at once;"
            f" the longest gap is {jobs[0].gap_s:g} s"
        )
        for job, sample in _samples(jobs, layer, options.at_once):
            if sample is not None:
                found[job.variant].samples.append(sample)
    for measured in found.values():
        measured.requests = 2 * len(measured.samples)
    return list(found.values())


def _samples(jobs: Sequence[Job], layer: Path, at_once: int) -> Iterator[tuple[Job, Sample | None]]:
    """What each environment gave, as they end."""
    pool = ThreadPoolExecutor(at_once)
    try:
        running = {pool.submit(_sample, job, layer): job for job in jobs}
        for done, future in enumerate(as_completed(running), start=1):
            if sys.stderr.isatty():
                print(f"{done} of {len(jobs)} done", end="\r", file=sys.stderr, flush=True)
            yield running[future], future.result()
    finally:
        # Done already, unless an exception ends this early: then nothing may go on for an hour.
        ENDING.set()
        pool.shutdown(wait=False, cancel_futures=True)
        _break_off()
        pool.shutdown()


def _break_off() -> None:
    """End all environments. A signal may come where Python drops it, so one that stays is asked
    again."""
    running = list(RUNNING)
    for process in running:
        process.send_signal(signal.SIGINT)
    for process in running:
        while True:
            try:
                process.wait(timeout=10)
                break
            except subprocess.TimeoutExpired:
                process.send_signal(signal.SIGINT)


def _sample(job: Job, layer: Path) -> Sample | None:
    """One environment, from its start to its end; None, and a line, when it failed."""
    words = command(job.variant, job.variables, job.spans, layer, (0.0, job.gap_s))
    out = job.spans.with_suffix(".txt")
    with out.open("w+") as errors, contextlib.ExitStack() as starting:
        starting.enter_context(STARTING)
        if ENDING.is_set():
            return None
        process = subprocess.Popen(
            words,
            env=environment(job.variables),
            stdout=subprocess.PIPE,
            stderr=errors,
            text=True,
        )
        RUNNING.add(process)
        if ENDING.is_set():
            process.send_signal(signal.SIGINT)
        with process:
            assert process.stdout is not None
            # The head of its table, and the row of the first invocation.
            told = process.stdout.readline() + process.stdout.readline()
            starting.close()
            told += process.stdout.read()
        RUNNING.discard(process)
        if ENDING.is_set():
            return None
        if process.returncode:
            errors.seek(0)
            say(f"{job.variant.label}, gap {job.gap_s:g} s, failed:\n{told}{errors.read()}")
            return None
    return sample_of(read_spans(job.spans), job.gap_s)


def sample_of(spans: Spans, gap_s: float) -> Sample:
    """The last invocation: how long the function took, and what became of the connection."""
    last = spans.invocations[-1]
    within = Spans(span for span in spans if span.trace_id == last.trace_id)
    limits = [setup.attributes.get(names.CLOSE_SERVER_IDLE_LIMIT_S) for setup in within.setups]
    seen = [limit for limit in limits if isinstance(limit, float)]
    failed = [str(span.attributes.get(names.ERROR_TYPE, "")) for span in within.requests]
    errors = [error for error in failed if error]
    return Sample(
        gap_s=gap_s,
        duration_s=(last.end_ns - last.start_ns) / 1e9,
        reused=not within.setups,
        causes=tuple(within.causes),
        error=errors[0] if errors else "",
        idle_limit_s=seen[0] if seen else None,
    )


def say(text: str) -> None:
    """To standard error: the table is what programs read."""
    print(f"conntrace experiment: {text}", file=sys.stderr, flush=True)
