"""受理、派单、增派、挂账: the district platform, and the clocks that start at dispatch."""

from datetime import timedelta

import pytest

from domain import events as e
from domain.clocks import next_deadline, running
from domain.errors import InvalidError, MoveNotAllowedError, NotYourOrganisationError
from domain.vocabulary import Phase, ReportInState, State
from tests.life import TUESDAY_MORNING, Life


def accept(life: Life, lead: str, *cooperating: str, **more):
    """Let the platform accept."""
    return life.do("platform", "accept", lead=lead, cooperating=list(cooperating), **more)


def test_clocks_start_at_dispatch_and_signing_changes_none():
    """Not pressing 签收 gains nobody any time."""
    life = Life().assembling("water", "police")
    due = life.whistle.report_in("water").due(Phase.ARRIVE)
    life.wait(hours=30)
    life.do("department@water", "sign", responder="water")
    assert life.whistle.report_in("water").due(Phase.ARRIVE) == due
    assert life.whistle.report_in("water").state is ReportInState.SIGNED


def test_three_work_days_skip_the_weekend():
    """A DAILY whistle of Friday morning is due on Wednesday at the same hour."""
    friday = TUESDAY_MORNING + timedelta(days=3)
    life = Life(now=friday).assembling("water")
    assert life.whistle.report_in("water").due(Phase.ARRIVE) == friday + timedelta(days=5)


def test_the_platform_may_add_but_drops_a_named_unit_only_with_a_reason():
    """召集权: the township's units stand unless a reason is given."""
    life = Life().blown("water", "police")
    with pytest.raises(InvalidError) as refused:
        accept(life, "water", "planning")
    assert refused.value.errors[0]["field"] == "change_reason"
    accept(life, "water", "planning", change_reason="警力另有任务")
    assert set(life.whistle.responders) == {"water", "planning"}
    assert accept(Life().blown("water", "police"), "water", "police", "planning").state is State.ASSEMBLING


def test_the_township_s_time_and_place_stand_without_a_reason():
    """A changed time or place needs change_reason; what is left open stays the township's."""
    at = (TUESDAY_MORNING + timedelta(days=9)).isoformat()
    life = Life().blown("water", assemble_at=at, assembly_place="村委会")
    with pytest.raises(InvalidError):
        accept(life, "water", assembly_place="别处")
    accept(life, "water")
    assert life.whistle.assembly_place == "村委会"
    assert life.whistle.report_in("water").due(Phase.ARRIVE) == TUESDAY_MORNING + timedelta(days=9)


def test_an_assembly_time_earlier_than_the_rule_leaves_the_rule_s_limit():
    """assemble_at counts only when it is later than the rule's limit."""
    at = (TUESDAY_MORNING + timedelta(hours=2)).isoformat()
    life = Life().assembling("water", assemble_at=at)
    assert life.whistle.report_in("water").due(Phase.ARRIVE) == TUESDAY_MORNING + timedelta(days=3)


def test_a_service_whistle_needs_a_time_to_assemble():
    """3.0: no arrival rule but the agreed time."""
    life = Life().blown("agriculture", kind="SERVICE")
    with pytest.raises(InvalidError):
        accept(life, "agriculture")
    at = TUESDAY_MORNING + timedelta(days=10)
    accept(life, "agriculture", assemble_at=at.isoformat())
    assert life.whistle.report_in("agriculture").due(Phase.ARRIVE) == at


def test_accepting_an_emergency_confirms_without_resetting_its_clocks():
    """The clocks that the whistle started go on; an added unit gets its own; a dropped one is withdrawn."""
    life = Life().emergency("planning", "water", "police")
    due = life.whistle.report_in("water").due(Phase.ARRIVE)
    life.wait(minutes=2)
    accept(life, "water", "planning", "ecology", change_reason="警情不需要")
    assert life.whistle.report_in("water").due(Phase.ARRIVE) == due
    assert life.whistle.report_in("ecology").due(Phase.ARRIVE) == due + timedelta(minutes=2)
    assert life.whistle.report_in("police").state is ReportInState.WITHDRAWN
    assert life.whistle.lead == "water"


def test_twenty_responders_are_called_at_once():
    """One whistle carries at least 20 responders."""
    directory = Life().rules.organisations.departments()
    codes = [office.code for office in directory][:20]
    life = Life().in_action(*codes)
    assert len(life.whistle.report_ins) == 20
    assert life.whistle.state is State.IN_ACTION


