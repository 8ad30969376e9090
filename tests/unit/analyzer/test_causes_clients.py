"""Family A: this client has no pool for the destination, or lost it."""

from __future__ import annotations

import pytest
from tests.unit.analyzer.streams import CLOSE_WAIT, Stream, text, texts, verdict

from conntrace.events import Close

FIRST = ("first_use_of_destination", "proved", False, False)


def client_with_a_request(
    stream: Stream, site: str = "handler.py:14", owner: str = "boto3 dynamodb", **more: str
) -> tuple[int, int]:
    manager = stream.manager(owner, site, **more)  # type: ignore[arg-type]
    pool = stream.pool(manager, "dynamodb.example.com")
    stream.request(pool)
    return manager, pool


def test_the_first_connection_is_nobodys_fault() -> None:
    """A first use is proved, never avoidable, and carries no advice."""
    stream = Stream()
    client_with_a_request(stream)
    setup = stream.analyze().one("HTTP connection_setup")
    assert verdict(setup) == FIRST


def test_an_agent_that_came_late_does_not_claim_a_first_use_as_proved() -> None:
    """Connections made before the agent came are not known."""
    stream = Stream(late=True)
    client_with_a_request(stream)
    assert verdict(stream.analyze().setups[0])[1] == "inferred"


def test_a_client_collected_and_made_again_at_the_same_line_was_recreated() -> None:
    """Proved and avoidable: the old client is gone, and its connection was alive."""
    stream = Stream()
    manager, pool = client_with_a_request(stream)
    stream.collect_manager(manager, [pool])
    client_with_a_request(stream)
    setup = stream.analyze().setups[1]
    assert verdict(setup) == ("client_recreated", "proved", True, True)
    assert "handler.py:14" in text(setup, "conntrace.cause.advice")
    assert "was collected" in text(setup, "conntrace.cause.detail")


def test_a_client_collected_during_the_setup_counts_as_collected() -> None:
    """`client = boto3.client(...)` frees the old one only after the new one is made."""
    stream = Stream()
    manager, pool = client_with_a_request(stream)
    new = stream.manager("boto3 dynamodb", "handler.py:14")
    new_pool = stream.pool(new, "dynamodb.example.com")
    request = stream.start(new_pool)
    stream.checkout(request, new_pool)
    before = len(stream.events)
    stream.setup(new_pool, request)
    ends = stream.events[before:]
    del stream.events[before:]
    stream.events += ends[:-1]
    stream.collect_manager(manager, [pool])
    stream.events.append(ends[-1])
    assert verdict(stream.analyze().setups[1]) == ("client_recreated", "proved", True, True)


def test_an_unused_old_client_that_still_lives_is_only_likely_replaced() -> None:
    """A factory line may build clients on purpose: inferred, no advice."""
    stream = Stream()
    client_with_a_request(stream)
    client_with_a_request(stream)
    assert verdict(stream.analyze().setups[1]) == ("client_recreated", "inferred", False, False)


def test_an_old_client_still_in_use_was_not_replaced() -> None:
    """Control: two clients of one factory line, both used in turn, get no advice."""
    stream = Stream()
    _, pool = client_with_a_request(stream)
    manager = stream.manager("boto3 dynamodb", "handler.py:14")
    stream.request(pool)
    stream.request(stream.pool(manager, "dynamodb.example.com"))
    assert verdict(stream.analyze().setups[1]) == ("parallel_client", "inferred", False, False)


def test_a_client_for_each_thread_replaces_nobody() -> None:
    """Control: the client of another thread that lives may be in use at any time."""
    stream = Stream()
    client_with_a_request(stream, owner="requests.Session")
    stream.thread = 101
    client_with_a_request(stream, owner="requests.Session")
    assert verdict(stream.analyze().setups[1]) == ("parallel_client", "inferred", False, False)


@pytest.mark.parametrize(
    ("owner", "advice"),
    [("requests.Session", "one for each thread"), ("boto3 dynamodb", "at module level")],
)
def test_threads_are_not_told_to_share_what_they_must_not(owner: str, advice: str) -> None:
    """A thread made a client and ended; the next thread makes one at the same line."""
    stream = Stream()
    manager, pool = client_with_a_request(stream, owner=owner)
    stream.collect_manager(manager, [pool])
    stream.thread = 101
    client_with_a_request(stream, owner=owner)
    setup = stream.analyze().setups[1]
    assert verdict(setup) == ("client_recreated", "proved", True, True)
    assert advice in text(setup, "conntrace.cause.advice")


