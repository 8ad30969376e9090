"""What freezing and restoring a sandbox does to connections, and what must not get that cause."""

from __future__ import annotations

import pytest
from tests.unit.analyzer.lambda_streams import LambdaStream, invocations
from tests.unit.analyzer.streams import (
    CLOSE_WAIT,
    CLOSED,
    ESTABLISHED,
    number,
    text,
    texts,
    verdict,
)

from conntrace.analyzer.span import Link
from conntrace.events import Close, LeaseEnd, RequestEnd

HOST = "dynamodb.eu-west-1.amazonaws.com"


def warm(**function: object) -> tuple[LambdaStream, int]:
    """A function that connected while it was initialised, after its first invocation."""
    stream = LambdaStream(**function)  # type: ignore[arg-type]
    pool = stream.pool(stream.manager("boto3 dynamodb", "app.py:3"), HOST)
    stream.request(pool)
    with stream.invocation("r-1", cold=True):
        stream.request(pool)
    return stream, pool


def fail_and_retry(
    stream: LambdaStream, pool: int, error: str, *, status: int = 200, **kernel: int
) -> None:
    """A request dies on the reused connection at once; its retry connects anew."""
    request = stream.start(pool)
    checkout = stream.checkout(request, pool)
    stream.sleep(0.002)
    model = stream.pools[pool]
    model.in_use.remove(checkout.connection)
    stream.send(
        Close(
            connection=checkout.connection,
            by="error",
            error=error,
            request=request,
            last_data_received_ms=60_000,
            **kernel,
        )
    )
    stream.send(LeaseEnd(connection=checkout.connection, pool=pool, request=request, how="error"))
    stream.send(RequestEnd(request=request, error=error, connection=checkout.connection))
    again = stream.start(pool, previous=request)
    stream.checkout(again, pool)
    connection = stream.setup(pool, again)
    stream.answer(again, connection, status)
    stream.put(pool, connection, again)


# --- thaw_after_freeze ---------------------------------------------------------------------------


def test_a_connection_reset_on_first_use_after_a_freeze_was_lost_in_it() -> None:
    stream, pool = warm()
    stream.freeze(60)
    with stream.invocation("r-2"):
        fail_and_retry(stream, pool, "connection_reset", tcp_state=CLOSED)
    result = stream.play()
    setup = result.setups[-1]
    assert verdict(setup) == ("thaw_after_freeze", "proved", False, False)
    assert texts(setup, "conntrace.cause.contributing") == ["stale_reset_on_reuse"]
    assert number(setup, "conntrace.connection.frozen_s") == pytest.approx(60)
    assert number(setup, "conntrace.connection.idle_s") == pytest.approx(60, abs=0.1)
    assert "frozen for 60 s" in text(setup, "conntrace.cause.detail")
    failed = next(span for span in result.named("GET") if span.error)
    assert number(failed, "conntrace.connection.frozen_s") == pytest.approx(60)
    assert Link(failed.trace_id, failed.span_id) in setup.links


def test_without_an_answer_to_the_retry_it_is_only_likely() -> None:
    stream, pool = warm()
    stream.freeze(60)
    with stream.invocation("r-2"):
        fail_and_retry(stream, pool, "connection_reset", status=500, tcp_state=CLOSED)
    setup = stream.play().setups[-1]
    assert verdict(setup) == ("thaw_after_freeze", "inferred", False, False)


@pytest.mark.parametrize(
    ("awake_s", "expected"), [(20, "thaw_after_freeze"), (70, "stale_reset_on_reuse")]
)
def test_what_is_only_likely_goes_by_the_larger_part_of_the_pause(
    awake_s: float, expected: str
) -> None:
    stream, pool = warm()
    stream.freeze(60)
    with stream.invocation("r-2"):
        stream.sleep(awake_s)
        fail_and_retry(stream, pool, "connection_reset", status=500, tcp_state=CLOSED)
    assert verdict(stream.play().setups[-1])[:2] == (expected, "inferred")