def test_an_added_responder_gets_fresh_clocks_and_as_lead_takes_the_lead():
    """增派 as LEAD makes the former lead COOPERATING; in action it handles from dispatch."""
    life = Life().in_action("water", "police")
    life.wait(hours=5)
    life.do("platform", "add_responder", responder="planning", role="LEAD")
    roles = {r.responder: r.role.value for r in life.whistle.report_ins}
    assert roles == {"water": "COOPERATING", "police": "COOPERATING", "planning": "LEAD"}
    added = life.whistle.report_in("planning")
    assert added.notified_at == life.now
    assert added.due(Phase.HANDLE) == life.now + timedelta(days=7)


def test_a_responder_is_not_added_twice():
    """One report-in per responder and round."""
    with pytest.raises(MoveNotAllowedError):
        Life().assembling("water").do("clerk@jinhaihu", "add_responder", responder="water", role="COOPERATING")


def test_a_pause_is_added_back_to_every_stopped_clock_exactly():
    """挂账 stops all clocks; 恢复办理 moves each limit and point by the pause."""
    life = Life().assembling("water", "police")
    life.do("department@water", "sign", responder="water")
    before = {(r.phase, r.responder): r.clock for r in running(life.whistle)}
    signed_due = life.whistle.report_in("water").due(Phase.SIGN)
    review_at = (life.now + timedelta(days=30)).isoformat()
    life.do("platform", "suspend", reason="待规划", review_at=review_at)
    assert [r.phase for r in running(life.whistle)] == [Phase.SUSPENSION_REVIEW]
    pause = timedelta(days=11, hours=3, minutes=7)
    life.wait(pause)
    life.do("platform", "resume")
    after = {(r.phase, r.responder): r.clock for r in running(life.whistle)}
    assert before.keys() == after.keys()
    for key, clock in before.items():
        assert [at + pause for at, _ in clock.points] == [at for at, _ in after[key].points], key
    assert life.whistle.report_in("water").due(Phase.SIGN) == signed_due
    assert life.whistle.state is State.ASSEMBLING


def test_a_pause_moves_only_what_lay_ahead():
    """A limit that passed before the pause stays; the second limit moves."""
    life = Life().emergency("water")
    life.do("platform", "accept", lead="water")
    life.wait(minutes=40)
    due, second = (life.whistle.report_in("water").due(p) for p in (Phase.ARRIVE, Phase.ARRIVE_SECOND))
    life.do("platform", "suspend", reason="x", review_at=(life.now + timedelta(days=1)).isoformat())
    life.wait(hours=2)
    life.do("platform", "resume")
    assert life.whistle.report_in("water").due(Phase.ARRIVE) == due
    assert life.whistle.report_in("water").due(Phase.ARRIVE_SECOND) == second + timedelta(hours=2)
    assert life.whistle.report_in("water").overdue
    assert not life.wait(minutes=19).report_in("water").no_show
    assert life.wait(minutes=1).report_in("water").no_show


def test_the_review_date_alone_reminds_and_does_not_resume():
    """Only the platform takes a suspended matter up again."""
    life = Life().assembling("water")
    life.do("platform", "suspend", reason="x", review_at=(life.now + timedelta(days=2)).isoformat())
    life.wait(days=3)
    assert life.whistle.state is State.SUSPENDED
    assert life.whistle.open_supervisions[0].organisation == "platform"


@pytest.mark.parametrize("days", [0, -1, 91])
def test_a_suspension_is_reviewed_within_ninety_days(days):
    """review_at lies ahead, at most 90 days [P]."""
    life = Life().assembling("water")
    at = (life.now + timedelta(days=days)).isoformat()
    with pytest.raises(InvalidError):
        life.do("platform", "suspend", reason="x", review_at=at)


def test_a_source_s_own_limit_caps_the_handling():
    """来单时限 caps the handling limit."""
    due = TUESDAY_MORNING + timedelta(days=2)
    life = Life(source_due_at=due.isoformat()).in_action("water")
    assert life.whistle.report_in("water").due(Phase.HANDLE) == due


def test_a_department_asks_for_a_suspension_only_where_it_is_called():
    """request_suspension names no responder: the asking office must be one."""
    life = Life().assembling("water")
    with pytest.raises(NotYourOrganisationError):
        life.do("department@police", "request_suspension", reason="x")
    life.do("department@water", "request_suspension", reason="待规划")
    assert life.whistle.suspension_requested


def test_the_next_deadline_is_the_earliest_limit_that_binds_somebody():
    """Not a reminder, not a window."""
    life = Life().emergency("water")
    assert next_deadline(life.whistle) == life.now + timedelta(minutes=5)
    closed = Life().closed("water")
    assert next_deadline(closed.whistle) is None
    assert closed.events(e.WhistleClosed)