def test_a_client_kept_and_used_again_needs_nothing() -> None:
    """Control: one client, many calls."""
    stream = Stream()
    _, pool = client_with_a_request(stream)
    for _ in range(5):
        stream.request(pool)
    assert stream.analyze().causes == ["first_use_of_destination"]


def test_a_recreated_client_is_not_avoidable_when_the_server_ended_the_connection_anyway() -> None:
    """Keeping the client would not have kept what the server closed."""
    stream = Stream()
    manager, pool = client_with_a_request(stream)
    stream.ended_by_response(pool, 3, response_close=True)
    stream.collect_manager(manager, [pool])
    client_with_a_request(stream)
    assert verdict(stream.analyze().setups[1]) == ("client_recreated", "proved", False, False)


def test_a_recreated_client_is_not_avoidable_beyond_the_servers_known_limit() -> None:
    """A kept connection would have been closed by the server in the pause."""
    stream = Stream()
    manager, pool = client_with_a_request(stream)
    stream.sleep(5)
    stream.request(pool, stream.server_closed(pool, limit_s=2.0))
    stream.collect_manager(manager, [pool])
    stream.sleep(10)
    client_with_a_request(stream)
    assert verdict(stream.analyze().setups[2]) == ("client_recreated", "proved", False, False)


@pytest.mark.parametrize(("pause_s", "avoidable"), [(50, True), (70, False)])
def test_nobody_knows_whether_a_server_keeps_a_connection_for_long(
    pause_s: float, avoidable: bool
) -> None:
    """A job that runs every few minutes and closes its client in between does nothing wrong."""
    stream = Stream()
    manager, pool = client_with_a_request(stream)
    stream.close_manager(manager, [pool])
    stream.sleep(pause_s)
    client_with_a_request(stream)
    expected = ("client_recreated", "proved", avoidable, avoidable)
    assert verdict(stream.analyze().setups[1]) == expected


def test_a_client_closed_at_another_line_is_only_likely_replaced() -> None:
    """Different lines: two parts of a program may each have their client. No advice."""
    stream = Stream()
    manager, pool = client_with_a_request(stream)
    stream.close_manager(manager, [pool])
    client_with_a_request(stream, "report.py:7")
    assert verdict(stream.analyze().setups[1]) == ("client_recreated", "inferred", False, False)


def test_two_clients_side_by_side_are_parallel() -> None:
    """Same owner, same settings, made elsewhere, an idle connection at hand: share one."""
    stream = Stream()
    client_with_a_request(stream)
    client_with_a_request(stream, "report.py:7")
    setup = stream.analyze().setups[1]
    assert verdict(setup) == ("parallel_client", "proved", True, True)
    assert "handler.py:14" in text(setup, "conntrace.cause.advice")
    assert "report.py:7" in text(setup, "conntrace.cause.advice")


def test_a_second_client_beside_one_whose_connection_is_gone() -> None:
    """The new client never had a connection: how the other one's ended is only shown."""
    stream = Stream()
    _, pool = client_with_a_request(stream)
    stream.ended_by_response(pool, 3, response_close=True)
    client_with_a_request(stream, "report.py:7")
    setup = stream.analyze().setups[1]
    assert verdict(setup) == ("parallel_client", "inferred", False, False)
    assert text(setup, "conntrace.cause.detail").endswith("made at handler.py:14 had a connection")
    told = texts(setup, "conntrace.cause.evidence")
    assert "that one ended by: response_connection_close" in told


def test_a_client_that_was_there_before_the_one_that_is_gone_is_no_new_one() -> None:
    """A Session of long standing goes where requests.get went once: nothing was built anew."""
    stream = Stream()
    old = stream.manager("requests.Session", "service.py:6")
    younger, pool = client_with_a_request(stream)
    stream.collect_manager(younger, [pool])
    stream.request(stream.pool(old, "dynamodb.example.com"))
    setup = stream.analyze().setups[1]
    assert verdict(setup) == ("parallel_client", "inferred", False, False)
    assert text(setup, "conntrace.cause.detail").endswith("made at handler.py:14 had a connection")


def test_clients_of_different_kinds_cannot_be_shared() -> None:
    """Control: a Session beside a boto3 client is no mistake."""
    stream = Stream()
    client_with_a_request(stream)
    client_with_a_request(stream, "report.py:7", "requests.Session")
    assert verdict(stream.analyze().setups[1]) == ("parallel_client", "inferred", False, False)


