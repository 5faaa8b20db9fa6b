"""提醒、催办、督办: lateness climbs by itself, and stops the moment its cause ends."""

from datetime import timedelta

import pytest

from domain import events as e
from domain.errors import NotYourOrganisationError, RoleNotAllowedError
from domain.vocabulary import Phase, Point, ReportInState, State, SupervisionLevel
from tests.life import Life


def levels(life: Life, phase: Phase) -> list[SupervisionLevel]:
    """The levels a phase has raised, in order."""
    return [s.level for s in life.events(e.SupervisionRaised) if s.phase is phase]


def test_one_clock_reminds_urges_and_supervises():
    """50 %, 80 %, the limit, + 1 work day; and after 5 work days 通报批评 is only proposed."""
    life = Life().assembling("water")
    start = life.now
    life.wait(days=20)
    arrive = [s for s in life.events(e.ClockStruck) if s.phase is Phase.ARRIVE]
    assert [s.point for s in arrive] == list(Point)
    assert levels(life, Phase.ARRIVE) == [
        SupervisionLevel.REMIND,
        SupervisionLevel.REMIND,
        SupervisionLevel.URGE,
        SupervisionLevel.SUPERVISE,
    ]
    days = [(s.due_at - start).days for s in arrive]
    assert days[2:] == [3, 6, 10]
    assert life.last(e.CirculationProposed).organisation == "water"


def test_supervision_stops_the_moment_its_cause_ends():
    """Arriving ends the arrival's supervision in the same command."""
    life = Life().assembling("water", "police")
    life.wait(days=7)
    assert life.whistle.supervision_level is SupervisionLevel.SUPERVISE
    life.arrive("water", "police")
    assert life.whistle.supervision_level is SupervisionLevel.NONE
    assert life.whistle.report_in("water").overdue


def test_a_passed_reminder_is_not_sent_when_its_limit_has_passed_too():
    """After an outage only what still matters is raised."""
    life = Life().emergency("water")
    life.now += timedelta(hours=3)
    life.wait()
    assert levels(life, Phase.ARRIVE) == [SupervisionLevel.URGE]
    assert life.whistle.report_in("water").no_show


def test_an_old_supervision_does_not_come_back_with_the_same_state():
    """Declined and reviewed anew, the review's clock is another one."""
    life = Life()
    life.wait(days=2)
    assert life.whistle.supervision_level is SupervisionLevel.SUPERVISE
    life.proposed("water").do("leader@jinhaihu", "decline", reason="x")
    assert life.whistle.state is State.SOURCED
    assert life.whistle.supervision_level is SupervisionLevel.NONE


def test_urging_is_open_to_many_the_higher_levels_to_the_supervisor():
    """URGE: township, platform, source; the rest a supervisor's."""
    life = Life().assembling("water")
    for who in ("clerk@jinhaihu", "platform", "source@12345"):
        life.do(who, "supervise", level="URGE", responder="water")
        with pytest.raises(RoleNotAllowedError):
            life.do(who, "supervise", level="SUPERVISE", responder="water")
    life.do("supervisor", "supervise", level="CIRCULATE", responder="water", reason="多次逾期")
    assert life.whistle.supervision_level is SupervisionLevel.CIRCULATE


def test_supervision_by_hand_ends_with_its_answer():
    """督办回复 goes to the highest open one of the caller's own organisation."""
    life = Life().assembling("water", "police")
    life.do("supervisor", "supervise", level="SUPERVISE", responder="water")
    with pytest.raises(NotYourOrganisationError):
        life.do("department@police", "answer_supervision", reply="x")
    life.do("department@water", "answer_supervision", reply="即刻出发")
    assert life.whistle.supervision_level is SupervisionLevel.NONE


def test_supervision_by_hand_ends_with_the_whistle():
    """Nothing stays open after CLOSED, nor wakes with a reopening."""
    life = Life().evaluating("water")
    life.do("supervisor", "supervise", level="ACCOUNT")
    assert life.whistle.open_supervisions[0].organisation == "jinhaihu"
    life.do("clerk@jinhaihu", "feedback", reply="x", via="APP")
    life.do("source@12345", "callback", reached=True)
    life.do("leader@jinhaihu", "evaluate", responder="water", scores={"cooperation": 50, "result": 50})
    assert life.whistle.supervision_level is SupervisionLevel.NONE
    life.do("clerk@jinhaihu", "reopen", reason="x")
    assert life.whistle.supervision_level is SupervisionLevel.NONE


def test_each_state_in_which_somebody_must_act_binds_that_somebody():
    """Every late step urges the right office."""
    cases = [
        (Life(), "jinhaihu"),
        (Life().proposed("water"), "jinhaihu"),
        (Life().blown("water"), "platform"),
        (Life().returned("water"), "jinhaihu"),
        (Life().assembling("water"), "water"),
        (Life().in_action("water"), "water"),
        (Life().awaiting_check("water"), "jinhaihu"),
    ]
    for life, office in cases:
        life.wait(days=9)
        assert {s.organisation for s in life.whistle.open_supervisions} == {office}, life.whistle.state


def test_an_annulled_no_show_is_gone_from_the_record_s_marks():
    """Withdrawn by return, the marks are annulled."""
    life = Life().emergency("water")
    life.wait(minutes=4)
    life.do("platform", "return_whistle", reason="DUPLICATE")
    assert life.whistle.report_in("water").state is ReportInState.WITHDRAWN
    assert not life.whistle.report_in("water").overdue


def test_who_has_explained_its_lateness_is_not_proposed_for_circulation():
    """通报批评 is for five work days unexplained: an answered 督办 is an explanation."""
    life = Life().assembling("water", "police")
    for responder in ("water", "police"):
        life.do(f"department@{responder}", "sign", responder=responder)
    life.wait(days=7)
    life.do("department@water", "answer_supervision", reply="道路中断")
    life.wait(days=10)
    assert {c.organisation for c in life.events(e.CirculationProposed)} == {"police"}
