"""The probe itself: the steps of the plan one after another, then the search for the limit."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass

from conntrace.probe import plan
from conntrace.probe.address import shown
from conntrace.probe.client import MAX_REDIRECTS, Client
from conntrace.probe.samples import Measured


@dataclass(frozen=True, slots=True)
class Options:
    """What to measure. Times in seconds; `rate` is requests a second on the average."""

    url: str
    gaps: tuple[float, ...]
    repeat: int = 3
    rate: float = 5.0
    timeout_s: float = 30.0
    method: str = "GET"
    search: bool = True

    @property
    def steps(self) -> list[plan.Step]:
        """The requests of the table of gaps."""
        return plan.table_steps(self.gaps, self.repeat, self.rate)

    @property
    def most_requests(self) -> int:
        """No more than these are ever sent, redirects of the first one included."""
        searching = plan.most_search_requests(self.gaps, self.rate) if self.search else 0
        return len(self.steps) + searching + MAX_REDIRECTS


Waited = Callable[[float], None]


def measure(options: Options, measured: Measured, waited: Waited) -> None:
    """Send the requests, filling `measured`. `waited` is told of idle seconds.

    Ctrl-C (KeyboardInterrupt) ends it between two samples or within one; what was measured stays.
    """
    with Client(options.url, method=options.method, timeout_s=options.timeout_s) as client:
        client.connect()
        measured.url = shown(client.url)
        measured.status = client.status
        measured.requests = 1 + client.redirects
        for step in options.steps[1:]:
            _take(client, step, measured, waited)
        if options.search:
            _search(client, options, measured, waited)


def _take(client: Client, step: plan.Step, measured: Measured, waited: Waited) -> None:
    _wait(step.wait_s, waited)
    sample = client.sample(step.wait_s if step.gap_s is None else step.gap_s)
    measured.requests += 1
    if step.gap_s is not None:
        measured.samples.append(sample)


def _wait(seconds: float, waited: Waited) -> None:
    """Wait in slices, so that the progress moves."""
    ends = time.monotonic() + seconds
    while (left := ends - time.monotonic()) > 0:
        slice_s = min(left, 0.5)
        time.sleep(slice_s)
        waited(slice_s)


def _search(client: Client, options: Options, measured: Measured, waited: Waited) -> None:
    budget = plan.most_search_tries(options.gaps)
    while (around := measured.limit) is not None and budget > 0:
        gap = plan.next_gap(around, measured.seen_limits)
        if gap is None:
            break
        budget -= 1
        for step in plan.steps_for(gap, options.rate):
            _take(client, step, measured, waited)
        if measured.samples[-1].unreachable:
            break
