"""Family A, second half: other clients had connections to the destination, this one is new."""

from __future__ import annotations

from conntrace.analyzer.causes.cause import Cause, inferred, proved
from conntrace.analyzer.causes.facts import SetupFacts
from conntrace.analyzer.causes.kept import could_serve
from conntrace.analyzer.causes.rivals import Rival, other_parties
from conntrace.analyzer.causes.words import at, count, place
from conntrace.catalogue import CAUSES

_WITH_ITS_CLIENT = (
    "closed_by_program",
    "connection_collected",
    "pool_closed_explicitly",
    "pool_collected",
)
"""Endings of connections that their client took along."""

_BROKEN = ("attempt_failed", "broken_by_peer", "response_cut_short")
"""Endings of connections in use: whoever had one needs another, however many requests it sends."""


def one_shot_api(facts: SetupFacts) -> Cause | None:
    """An API that connects for each call; from the second call on."""
    if facts.earlier_setups or facts.start.previous or not facts.origin_stood:
        return None
    api, _, library = (facts.client.one_shot or facts.start.one_shot).partition(" in ")
    if not api:
        return _bare_object(facts) if facts.client.bare else None
    # How a library connects is not the application's to change.
    advice = "" if library else _advice_if_lived(facts, "one_shot_api")
    detail = (
        f"{f'{library} calls {api}, which makes' if library else f'{api} makes'} a connection for"
        f" one request; this is connection {facts.origin_stood + 1} to {place(facts.origin)}"
        f"{at(_site(facts))}"
    )
    return proved("one_shot_api", detail, _history(facts), advice=advice)


def _bare_object(facts: SetupFacts) -> Cause | None:
    """A bare http.client object replaces one made at the same line whose connection is closed."""
    site = _site(facts)
    for rival in facts.rivals:
        if not (rival.client.bare and site and rival.client.site == site):
            continue
        broken = _after_broken(facts, rival)
        if broken is not None:
            return broken
        if rival.connection.closed_ns:
            advice = (
                f"Keep the object that connects at {site}, or send the requests through a"
                " requests.Session or a urllib3.PoolManager that is kept."
            )
            return proved(
                "one_shot_api",
                f"a bare http.client object has a connection for itself alone; this is connection"
                f" {facts.origin_stood + 1} to {place(facts.origin)}{at(site)}",
                _history(facts),
                advice=advice if _advice_if_lived(facts, "one_shot_api") else "",
            )
    return None


def _after_broken(facts: SetupFacts, rival: Rival) -> Cause | None:
    """Programs make a client anew when its connection broke, as well as for no reason."""
    ending = rival.connection.ending
    if ending is None or ending.reason not in _BROKEN:
        return None
    return inferred(
        "replaced_after_error",
        f"the {rival.client.owner or 'client'} made before{at(rival.client.site)} lost its"
        f" connection to {place(facts.origin)} during a request; a new one was made",
        (*_history(facts), *ending.evidence),
        lost=rival.connection.close_span,
    )


def client_recreated(facts: SetupFacts) -> Cause | None:
    """A client made where an earlier one was made that has not been used since."""
    if not _is_new_client(facts):
        return None
    for rival in facts.rivals:
        if not _same_line(facts, rival) or _is_another_threads(facts, rival):
            continue
        if rival.client.last_used_ns <= facts.client.made_ns:
            return _recreated_at_same_line(facts, rival)
        if rival.was_idle and not rival.client.is_over:
            # A line that builds clients which live side by side: this one replaces none of them.
            return None
    for rival in facts.rivals:
        if _is_younger(facts, rival):
            continue
        # A bare object has no end but that of its connection.
        ended = rival.client.bare and rival.connection.closed_ns
        if (rival.client.is_over or ended) and not _someone_connected(facts):
            return inferred(
                "client_recreated",
                f"a new {facts.client.owner or 'client'}{at(_site(facts))} connects to"
                f" {place(facts.origin)}; the one made{at(rival.client.site) or ' before'} is"
                f" {'gone' if rival.client.is_over else 'closed'}",
                _history(facts),
                lost=rival.connection.close_span,
            )
    return None


def _recreated_at_same_line(facts: SetupFacts, rival: Rival) -> Cause:
    owner, line = facts.client.owner or "client", _site(facts)
    evidence = (*_history(facts), f"both clients were made at {line}")
    lost = rival.connection.close_span
    if not rival.client.is_over:
        return inferred(
            "client_recreated",
            f"a new {owner} was made at {line}, where an earlier one was made that still lives but"
            " has not been used since",
            evidence,
            lost=lost,
        )
    broken = _after_broken(facts, rival)
    if broken is not None:
        return broken
    closed = rival.client.closed_ns > rival.client.last_used_ns
    ended = "was closed" if closed else "was collected"
    if facts.pool is not None and other_parties(facts.pool.key, rival.key):
        return inferred(
            "client_recreated",
            f"a new {owner} was made at {line}; the one made there before {ended}, but its"
            f" connection to {place(facts.origin)} was for another client certificate, name or"
            " proxy",
            evidence,
            lost=lost,
        )
    detail = (
        f"a new {owner} was made at {line}; the one made there before {ended},"
        f" {_its_connection(facts, rival)}"
    )
    advice = ""
    if could_serve(facts, [rival.connection]):
        advice = _keep_one(facts, owner)
    return proved("client_recreated", detail, evidence, advice=advice, lost=lost)