def test_the_same_without_a_freeze_is_not_a_thaw() -> None:
    """The control: a pause in which the function could have run."""
    stream, pool = warm()
    stream.sleep(60)
    with stream.invocation("r-2"):
        fail_and_retry(stream, pool, "connection_reset", tcp_state=CLOSED)
    setup = stream.play().setups[-1]
    assert verdict(setup)[:2] == ("stale_reset_on_reuse", "proved")
    assert "conntrace.connection.frozen_s" not in setup.attributes


def test_a_freeze_that_was_over_before_the_pause_is_not_the_cause() -> None:
    stream, pool = warm()
    stream.freeze(60)
    with stream.invocation("r-2"):
        stream.request(pool)
        stream.sleep(10)
        fail_and_retry(stream, pool, "connection_reset", tcp_state=CLOSED)
    setup = stream.play().setups[-1]
    assert verdict(setup)[:2] == ("stale_reset_on_reuse", "proved")


@pytest.mark.parametrize(
    ("awake_s", "frozen_s", "expected"),
    [
        (0.5, 60, ("thaw_after_freeze", "proved")),
        (20, 60, ("stale_reset_on_reuse", "proved")),
    ],
)
def test_the_freeze_must_span_the_loss(
    awake_s: float, frozen_s: float, expected: tuple[str, str]
) -> None:
    """A connection that was idle and awake for long may have died then: only that it was dead
    is proved."""
    stream, pool = warm()
    stream.freeze(frozen_s)
    with stream.invocation("r-2"):
        stream.sleep(awake_s)
        fail_and_retry(stream, pool, "remote_disconnected", tcp_state=CLOSE_WAIT)
    setup = stream.play().setups[-1]
    assert verdict(setup)[:2] == expected
    assert number(setup, "conntrace.connection.frozen_s") == pytest.approx(frozen_s)


def test_a_silent_drop_in_a_freeze_gets_no_advice_that_needs_a_running_kernel() -> None:
    """Keep-alive probes are not sent by a frozen sandbox."""
    stream, pool = warm()
    stream.freeze(400)
    with stream.invocation("r-2"):
        fail_and_retry(stream, pool, "timed_out", tcp_state=ESTABLISHED, unacked=1, retransmits=3)
    setup = stream.play().setups[-1]
    assert verdict(setup) == ("thaw_after_freeze", "proved", False, False)
    assert texts(setup, "conntrace.cause.contributing") == ["silent_drop_timeout"]


def test_a_proved_fin_wins_and_nobody_knows_when_it_came() -> None:
    stream, pool = warm()
    stream.freeze(60)
    with stream.invocation("r-2"):
        stream.request(pool, stream.server_closed(pool, 59.9))
    result = stream.play()
    setup = result.setups[-1]
    assert verdict(setup) == ("server_closed_idle", "proved", False, False)
    assert "closed while frozen, time unknown" in text(setup, "conntrace.cause.detail")
    assert "59.9" not in text(setup, "conntrace.cause.detail")
    assert number(setup, "conntrace.connection.frozen_s") == pytest.approx(60)
    for span in (setup, result.named("HTTP connection_close")[-1]):
        assert "conntrace.close.server_idle_limit_s" not in span.attributes
        assert number(span, "conntrace.connection.frozen_s") == pytest.approx(60, abs=0.01)


def test_a_fin_in_a_pause_without_a_freeze_has_its_time() -> None:
    """The control: between two invocations that follow each other nothing was frozen."""
    stream, pool = warm()
    stream.freeze(60)
    with stream.invocation("r-2"):
        stream.request(pool)
        stream.sleep(3)
        stream.request(pool, stream.server_closed(pool, 2.0))
    setup = stream.play().setups[-1]
    assert verdict(setup) == ("server_closed_idle", "proved", True, True)
    assert number(setup, "conntrace.close.server_idle_limit_s") == pytest.approx(2.0, abs=0.01)
    assert "conntrace.connection.frozen_s" not in setup.attributes


