"""The decision table: one cause for each set-up.

Rows are asked in order; the first that proves its cause wins, and only when none does the first
likely one. A row is a pure function of the facts that returns a verdict or None. It is asked even
where a row before it found something likely, so it must not prove what a neighbour may have caused.
"""

from __future__ import annotations

from collections.abc import Callable

from conntrace.analyzer.causes.busy_pool import busy_pool
from conntrace.analyzer.causes.cause import PROVED, Cause
from conntrace.analyzer.causes.dead_at_checkout import found_dead
from conntrace.analyzer.causes.died_in_use import died_in_use
from conntrace.analyzer.causes.facts import SetupFacts
from conntrace.analyzer.causes.no_pool import (
    first_use_of_destination,
    forked_process,
    pool_closed_explicitly,
    pool_evicted_lru,
    pool_key_mismatch,
    redirect_other_origin,
    sdk_endpoint_variation,
)
from conntrace.analyzer.causes.other_clients import client_recreated, one_shot_api, parallel_client
from conntrace.analyzer.causes.sandbox import sandbox_restored, thaw_after_freeze
from conntrace.analyzer.causes.side_traffic import credential_fetch, telemetry_export, unexplained

Row = Callable[[SetupFacts], Cause | None]

ROWS: tuple[Row, ...] = (
    credential_fetch,
    telemetry_export,
    sandbox_restored,
    forked_process,
    thaw_after_freeze,
    found_dead,
    died_in_use,
    one_shot_api,
    pool_evicted_lru,
    pool_closed_explicitly,
    pool_key_mismatch,
    client_recreated,
    parallel_client,
    redirect_other_origin,
    sdk_endpoint_variation,
    first_use_of_destination,
    busy_pool,
)


def decide(facts: SetupFacts) -> Cause:
    """The reason for a new connection; `unexplained` when no row is sure enough."""
    likely: Cause | None = None
    for row in ROWS:
        cause = row(facts)
        if cause is None:
            continue
        if cause.confidence == PROVED:
            return cause
        likely = likely or cause
    return likely or unexplained(facts)