def test_a_one_shot_api_is_named_from_the_second_call_on() -> None:
    """requests.get makes and closes a session each time; the first call is a first use."""
    stream = Stream()
    for _ in range(2):
        manager, pool = client_with_a_request(
            stream, "app.py:3", "requests.Session", one_shot="requests.get"
        )
        stream.close_manager(manager, [pool])
    first, second = stream.analyze().setups
    assert verdict(first) == FIRST
    assert verdict(second) == ("one_shot_api", "proved", True, True)
    assert "requests.get" in text(second, "conntrace.cause.detail")


def test_a_one_shot_api_wins_over_a_request_that_asks_to_close() -> None:
    """urllib.request sends `Connection: close`; without it, it would not reuse either."""
    stream = Stream()
    for _ in range(2):
        setup = stream.setup(
            host="a.example", port=80, scheme="http",
            client="urllib.request", one_shot="urllib.request.urlopen",
        )  # fmt: skip
        stream.send(close_by_response(setup))
    assert stream.analyze().causes == ["first_use_of_destination", "one_shot_api"]


def close_by_response(setup: int) -> Close:
    return Close(
        connection=setup, by="response", response_version=11, response_close=True,
        request_close=True, response_length=True,
    )  # fmt: skip


def test_an_eviction_names_victim_evictor_and_limit() -> None:
    """Three hosts in two pools: the first one is pushed out and missed."""
    stream = Stream()
    manager = stream.manager("urllib3.PoolManager", "app.py:3", num_pools=2)
    pools = [stream.pool(manager, f"{name}.example", num_pools=2) for name in "ab"]
    for pool in pools:
        stream.request(pool)
    third = stream.pool(manager, "c.example", num_pools=2)
    stream.evict(pools[0], third, manager, limit=2)
    stream.request(third)
    again = stream.pool(manager, "a.example", num_pools=2)
    stream.evict(pools[1], again, manager, limit=2)
    stream.request(again)
    stream.sleep(3)
    stream.request(again, stream.server_closed(again, limit_s=2.0))
    result = stream.analyze()
    setup = result.setups[3]
    assert verdict(setup) == ("pool_evicted_lru", "proved", True, True)
    assert "c.example:443 pushed a.example:443" in text(setup, "conntrace.cause.detail")
    assert text(setup, "conntrace.pool.evicted_by") == "c.example:443"
    assert "num_pools=3" in text(setup, "conntrace.cause.advice")
    # What the pool needs later has nothing to do with the eviction of the one before it.
    assert "conntrace.pool.evicted_by" not in result.setups[4].attributes
    assert [verdict(each)[0] for each in result.setups[:3]] == ["first_use_of_destination"] * 3


def test_an_eviction_is_not_avoidable_after_a_pause_that_the_server_does_not_allow() -> None:
    """The evicted connection would be dead by now: more pools would have kept it for nothing."""
    stream = Stream()
    manager, pool = client_with_a_request(stream)
    stream.sleep(3)
    stream.request(pool, stream.server_closed(pool, limit_s=2.0))
    stream.evict(pool, stream.pool(manager, "other.example.com"), manager, limit=1)
    stream.sleep(10)
    stream.request(stream.pool(manager, "dynamodb.example.com"))
    assert verdict(stream.analyze().setups[2]) == ("pool_evicted_lru", "proved", False, False)


def test_enough_pools_evict_nothing() -> None:
    """Control: three hosts in three pools."""
    stream = Stream()
    manager = stream.manager(num_pools=3)
    pools = [stream.pool(manager, f"{name}.example", num_pools=3) for name in "abc"]
    for _ in range(2):
        for pool in pools:
            stream.request(pool)
    assert stream.analyze().causes == ["first_use_of_destination"] * 3


def test_a_key_mismatch_names_the_fields() -> None:
    """Same client and destination, other settings."""
    stream = Stream()
    manager = stream.manager("requests.Session", "app.py:3")
    stream.request(stream.pool(manager, key="one"))
    other = stream.pool(manager, key="two", key_difference=["ca_certs", "timeout"])
    stream.request(other)
    setup = stream.analyze().setups[1]
    assert verdict(setup) == ("pool_key_mismatch", "proved", True, True)
    assert texts(setup, "conntrace.pool.key_difference") == ["ca_certs", "timeout"]


def test_another_client_certificate_is_not_to_be_the_same_on_every_call() -> None:
    """Who talks to whom (the first part of the key) differs: two pools are needed."""
    stream = Stream()
    manager = stream.manager("requests.Session", "app.py:3")
    stream.request(stream.pool(manager, key="one-1"))
    stream.request(stream.pool(manager, key="two-2", key_difference=["cert_file"]))
    setup = stream.analyze().setups[1]
    assert verdict(setup) == ("pool_key_mismatch", "proved", False, False)