def _its_connection(facts: SetupFacts, rival: Rival) -> str:
    connection, ending = f"connection to {place(facts.origin)}", rival.connection.ending
    if ending is None or ending.reason in _WITH_ITS_CLIENT:
        return f"and its {connection} with it"
    return f"after its {connection} had ended by: {ending.reason}"


def _is_another_threads(facts: SetupFacts, rival: Rival) -> bool:
    """It lives and belongs to another thread, which may use it at any time."""
    return not rival.client.is_over and rival.connection.busy_thread != facts.start.thread


def _keep_one(facts: SetupFacts, owner: str) -> str:
    line = _site(facts)
    alike = (each for each in facts.rivals if _same_line(facts, each))
    threads = {facts.start.thread, *(each.connection.busy_thread for each in alike)}
    if owner.startswith("requests") and len(threads) > 1:
        # requests does not promise that threads may share a Session.
        return f"Let the threads that make the {owner} at {line} live on, with one for each thread."
    return (
        f"Create the {owner} at {line} once, at module level, and use it for every call with the"
        " same credentials."
    )


def parallel_client(facts: SetupFacts) -> Cause | None:
    """Another client has or had a connection there while this one lived."""
    if not _is_new_client(facts):
        return None
    for rival in facts.rivals:
        if rival.was_idle and not rival.client.is_over:
            return _beside_idle(facts, rival)
    for rival in facts.rivals:
        if rival.was_open and not rival.client.is_over:
            cause = _beside(facts, rival, "has a connection")
            busy = rival.maxsize and rival.in_use >= rival.maxsize
            return cause.with_contributing("pool_overflow_concurrency") if busy else cause
    for rival in facts.rivals:
        if not rival.client.is_over or _is_younger(facts, rival):
            return _beside_gone(facts, rival)
    return None


def _beside_gone(facts: SetupFacts, rival: Rival) -> Cause:
    """Its connection ended, but that is not why this client needs one: it never had any."""
    ending = rival.connection.ending
    cause = _beside(facts, rival, "had a connection")
    return cause.with_evidence(f"that one ended by: {ending.reason}") if ending else cause


def _beside_idle(facts: SetupFacts, rival: Rival) -> Cause:
    ours, theirs = facts.client, rival.client
    alike = bool(
        ours.owner == theirs.owner
        and facts.pool is not None
        and facts.pool.key
        and facts.pool.key == rival.key
    )
    apart = bool(_site(facts) and theirs.site and _site(facts) != theirs.site)
    cause = _beside(facts, rival, "has an idle connection")
    # One client for each thread is a pattern of its own: a Session is not to be shared by threads.
    same_thread = rival.connection.busy_thread == facts.start.thread
    if not (alike and apart and same_thread):
        return cause
    advice = ""
    if could_serve(facts, [rival.connection]):
        advice = (
            f"Share one {ours.owner} between {theirs.site} and {_site(facts)}, if both use the"
            " same credentials and settings."
        )
    return proved(cause.name, cause.detail, cause.evidence, advice=advice)


def _beside(facts: SetupFacts, rival: Rival, has: str) -> Cause:
    return inferred(
        "parallel_client",
        f"the {facts.client.owner or 'client'} made{at(_site(facts)) or ' here'} connects to"
        f" {place(facts.origin)}, to which the {rival.client.owner or 'client'}"
        f" made{at(rival.client.site) or ' elsewhere'} {has}",
        _history(facts),
    )


def _is_new_client(facts: SetupFacts) -> bool:
    return not facts.earlier_setups and not facts.siblings and not facts.start.previous


def _is_younger(facts: SetupFacts, rival: Rival) -> bool:
    """Our client was there before it, and so is no new one in its place."""
    return rival.client.made_ns > facts.client.made_ns


def _someone_connected(facts: SetupFacts) -> bool:
    """Whether another client lives and has a connection there; a bare object's may be in use."""
    return any(
        (rival.was_idle or (rival.client.bare and rival.was_open)) and not rival.client.is_over
        for rival in facts.rivals
    )


def _same_line(facts: SetupFacts, rival: Rival) -> bool:
    line = _site(facts)
    return bool(line) and line == rival.client.site and facts.client.owner == rival.client.owner


def _site(facts: SetupFacts) -> str:
    return facts.client.site


def _history(facts: SetupFacts) -> tuple[str, ...]:
    earlier = count(facts.origin_stood, "earlier connection")
    return (f"{earlier} to {place(facts.origin)} in this process",)


def _advice_if_lived(facts: SetupFacts, cause: str) -> str:
    """The catalogue's advice, when a kept connection could have served this request too."""
    lived = could_serve(facts, (rival.connection for rival in facts.rivals))
    return CAUSES[cause].advice if lived else ""
