"""核查、评价、答复、回访、申诉、重新办理: the end of a whistle, and the way back."""

from datetime import timedelta

import pytest

from domain import events as e
from domain.clocks import running
from domain.errors import InvalidError, MoveNotAllowedError, NotYourOrganisationError, RoleNotAllowedError
from domain.values import Actor
from domain.vocabulary import Outcome, Phase, ReportInState, Role, SignalType, State
from tests.life import SCORES, Life


def state_of(life: Life, responder: str) -> ReportInState:
    """Where a responder stands."""
    found = life.whistle.report_in(responder)
    assert found is not None
    return found.state


def test_a_passed_check_releases_all_and_opens_evaluation():
    """终场哨, then 监督哨; the outcome is apart from the state."""
    life = Life().awaiting_check("water", "police")
    life.do("clerk@jinhaihu", "check", passed=True, outcome="CASE_FILED")
    assert life.whistle.state is State.EVALUATING
    assert life.whistle.outcome is Outcome.CASE_FILED
    assert {state_of(life, r) for r in ("water", "police")} == {ReportInState.RELEASED}
    assert [s.signal for s in life.events(e.SignalSounded)][-2:] == [SignalType.FINAL, SignalType.SUPERVISE]


def test_a_failed_check_sends_back_only_those_named():
    """Rework +1 and a fresh handling clock for them alone."""
    life = Life().awaiting_check("water", "police")
    life.wait(hours=3)
    life.do("clerk@jinhaihu", "check", passed=False, failed_responders=["police"])
    assert life.whistle.state is State.IN_ACTION
    assert state_of(life, "water") is ReportInState.HANDLED
    assert state_of(life, "police") is ReportInState.ARRIVED
    assert life.whistle.report_in("police").rework == 1
    assert life.whistle.report_in("police").due(Phase.HANDLE) == life.now + timedelta(days=7)
    assert life.handle("police").whistle.state is State.AWAITING_CHECK


def test_a_failed_check_that_names_nobody_sends_all_back():
    """Default all."""
    life = Life().awaiting_check("water", "police")
    life.do("clerk@jinhaihu", "check", passed=False)
    assert {state_of(life, r) for r in ("water", "police")} == {ReportInState.ARRIVED}


def test_the_person_who_handled_does_not_check():
    """Closer ≠ handler, by the person, not the office."""
    life = Life().in_action("water")
    both = Actor(subject="one-and-the-same", role=Role.DEPARTMENT, organisation="water")
    life.do(both, "report_handling", responder="water", result="RESOLVED", summary="x")
    same = both.model_copy(update={"role": Role.TOWNSHIP_CLERK, "organisation": "jinhaihu"})
    with pytest.raises(MoveNotAllowedError):
        life.do(same, "check", passed=True, outcome="RESOLVED")
    assert life.do("clerk@jinhaihu", "check", passed=True, outcome="RESOLVED").state is State.EVALUATING


@pytest.mark.parametrize(
    "body",
    [
        {"passed": True},
        {"passed": True, "outcome": "DUPLICATE"},
        {"passed": False, "outcome": "RESOLVED"},
        {"passed": True, "outcome": "RESOLVED", "failed_responders": ["water"]},
        {"passed": False, "failed_responders": ["ecology"]},
    ],
)
def test_a_check_that_contradicts_itself_is_refused(body):
    """Outcome with passed, failed_responders with failed."""
    life = Life().awaiting_check("water")
    with pytest.raises(InvalidError):
        life.do("clerk@jinhaihu", "check", **body)


def test_the_reply_does_not_wait_for_the_offices_evaluation():
    """Answered and called back first, the last evaluation closes the whistle."""
    life = Life().evaluating("water", "police")
    life.do("clerk@jinhaihu", "feedback", reply="已处理", via="WECHAT")
    life.do("source@12345", "callback", reached=True, solved=True, satisfaction="SATISFIED")
    assert life.whistle.state is State.EVALUATING
    life.do("leader@jinhaihu", "evaluate", responder="water", scores=SCORES)
    assert life.whistle.state is State.EVALUATING
    life.do("leader@jinhaihu", "evaluate", responder="police", scores=SCORES, comment="迅速")
    assert life.whistle.state is State.CLOSED


def test_evaluation_that_does_not_come_is_full_marks_by_default():
    """默认评价 after 3 work days, marked as such."""
    life = Life().evaluating("water")
    life.wait(days=3)
    assert life.whistle.state is State.FEEDBACK
    given = life.whistle.report_in("water").evaluation
    assert given.by_default
    assert (given.scores.cooperation, given.scores.result) == (100, 100)


def test_evaluation_needs_scores():
    """Timeliness is from the record, cooperation and result are scored by hand."""
    with pytest.raises(InvalidError):
        Life().evaluating("water").do("leader@jinhaihu", "evaluate", responder="water")


def test_the_third_attempt_of_source_or_platform_ends_the_callback():
    """自查 neither counts nor ends it."""
    life = Life().feedback("water")
    life.do("clerk@jinhaihu", "feedback", reply="x", via="PHONE")
    life.do("clerk@jinhaihu", "callback", reached=True, solved=True, satisfaction="SATISFIED")
    assert life.whistle.state is State.FEEDBACK
    for who in ("source@12345", "platform"):
        life.do(who, "callback", reached=False)
        assert life.whistle.state is State.FEEDBACK
    life.do("source@12345", "callback", reached=False)
    assert life.whistle.state is State.CLOSED