@pytest.mark.parametrize(
    ("second", "expected"),
    [
        ("one-2", ("client_recreated", "proved", True, True)),
        ("two-2", ("client_recreated", "inferred", False, False)),
    ],
)
def test_clients_with_certificates_of_their_own_are_not_to_be_one(
    second: str, expected: tuple[str, str, bool, bool]
) -> None:
    """One line makes a client for each tenant: the one before could not have served this one."""
    stream = Stream()
    for key in ("one-1", second):
        manager = stream.manager("requests.Session", "app.py:3")
        pool = stream.pool(manager, key=key)
        stream.request(pool)
        stream.close_manager(manager, [pool])
    assert verdict(stream.analyze().setups[1]) == expected


def test_a_cleared_client_used_again_lost_its_pool_by_the_programs_own_call() -> None:
    """The call site of the clear() is named."""
    stream = Stream()
    manager, pool = client_with_a_request(stream)
    stream.close_manager(manager, [pool], "cleanup.py:9")
    stream.request(stream.pool(manager, "dynamodb.example.com"))
    setup = stream.analyze().setups[1]
    assert verdict(setup) == ("pool_closed_explicitly", "proved", True, True)
    assert "cleanup.py:9" in text(setup, "conntrace.cause.detail")


def test_the_last_pool_of_a_destination_tells_how_it_was_lost() -> None:
    """An eviction long before is not why the pool after it, cleared by the program, is missed."""
    stream = Stream()
    manager, pool = client_with_a_request(stream)
    other = stream.pool(manager, "other.example.com")
    stream.evict(pool, other, manager, limit=1)
    second = stream.pool(manager, "dynamodb.example.com")
    stream.request(second)
    stream.close_manager(manager, [second], "cleanup.py:9")
    stream.request(stream.pool(manager, "dynamodb.example.com"))
    result = stream.analyze()
    assert result.causes[1:] == ["pool_evicted_lru", "pool_closed_explicitly"]
    linked = result.by_id(result.setups[2].links[0].span_id)
    assert linked is not None
    assert text(linked, "conntrace.close.reason") == "pool_closed_explicitly"


def test_clients_of_one_line_that_live_side_by_side_replace_nobody() -> None:
    """One that was collected before them is replaced by the first of them at most."""
    stream = Stream()
    manager, pool = client_with_a_request(stream)
    stream.collect_manager(manager, [pool])
    made = [stream.manager("boto3 dynamodb", "handler.py:14") for _ in range(3)]
    for manager in made:
        stream.request(stream.pool(manager, "dynamodb.example.com"))
    setups = stream.analyze().setups[1:]
    assert [verdict(setup)[:2] for setup in setups] == [
        ("client_recreated", "proved"),
        ("parallel_client", "inferred"),
        ("parallel_client", "inferred"),
    ]


def test_a_further_host_of_one_sdk_client_is_a_variation() -> None:
    """S3 buckets are hosts of their own: no first use, no advice."""
    stream = Stream()
    manager = stream.manager("boto3 s3", "app.py:3")
    for name in ("one", "two"):
        stream.request(stream.pool(manager, f"{name}.s3.example.com"))
    assert verdict(stream.analyze().setups[1]) == (
        "sdk_endpoint_variation", "proved", False, False,
    )  # fmt: skip


def test_a_further_host_of_a_plain_client_is_a_first_use() -> None:
    """Control: a PoolManager is meant for many hosts."""
    stream = Stream()
    manager = stream.manager()
    for name in ("one", "two"):
        stream.request(stream.pool(manager, f"{name}.example.com"))
    assert verdict(stream.analyze().setups[1]) == FIRST


def test_credentials_win_over_everything() -> None:
    """A new client of the credential code each time is not the application's mistake."""
    stream = Stream()
    for _ in range(2):
        manager, pool = client_with_a_request(
            stream, "credentials.py:1", "botocore credentials", purpose="credentials"
        )
        stream.collect_manager(manager, [pool])
    for setup in stream.analyze().setups:
        assert verdict(setup)[0] == "credential_fetch"
        assert text(setup, "conntrace.purpose") == "credentials"


def test_an_inherited_pool_used_in_a_forked_child_is_named() -> None:
    """The parent's connection cannot be shared; the parent itself goes on as before."""
    stream = Stream()
    _, pool = client_with_a_request(stream)
    child = stream.fork()
    child.sleep(3)
    child.request(pool, child.found_dead(pool, tcp_state=CLOSE_WAIT, last_ack_received_ms=900))
    stream.request(pool)
    setup = stream.analyze(child).setups[1]
    assert verdict(setup)[:3] == ("forked_process", "proved", False)