def test_a_proved_reset_wins() -> None:
    stream, pool = warm()
    stream.freeze(60)
    with stream.invocation("r-2"):
        stream.request(pool, stream.found_dead(pool, tcp_state=CLOSED))
    setup = stream.play().setups[-1]
    assert verdict(setup)[:2] == ("peer_reset_idle", "proved")
    assert number(setup, "conntrace.connection.frozen_s") == pytest.approx(60)


def test_found_dead_after_a_freeze_without_the_kernels_word() -> None:
    """Likely, and no more: it may have been data that made the socket readable."""
    stream, pool = warm()
    stream.freeze(60)
    with stream.invocation("r-2"):
        stream.request(pool, stream.found_dead(pool, tcp_state=0, pending_bytes=-1))
    setup = stream.play().setups[-1]
    assert verdict(setup) == ("thaw_after_freeze", "inferred", False, False)


def test_data_that_waits_after_a_freeze_is_no_loss() -> None:
    stream, pool = warm()
    stream.freeze(60)
    with stream.invocation("r-2"):
        stream.request(
            pool, stream.found_dead(pool, tcp_state=ESTABLISHED, pending_bytes=120, tls_record=23)
        )
    assert stream.play().causes[-1] == "unsolicited_data"


def test_a_reused_connection_shows_the_frozen_part_of_its_pause() -> None:
    stream, pool = warm()
    stream.freeze(60)
    with stream.invocation("r-2"):
        stream.sleep(2)
        stream.request(pool)
    request = stream.play().named("GET")[-1]
    assert number(request, "conntrace.connection.idle_s") == pytest.approx(62, abs=0.1)
    assert number(request, "conntrace.connection.frozen_s") == pytest.approx(60)


# --- sandbox_restored ----------------------------------------------------------------------------


def snapshot() -> tuple[LambdaStream, int]:
    """A function that connected while it was initialised, and woke up from a snapshot of that."""
    stream = LambdaStream(initialization="snap-start")
    pool = stream.pool(stream.manager("boto3 dynamodb", "app.py:3"), HOST)
    stream.request(pool)
    return stream.restore(), pool


def test_a_connection_from_before_the_snapshot_died_with_it() -> None:
    stream, pool = snapshot()
    with stream.invocation("r-1"):
        stream.request(pool, stream.found_dead(pool, tcp_state=CLOSED))
    setup = stream.play().setups[-1]
    assert verdict(setup) == ("sandbox_restored", "proved", False, True)
    assert "snapshot" in text(setup, "conntrace.cause.advice")


def test_one_that_died_in_use_too() -> None:
    stream, pool = snapshot()
    with stream.invocation("r-1"):
        fail_and_retry(stream, pool, "connection_reset", tcp_state=CLOSED)
    result = stream.play()
    assert verdict(result.setups[-1])[:2] == ("sandbox_restored", "proved")


def test_a_connection_that_still_served_after_the_restore_was_lost_later() -> None:
    """The control: what closes it then has another cause."""
    stream, pool = snapshot()
    with stream.invocation("r-1"):
        stream.request(pool)
        stream.sleep(3)
        stream.request(pool, stream.server_closed(pool, 2.0))
    assert stream.play().causes[-1] == "server_closed_idle"


def test_who_closes_before_the_snapshot_gets_no_advice() -> None:
    """The control: the program does what is advised."""
    stream = LambdaStream(initialization="snap-start")
    manager = stream.manager("boto3 dynamodb", "app.py:3")
    pool = stream.pool(manager, HOST)
    stream.request(pool)
    stream.close_pool(pool)
    life = stream.restore()
    fresh = life.pool(manager, HOST)
    life.request(fresh)
    with life.invocation("r-1"):
        life.request(fresh)
    result = life.play()
    assert "conntrace.cause.advice" not in result.setups[-1].attributes
    assert result.summary.findings == 0


def test_another_client_after_a_restore_is_judged_as_ever() -> None:
    """A new destination is a first use, in the other life too; before a snapshot nothing helps."""
    stream, _ = snapshot()
    with stream.invocation("r-1"):
        stream.request(stream.pool(stream.manager("boto3 s3", "app.py:9"), "s3.example"))
    setup = stream.play().setups[-1]
    assert verdict(setup) == ("first_use_of_destination", "proved", False, False)


