"""What was slow and why, its cost, what to change, what not to bother with."""

from __future__ import annotations

import pytest
from tests.unit.report import stories
from tests.unit.report.builder import Story

from conntrace import catalogue
from conntrace.report.model import build
from conntrace.report.verdicts import Judgement, Verdict, judge


def judged(story: Story) -> Judgement:
    return judge(build(story.records()))


def only(judgement: Judgement) -> Verdict:
    [verdict] = judgement.verdicts
    return verdict


def test_the_main_job_is_settled() -> None:
    judgement = judge(build(stories.keepalive()))
    recreated, closed, parallel = judgement.verdicts
    assert recreated.cause == "client_recreated"
    assert recreated.count == 3
    assert recreated.avoidable_ms == pytest.approx(3 * 34.2)
    assert [str(place) for place in recreated.places] == ["/srv/shop/handler.py:14"]
    assert recreated.advice == "create the client once, at module level"
    assert closed.cause == "server_closed_idle"
    [hint] = closed.hints
    assert "SO_KEEPALIVE" in hint
    assert "had no effect" in hint
    assert "1 of 1 with it, 1 of 1 without it" in hint
    assert parallel.cause == "parallel_client"
    assert judgement.cost_ms == pytest.approx(7 * 34.2)


def test_a_control_program_gets_no_verdict_and_no_advice() -> None:
    judgement = judge(build(stories.control()))
    assert judgement.verdicts == []
    assert judgement.hints == []
    assert judgement.avoidable_ms == 0.0
    assert [finding.cause for finding in judgement.usual] == ["first_use_of_destination"]


def test_one_change_for_many_hosts_is_one_verdict_with_a_finding_each() -> None:
    verdict = only(judge(build(stories.buckets())))
    assert verdict.count == 2
    assert len(verdict.findings) == 2
    assert len(verdict.destinations) == 2
    assert "pushed out by" in verdict.why


def test_a_server_that_closes_is_one_verdict_whoever_calls() -> None:
    story = Story()
    story.connect("c1", 0.0, "server_closed_idle", code__line__number=1)
    story.connect("c2", 1.0, "server_closed_idle", code__line__number=2)
    verdict = only(judged(story))
    assert [place.line for place in verdict.places] == [1, 2]


def test_the_same_client_code_at_two_lines_is_two_verdicts() -> None:
    story = Story()
    for number in (1, 2):
        made_at = f"/srv/app.py:{number}"
        story.connect(f"c{number}", 0.0, "client_recreated", conntrace__pool__created_at=made_at)
    assert len(judged(story).verdicts) == 2


def test_a_finding_keeps_its_id_over_runs() -> None:
    first, second = (
        [f.id for v in judge(build(stories.keepalive())).verdicts for f in v.findings]
        for _ in range(2)
    )
    assert first == second
    assert len(set(first)) == 3
    assert all(len(each) == 8 for each in first)


def test_avoidable_verdicts_come_first_then_the_costly_ones() -> None:
    story = Story()
    story.connect("c1", 0.0, "peer_reset_idle", phases=(900, 1, 1, 1))
    story.connect("c2", 1.0, "unsolicited_data", phases=(90, 1, 1, 1))
    story.connect("c3", 2.0, "one_shot_api", conntrace__cause__avoidable=True)
    causes = [verdict.cause for verdict in judged(story).verdicts]
    assert causes == ["one_shot_api", "peer_reset_idle", "unsolicited_data"]


def test_what_is_only_likely_is_not_called_proved() -> None:
    story = Story()
    story.connect("c1", 0.0, "client_recreated", conntrace__cause__confidence="inferred")
    assert not only(judged(story)).proved
    assert only(judged(story)).heading.startswith("probably: ")


def test_that_nothing_fits_is_not_a_guess() -> None:
    story = Story()
    story.connect("c1", 0.0, "unexplained", conntrace__cause__confidence="inferred")
    assert only(judged(story)).heading == catalogue.title("unexplained")


def test_first_use_with_advice_is_worth_a_verdict() -> None:
    story = Story()
    story.connect("c1", 0.0, conntrace__cause__advice="connect while the function initialises")
    assert only(judged(story)).cause == "first_use_of_destination"


def test_the_advised_size_is_that_for_the_most_at_once() -> None:
    story = Story()
    for number, in_use in enumerate((10, 19, 12)):
        story.connect(
            f"c{number}",
            float(number),
            "pool_overflow_concurrency",
            conntrace__pool__in_use=in_use,
            conntrace__cause__advice=f"keep {in_use + 1}",
        )
    assert only(judged(story)).advice == "keep 20"


def test_causes_nobody_knows_and_setups_without_cause_are_shown() -> None:
    story = Story()
    story.connect("c1", 0.0, "brand_new_cause")
    story.span("HTTP connection_setup other:1", 0.0, 5.0)
    assert {verdict.title for verdict in judged(story).verdicts} == {
        "brand new cause",
        catalogue.title("unexplained"),
    }


def test_an_avoidable_lookup_counts_like_a_setup() -> None:
    story = Story()
    story.span(
        "DNS lookup db.test",
        0.0,
        12.0,
        conntrace__cause__name="datagram_hostname",
        conntrace__cause__avoidable=True,
    )
    judgement = judged(story)
    assert judgement.avoidable_ms == 12.0
    assert str(only(judgement).destinations[0]) == "db.test"


def test_a_dead_address_has_a_verdict_whose_time_is_not_counted_twice() -> None:
    story = Story()
    setup = story.connect("c1", 0.0, phases=(1.0, 0, 0, 2000.0))
    story.span("socket connect [::1]:443", 0.001, 1000.0, setup, error="timed_out")
    fallback = {"conntrace__cause__name": "address_fallback", "conntrace__cause__advice": "fix it"}
    story.span("socket connect 10.0.0.1:443", 1.001, 1.0, setup, **fallback)
    judgement = judged(story)
    verdict = only(judgement)
    assert verdict.cause == "address_fallback"
    assert verdict.cost_ms == pytest.approx(1000.0)
    assert [place.line for place in verdict.places] == [21]
    assert judgement.cost_ms == pytest.approx(2001.2)


def test_known_dead_ends_come_from_the_catalogue() -> None:
    story = Story()
    story.connect("c1", 0.0, "client_recreated")
    [hint] = only(judged(story)).hints
    assert f"Do not {hint}" == catalogue.CAUSES["client_recreated"].do_not