def test_a_childs_own_pool_is_a_first_use() -> None:
    """Control: the child makes a client of its own."""
    stream = Stream()
    client_with_a_request(stream)
    child = stream.fork()
    client_with_a_request(child)
    assert verdict(stream.analyze(child).setups[1]) == FIRST


def test_an_inherited_pool_that_never_connected_is_a_first_use() -> None:
    """Control: a pool made before the fork and first used after it misses nothing."""
    stream = Stream()
    pool = stream.pool(stream.manager())
    child = stream.fork()
    child.request(pool)
    assert verdict(stream.analyze(child).setups[0]) == FIRST


def test_a_childs_second_connection_is_judged_as_usual() -> None:
    """Only the first replacement is the fork's; later ones have their own causes."""
    stream = Stream()
    _, pool = client_with_a_request(stream)
    child = stream.fork()
    child.pools[pool].idle.clear()
    child.request(pool)
    child.sleep(3)
    child.request(pool, child.server_closed(pool, limit_s=2.0))
    assert stream.analyze(child).causes[1:] == ["forked_process", "server_closed_idle"]


def test_what_the_parent_does_after_the_fork_does_not_reach_the_child() -> None:
    """The parent's ledger is taken as it was at the fork, however late the child's hello comes."""
    stream = Stream()
    manager, pool = client_with_a_request(stream)
    child = stream.fork()
    stream.collect_manager(manager, [pool])
    child.sleep(1)
    child.request(pool, {"outcome": "placeholder"})
    assert stream.analyze(child).causes[1] == "forked_process"


@pytest.mark.parametrize("closed_by", ["program", "collected"])
def test_bare_objects_of_one_line_are_one_shot(closed_by: str) -> None:
    """Each http.client object has one connection; a new object cannot use the old one's."""
    stream = Stream()
    for _ in range(2):
        setup = stream.setup(
            host="a.example", port=80, scheme="http", site_file="app.py", site_line=3
        )
        stream.send(Close(connection=setup, by=closed_by, tcp_state=1))
    setup_span = stream.analyze().setups[1]
    assert verdict(setup_span) == ("one_shot_api", "proved", True, True)


def test_a_bare_object_made_at_another_line_is_likely_a_client_made_anew() -> None:
    """The old object's connection is closed, and nobody else has one: nothing is advised."""
    stream = Stream()
    for line in (3, 7):
        setup = stream.setup(
            host="a.example", port=80, scheme="http", site_file="app.py", site_line=line
        )
        stream.send(Close(connection=setup, by="program", tcp_state=1))
    setup_span = stream.analyze().setups[1]
    assert verdict(setup_span) == ("client_recreated", "inferred", False, False)
    assert text(setup_span, "conntrace.cause.detail").endswith("made at app.py:3 is closed")


def test_a_bare_object_whose_connection_broke_says_who_ended_it() -> None:
    """http.client tells no error, but that no status line came."""
    stream = Stream()
    first = stream.setup(host="a.example", port=80, scheme="http")
    stream.send(Close(connection=first, by="response"))
    stream.setup(host="a.example", port=80, scheme="http", previous=first)
    setup = stream.analyze().setups[1]
    assert verdict(setup)[:2] == ("replaced_after_error", "proved")
    assert "ended by the other side before any response" in text(setup, "conntrace.cause.detail")


def test_how_many_requests_a_bare_object_sent_is_not_known_and_not_told() -> None:
    """Only urllib3's requests are seen."""
    stream = Stream()
    first = stream.setup(host="a.example", port=80, scheme="http")
    ended = Close(connection=first, by="response", response_version=11, response_close=True)
    stream.send(ended)
    stream.setup(host="a.example", port=80, scheme="http", previous=first)
    result = stream.analyze()
    setup, close = result.setups[1], result.one("HTTP connection_close")
    assert verdict(setup)[:2] == ("response_connection_close", "inferred")
    assert "ended the connection with `Connection: close`;" in text(setup, "conntrace.cause.detail")
    assert "conntrace.connection.requests" not in {**setup.attributes, **close.attributes}


def test_a_bare_object_that_is_closed_and_used_again_says_where() -> None:
    """The program closed its own connection."""
    stream = Stream()
    first = stream.setup(host="a.example", port=80, scheme="http")
    stream.send(Close(connection=first, by="program", site_file="app.py", site_line=8))
    stream.setup(host="a.example", port=80, scheme="http", previous=first)
    setup = stream.analyze().setups[1]
    assert verdict(setup) == ("pool_closed_explicitly", "proved", True, True)
    assert "app.py:8" in text(setup, "conntrace.cause.detail")