def test_a_fork_is_still_a_fork() -> None:
    """The control: a child that inherits its parent's connection."""
    stream, pool = warm()
    child = stream.fork()
    child.request(pool, child.found_dead(pool, tcp_state=CLOSE_WAIT))
    for event in child.events:
        stream.order.append((child.process, event))
    assert stream.play().causes[-1] == "forked_process"


# --- what the initialisation could have done -----------------------------------------------------


def test_a_first_use_in_an_invocation_is_told_to_come_earlier() -> None:
    stream, _ = warm()
    with stream.invocation("r-2"):
        stream.request(stream.pool(stream.manager("boto3 s3", "app.py:9"), "s3.example"))
    result = stream.play()
    setup = result.setups[-1]
    assert verdict(setup) == ("first_use_of_destination", "proved", False, True)
    assert "module level" in text(setup, "conntrace.cause.advice")
    assert number(invocations(result)[-1], "conntrace.ledger.avoidable_s") == 0


def test_a_destination_that_cannot_be_reached_is_not_to_be_tried_earlier() -> None:
    """Otherwise the initialisation would fail too."""
    stream, _ = warm()
    with stream.invocation("r-2"):
        pool = stream.pool(stream.manager("urllib3.PoolManager", "app.py:9"), "gone.example")
        request = stream.start(pool)
        stream.checkout(request, pool)
        stream.setup(pool, request, addresses=(("192.0.2.1", "connection_refused"),))
    assert verdict(stream.play().setups[-1]) == (
        "first_use_of_destination",
        "proved",
        False,
        False,
    )


def test_a_function_that_does_nothing_wrong_gets_no_advice() -> None:
    """The control: connected while initialised, used again and again, frozen in between."""
    stream, pool = warm()
    for index in range(20):
        stream.freeze(1)
        with stream.invocation(f"r-{index}"):
            stream.request(pool)
            stream.request(pool)
    stream.shutdown()
    result = stream.play()
    assert result.causes == ["first_use_of_destination"]
    assert not any("conntrace.cause.advice" in span.attributes for span in result.spans)
    assert result.summary.findings == 0


def test_a_first_use_between_invocations_gets_no_advice() -> None:
    stream, _ = warm()
    stream.request(stream.pool(stream.manager("boto3 s3", "app.py:9"), "s3.example"))
    assert verdict(stream.play().setups[-1])[3] is False


def test_a_one_shot_api_would_not_keep_what_it_connects_early() -> None:
    stream, _ = warm()
    with stream.invocation("r-2"):
        manager = stream.manager("requests.Session", "app.py:9", one_shot="requests.get")
        stream.request(stream.pool(manager, "s3.example"))
    assert verdict(stream.play().setups[-1])[3] is False


def test_a_client_made_in_the_handler_is_made_again_by_each_invocation() -> None:
    """Across invocations and freezes, with a link from each set-up to the loss before it."""
    stream = LambdaStream()
    for index in range(3):
        with stream.invocation(f"r-{index}", cold=index == 0):
            manager = stream.manager("boto3 dynamodb", "handler.py:14")
            pool = stream.pool(manager, HOST)
            stream.request(pool)
            stream.collect_manager(manager, [pool])
        stream.freeze(1)
    result = stream.play()
    assert result.causes == ["first_use_of_destination", "client_recreated", "client_recreated"]
    for setup, before in zip(
        result.setups[1:], result.named("HTTP connection_close"), strict=False
    ):
        assert verdict(setup) == ("client_recreated", "proved", True, True)
        assert Link(before.trace_id, before.span_id) in setup.links
        assert before.trace_id != setup.trace_id
    spent = [number(span, "conntrace.ledger.avoidable_s") for span in invocations(result)]
    assert spent[0] == 0
    assert all(cost > 0 for cost in spent[1:])