def test_the_callback_s_limit_closes_the_whistle():
    """The next working day passes."""
    life = Life().feedback("water")
    life.do("clerk@jinhaihu", "feedback", reply="x", via="PHONE")
    life.wait(days=2)
    assert life.whistle.state is State.CLOSED


def test_the_reply_s_limit_only_urges():
    """FEEDBACK waits for the reply however late."""
    life = Life().feedback("water")
    life.wait(days=20)
    assert life.whistle.state is State.FEEDBACK
    assert any(s.phase is Phase.FEEDBACK and s.organisation == "jinhaihu" for s in life.whistle.open_supervisions)


def test_without_a_reporter_no_callback_follows():
    """The reply closes."""
    life = Life(reporter=None).feedback("water")
    assert life.do("clerk@jinhaihu", "feedback", reply="x", via="APP").state is State.CLOSED
    with pytest.raises(MoveNotAllowedError):
        life.do("source@12345", "callback", reached=False)


def test_a_dissatisfied_resident_sounds_the_supervision_whistle():
    """监督哨, and reopening is offered."""
    life = Life().feedback("water")
    life.do("clerk@jinhaihu", "feedback", reply="x", via="PHONE")
    life.do("source@12345", "callback", reached=True, solved=False, satisfaction="DISSATISFIED")
    assert life.last(e.SignalSounded).signal is SignalType.SUPERVISE
    assert life.whistle.dissatisfied
    assert "reopen" in life.allowed("clerk@jinhaihu")


def test_an_appeal_keeps_its_window_after_closing_and_holds_the_archive():
    """≤ 5 work days; while one is pending the workflow does not end."""
    life = Life().closed("water", "police")
    life.wait(days=2)
    life.do("department@water", "appeal", responder="water", reason="已按时到场")
    with pytest.raises(MoveNotAllowedError):
        life.do("department@water", "appeal", responder="water", reason="再次")
    life.wait(days=60)
    assert not life.whistle.ended
    with pytest.raises(MoveNotAllowedError):
        life.do("department@police", "appeal", responder="police", reason="迟了")
    life.do("platform", "decide_appeal", responder="water", upheld=True)
    assert life.whistle.report_in("water").appeal_upheld
    assert life.whistle.ended


def test_a_closed_whistle_reopens_within_its_window():
    """Round +1, the named or all responders, fresh clocks."""
    life = Life().closed("water", "police")
    life.wait(days=10)
    life.do("clerk@jinhaihu", "reopen", reason="又被盗采", responders=["police"])
    assert life.whistle.state is State.ASSEMBLING
    assert life.whistle.round == 2
    assert life.whistle.responders == ("police",)
    assert life.whistle.lead == "police"
    assert life.whistle.report_in("police").notified_at == life.now
    assert len(life.whistle.earlier_report_ins) == 2
    assert life.whistle.outcome is None
    life.arrive("police").handle("police")
    life.do("clerk@jinhaihu", "check", passed=True, outcome="RESOLVED")
    assert "feedback" in life.allowed("clerk@jinhaihu")


def test_a_self_handled_whistle_reopens_to_the_review():
    """It never had a responder."""
    life = Life(reporter=None)
    life.do("clerk@jinhaihu", "review", decision="SELF_HANDLE", reason="x")
    life.do("clerk@jinhaihu", "feedback", reply="x", via="APP")
    assert life.do("supervisor", "reopen", reason="未办好").state is State.SOURCED


def test_after_its_window_a_closed_whistle_is_archived():
    """30 days [P], then nothing more; a recurrence is a new whistle."""
    life = Life().closed("water")
    life.wait(timedelta(days=30) - timedelta(milliseconds=1))
    assert not life.whistle.ended
    assert {r.phase for r in running(life.whistle)} <= {Phase.REOPEN, Phase.APPEAL}
    life.wait(timedelta(milliseconds=1))
    assert life.whistle.ended
    with pytest.raises(MoveNotAllowedError):
        life.do("clerk@jinhaihu", "reopen", reason="x")


@pytest.mark.parametrize("stage", ["proposed", "blown", "assembling", "in_action", "returned"])
def test_the_leader_calls_a_whistle_off_until_the_action_ends(stage):
    """撤哨 ends the report-ins."""
    life = getattr(Life(), stage)("water")
    life.do("leader@jinhaihu", "cancel", reason="已自行解决")
    assert life.whistle.state is State.CANCELLED
    assert life.whistle.outcome is Outcome.CANCELLED
    assert life.whistle.ended


def test_only_an_administrator_cancels_elsewhere():
    """ADMIN from any open state, nobody after the end."""
    with pytest.raises(MoveNotAllowedError):
        Life().awaiting_check("water").do("leader@jinhaihu", "cancel", reason="x")
    with pytest.raises(NotYourOrganisationError):
        Life().blown("water").do("leader@mafang", "cancel", reason="x")
    with pytest.raises(RoleNotAllowedError):
        Life().blown("water").do("clerk@jinhaihu", "cancel", reason="x")
    assert Life().awaiting_check("water").do("admin", "cancel", reason="x").state is State.CANCELLED
    with pytest.raises(MoveNotAllowedError):
        Life().closed("water").do("admin", "cancel", reason="x")


def test_a_reply_does_not_change_what_the_check_has_found():
    """The outcome is the check's; the reply gives one for a self-handled matter alone."""
    life = Life().evaluating("water")
    with pytest.raises(InvalidError) as refused:
        life.do("clerk@jinhaihu", "feedback", reply="x", via="APP", outcome="UNFOUNDED")
    assert refused.value.errors[0]["field"] == "outcome"
    assert life.do("clerk@jinhaihu", "feedback", reply="x", via="APP", outcome="RESOLVED").feedback_given
