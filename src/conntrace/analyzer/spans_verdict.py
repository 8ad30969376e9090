"""How a verdict and its facts become attributes."""

from __future__ import annotations

from collections.abc import Callable

from conntrace import semantic_names as names
from conntrace.analyzer.causes import Cause, SetupFacts
from conntrace.analyzer.causes.failures import cause_of_failure
from conntrace.analyzer.ledger_records import Connection, Ending, Pool, Request
from conntrace.analyzer.span import AttributeValue, Span
from conntrace.analyzer.spans_open import put
from conntrace.events import (
    CaLoad,
    ConnectStart,
    LookupStart,
    ManagerNew,
    SetupEnd,
    SetupStart,
    TlsStart,
)

NameOf = Callable[[int], str]
Sited = SetupStart | LookupStart | ConnectStart | TlsStart | CaLoad | ManagerNew


def cause_attributes(cause: Cause, *, with_advice: bool = True) -> dict[str, AttributeValue]:
    """`conntrace.cause.*`. Without advice for a step: its set-up tells what to change, once."""
    found: dict[str, AttributeValue] = {
        names.CAUSE_NAME: cause.name,
        names.CAUSE_CONFIDENCE: cause.confidence,
        names.CAUSE_DETAIL: cause.detail,
    }
    if not with_advice:
        return found
    found[names.CAUSE_AVOIDABLE] = cause.avoidable
    if cause.evidence:
        found[names.CAUSE_EVIDENCE] = list(cause.evidence)
    if cause.contributing:
        found[names.CAUSE_CONTRIBUTING] = list(cause.contributing)
    if cause.advice:
        found[names.CAUSE_ADVICE] = cause.advice
    return found


def why_it_failed(pool: Pool | None, request: Request) -> dict[str, AttributeValue]:
    """`conntrace.cause.*` of an attempt that died in use, as far as it is known at its end.

    No advice: the set-up that takes its place knows more, and gives it.
    """
    failure = pool.failures.get(request.id) if pool is not None and request.error else None
    if pool is None or failure is None:
        return {}
    cause = cause_of_failure(failure, pool.origin, stood=False)
    if cause is None:
        return {}
    evidence: dict[str, AttributeValue] = {names.CAUSE_EVIDENCE: list(cause.evidence)}
    return cause_attributes(cause, with_advice=False) | evidence


def describe_setup(
    span: Span, facts: SetupFacts, cause: Cause, end: SetupEnd, name_of: NameOf
) -> None:
    """Everything a set-up span tells: cause, destination, lost connection, pool, socket, site."""
    attributes = span.attributes
    attributes.update(cause_attributes(cause))
    attributes[names.PURPOSE] = facts.client.purpose
    attributes[names.SERVER_ADDRESS] = facts.origin.host
    attributes[names.SERVER_PORT] = facts.origin.port
    put(span, names.URL_SCHEME, facts.origin.scheme)
    attributes[names.THREAD_ID] = facts.start.thread
    attributes[names.CONNECTION_ID] = name_of(facts.start.setup)
    attributes[names.CONNECTION_REUSED] = False
    _describe_lost(span, facts)
    _describe_pool(span, facts, name_of)
    call_site(span, facts.start)
    if not end.error:
        attributes[names.SOCKET_KEEPALIVE] = end.keepalive
        if end.keepalive_idle_s >= 0:
            attributes[names.SOCKET_KEEPALIVE_IDLE_S] = end.keepalive_idle_s


def _describe_lost(span: Span, facts: SetupFacts) -> None:
    previous, checkout = facts.previous, facts.checkout
    attributes = span.attributes
    if checkout is not None and checkout.idle_ns >= 0 and checkout.outcome in ("dropped", "closed"):
        attributes[names.CONNECTION_IDLE_S] = checkout.idle_ns / 1e9
    if facts.frozen_ns:
        attributes[names.CONNECTION_IDLE_S] = facts.idle_ns / 1e9
        attributes[names.CONNECTION_FROZEN_S] = facts.frozen_ns / 1e9
    if previous is None:
        return
    if not previous.late and previous.stood_ns:
        age_ns = (previous.closed_ns or facts.start.time_ns) - previous.stood_ns
        attributes[names.CONNECTION_AGE_S] = max(age_ns, 0) / 1e9
    if previous.counts_requests and previous.stood_ns:
        attributes[names.CONNECTION_REQUESTS] = previous.requests
    if previous.ending is not None:
        describe_ending(span, previous.ending)


def _describe_pool(span: Span, facts: SetupFacts, name_of: NameOf) -> None:
    attributes = span.attributes
    put(span, names.POOL_OWNER, facts.client.owner)
    put(span, names.POOL_CREATED_AT, facts.client.site)
    pool, checkout = facts.pool, facts.checkout
    if pool is None:
        return
    attributes[names.POOL_ID] = name_of(pool.id)
    put(span, names.POOL_NUM_POOLS, facts.client.num_pools or None)
    put(span, names.POOL_MAXSIZE, pool.maxsize or None)
    put(span, names.POOL_KEY_DIFFERENCE, list(pool.key_difference))
    if checkout is not None:
        attributes[names.POOL_IN_USE] = checkout.in_use
        attributes[names.POOL_IDLE] = checkout.idle_others
    evicted = next((each.eviction for each in reversed(facts.siblings) if each.eviction), None)
    if evicted is not None and not facts.earlier_setups:
        attributes[names.POOL_EVICTED_BY] = evicted.evictor


def describe_ending(span: Span, ending: Ending) -> None:
    """`conntrace.close.*`."""
    span.attributes[names.CLOSE_REASON] = ending.reason
    span.attributes[names.CLOSE_INITIATOR] = ending.initiator
    if ending.idle_limit_s >= 0:
        span.attributes[names.CLOSE_SERVER_IDLE_LIMIT_S] = ending.idle_limit_s


def describe_life(span: Span, connection: Connection, end_ns: int, name_of: NameOf) -> None:
    """`conntrace.connection.*` of a connection that ends: age and requests served."""
    attributes = span.attributes
    attributes[names.CONNECTION_ID] = name_of(connection.id)
    attributes[names.SERVER_ADDRESS] = connection.origin.host
    attributes[names.SERVER_PORT] = connection.origin.port
    if not connection.late:
        attributes[names.CONNECTION_AGE_S] = max(end_ns - connection.stood_ns, 0) / 1e9
    if connection.counts_requests:
        attributes[names.CONNECTION_REQUESTS] = connection.requests


def call_site(span: Span, event: Sited) -> None:
    """`code.*` of the application's frame."""
    if event.site_file:
        span.attributes[names.CODE_FILE_PATH] = event.site_file
        span.attributes[names.CODE_LINE_NUMBER] = event.site_line
        put(span, names.CODE_FUNCTION_NAME, event.site_function)
