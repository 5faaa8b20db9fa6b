"""签收、报到、异议、处置、延期: what responders do on the spot."""

from datetime import timedelta

import pytest

from domain import events as e
from domain.clocks import running
from domain.errors import InvalidError, MoveNotAllowedError, NotYourOrganisationError, RoleNotAllowedError
from domain.vocabulary import Phase, ReportInState, SignalType, State
from tests.life import OFFICERS, Life


def part(life: Life, responder: str):
    """A responder's report-in."""
    found = life.whistle.report_in(responder)
    assert found is not None
    return found


def rule_on(life: Life, responder: str, ruling: str, **more):
    """Let the arbiter rule."""
    return life.do("arbiter", "rule", responder=responder, ruling=ruling, **more)


def test_arriving_signs_too():
    """Who stands on site has acknowledged the dispatch."""
    life = Life().assembling("water", "police")
    life.arrive("water")
    assert part(life, "water").signed_at == life.now
    assert part(life, "water").state is ReportInState.ARRIVED


def test_a_late_arrival_is_marked_and_never_blocked():
    """30 minutes, then 60: marks stay, the arrival counts its seconds."""
    life = Life().emergency("water")
    life.wait(timedelta(minutes=30) - timedelta(milliseconds=1))
    assert not part(life, "water").overdue
    life.wait(timedelta(milliseconds=1))
    assert part(life, "water").overdue
    assert not part(life, "water").no_show
    life.wait(minutes=30)
    assert part(life, "water").no_show
    life.wait(minutes=5)
    life.arrive("water")
    assert part(life, "water").late_by_s == 35 * 60
    assert part(life, "water").overdue
    assert part(life, "water").no_show
    assert life.whistle.state is State.IN_ACTION


def test_the_clerk_records_an_arrival_for_a_unit_without_signal():
    """补录 with occurred_at: in time is in time."""
    life = Life().emergency("water")
    at = life.now + timedelta(minutes=20)
    life.wait(minutes=40)
    body = {"responder": "water", "officers": OFFICERS}
    life.do("clerk@jinhaihu", "arrive", **body, occurred_at=at.isoformat())
    assert part(life, "water").arrived_at == at
    assert part(life, "water").late_by_s == 0
    assert life.last(e.ResponderArrived).recorded_for


def test_an_arrival_recorded_afterwards_as_in_time_lifts_the_mark_and_a_false_one_restores_it():
    """The marks speak of the limit; the township's record decides what they say."""
    life = Life().emergency("water", "police")
    at = life.now + timedelta(minutes=20)
    life.wait(minutes=40)
    assert part(life, "water").overdue
    life.do("clerk@jinhaihu", "arrive", responder="water", officers=OFFICERS, occurred_at=at.isoformat())
    assert not part(life, "water").overdue
    life.do("clerk@jinhaihu", "reject_arrival", responder="water", reason="查无此人")
    assert part(life, "water").overdue


@pytest.mark.parametrize("minutes", [-1, 1])
def test_an_arrival_lies_between_dispatch_and_now(minutes):
    """Neither before the dispatch nor in the future."""
    life = Life().emergency("water")
    at = (life.now + timedelta(minutes=minutes)).isoformat()
    with pytest.raises(InvalidError):
        life.do("department@water", "arrive", responder="water", officers=OFFICERS, occurred_at=at)


def test_a_false_arrival_goes_back_as_if_it_had_never_been():
    """报到不实: 监督哨, the state before, and the clock that never stopped strikes at once."""
    life = Life().emergency("water", "police")
    life.arrive("water")
    life.wait(minutes=31)
    assert not part(life, "water").overdue
    life.do("clerk@jinhaihu", "reject_arrival", responder="water", reason="查无此人")
    assert life.last(e.SignalSounded).signal is SignalType.SUPERVISE
    assert part(life, "water").state is ReportInState.NOTIFIED
    assert part(life, "water").signed_at is None
    life.wait()
    assert part(life, "water").overdue


def test_the_action_starts_when_all_have_arrived():
    """冲锋哨, and the handling clocks run from here."""
    life = Life().assembling("water", "police")
    life.arrive("water")
    assert life.whistle.state is State.ASSEMBLING
    life.arrive("police")
    assert life.whistle.state is State.IN_ACTION
    assert life.last(e.SignalSounded).signal is SignalType.CHARGE
    assert part(life, "water").due(Phase.HANDLE) == life.now + timedelta(days=7)


def test_the_action_starts_without_who_is_missing_half_an_hour_after_the_last_limit():
    """30 minutes [P] after the last first arrival limit, once one has arrived."""
    life = Life().emergency("water", "police")
    life.do("platform", "accept", lead="water", cooperating=["police"])
    life.arrive("water")
    life.wait(timedelta(minutes=60) - timedelta(milliseconds=1))
    assert life.whistle.state is State.ASSEMBLING
    assert life.wait(timedelta(milliseconds=1)).state is State.IN_ACTION
    assert life.last(e.ActionStarted).trigger == "LIMIT"


def test_the_first_arrival_after_that_limit_starts_the_action_at_once():
    """Once one has arrived, the limit that passed counts."""
    life = Life().emergency("water", "police")
    life.wait(hours=2)
    assert life.whistle.state is State.ASSEMBLING
    assert life.arrive("water").whistle.state is State.IN_ACTION


def test_the_township_may_start_the_action_itself():
    """start_action does not wait for the rest."""
    life = Life().assembling("water", "police")
    life.arrive("water")
    assert life.do("clerk@jinhaihu", "start_action").state is State.IN_ACTION


def test_one_no_show_does_not_freeze_the_whistle():
    """Past its handling limit a no-show no longer holds the check back, and is released by it."""
    life = Life().emergency("water", "police")
    life.wait(hours=2)
    life.arrive("water")
    life.handle("water")
    assert life.whistle.state is State.IN_ACTION
    life.wait(hours=24)
    assert life.whistle.state is State.AWAITING_CHECK
    life.do("clerk@jinhaihu", "check", passed=True, outcome="RESOLVED")
    assert part(life, "police").state is ReportInState.RELEASED
    assert part(life, "police").no_show


def test_a_cooperating_unit_that_handled_may_leave_the_lead_may_not():
    """同意撤离; 事不完、人不撤 for the lead."""
    life = Life().in_action("water", "police")
    life.handle("police")
    assert life.do("clerk@jinhaihu", "release", responder="police").report_in("police").state is ReportInState.RELEASED
    assert life.last(e.SignalSounded).signal is SignalType.FINAL
    other = Life().in_action("water", "police")
    other.handle("water")
    with pytest.raises(MoveNotAllowedError):
        other.do("clerk@jinhaihu", "release", responder="water")


def test_an_objection_leaves_the_arrival_clock_running():
    """The objector is overdue like anybody while the ruling is awaited."""
    life = Life().objected("water", "police")
    due = part(life, "water").due(Phase.ARRIVE)
    life.wait(hours=1)
    rule_on(life, "water", "OVERRULED")
    assert part(life, "water").due(Phase.ARRIVE) == due
    assert part(life, "water").state is ReportInState.NOTIFIED


def test_an_upheld_objection_withdraws_and_annuls_the_marks():
    """异议成立: the named successor gets fresh clocks, and the lead if it was the lead's."""
    life = Life().emergency("water", "police")
    life.do("platform", "accept", lead="water", cooperating=["police"])
    life.wait(minutes=61)
    life.arrive("water")
    life.object("water")
    assert part(life, "water").no_show
    rule_on(life, "water", "UPHELD", reassign_to="planning")
    assert part(life, "water").state is ReportInState.WITHDRAWN
    assert not part(life, "water").overdue
    assert not part(life, "water").no_show
    assert part(life, "planning").notified_at == life.now
    assert life.whistle.lead == "planning"


def test_an_upheld_objection_without_successor_is_ownerless_until_one_is_added():
    """无头事项: the platform must add a unit, and is on the clock for it."""
    life = Life().objected("water", "police")
    rule_on(life, "water", "UPHELD")
    assert life.whistle.ownerless
    assert life.whistle.lead is None
    assert any(r.phase is Phase.ACCEPT for r in running(life.whistle))
    life.do("platform", "add_responder", responder="planning", role="LEAD")
    assert not life.whistle.ownerless
    assert life.whistle.lead == "planning"


def test_a_ruling_that_does_not_come_lets_the_first_receiver_go_on():
    """首接单位先行办理: the dispute stays open, the arbiter is urged, and may still rule."""
    life = Life().objected("water", "police")
    life.wait(days=1)
    assert part(life, "water").state is ReportInState.NOTIFIED
    assert part(life, "water").dispute_open
    assert any(s.organisation == "arbiter" for s in life.whistle.open_supervisions)
    with pytest.raises(MoveNotAllowedError):
        life.object("water")
    rule_on(life, "water", "OVERRULED")
    assert not part(life, "water").dispute_open


def test_a_dispute_ruled_after_the_action_only_annuls_the_marks():
    """In AWAITING_CHECK and later UPHELD leaves the report-in where it is."""
    life = Life().emergency("water")
    life.do("platform", "accept", lead="water")
    life.wait(minutes=31)
    life.arrive("water")
    life.object("water")
    life.wait(days=1)
    life.handle("water")
    assert life.whistle.state is State.AWAITING_CHECK
    rule_on(life, "water", "UPHELD")
    assert part(life, "water").state is ReportInState.HANDLED
    assert not part(life, "water").overdue


def test_a_dispute_unruled_at_the_end_lapses():
    """CLOSED settles it."""
    life = Life().objected("water", "police")
    life.wait(days=1)
    life.arrive("water", "police").handle("water", "police")
    life.do("clerk@jinhaihu", "check", passed=True, outcome="RESOLVED")
    life.do("leader@jinhaihu", "evaluate", responders=["water", "police"], scores={"cooperation": 1, "result": 2})
    life.do("clerk@jinhaihu", "feedback", reply="x", via="SMS")
    life.do("platform", "callback", reached=True)
    assert life.whistle.state is State.CLOSED
    assert not part(life, "water").dispute_open


def test_an_emergency_s_objector_arrives_first():
    """先报到、后争议."""
    life = Life().emergency("water", "police")
    life.do("platform", "accept", lead="water", cooperating=["police"])
    with pytest.raises(MoveNotAllowedError):
        life.object("water")
    life.arrive("water")
    assert life.object("water").report_in("water").state is ReportInState.OBJECTED


def test_objections_end_with_their_window_and_after_the_second():
    """Within 4 work hours of dispatch, at most two, the second ruling is final."""
    life = Life().objected("water", "police")
    rule_on(life, "water", "OVERRULED")
    life.object("water")
    rule_on(life, "water", "OVERRULED")
    with pytest.raises(MoveNotAllowedError):
        life.object("water")
    late = Life().assembling("water")
    late.wait(hours=6)
    with pytest.raises(MoveNotAllowedError):
        late.object("water")


def test_an_extension_moves_its_own_phase_once():
    """延期 moves the arrival limit; nothing else, and not twice."""
    life = Life().assembling("water", "police")
    until = part(life, "water").due(Phase.ARRIVE) + timedelta(days=2)
    body = {"responder": "water", "phase": "ARRIVAL", "reason": "道路中断"}
    life.do("department@water", "request_extension", **body, until=until.isoformat())
    life.do("leader@jinhaihu", "decide_extension", responder="water", granted=True)
    assert part(life, "water").due(Phase.ARRIVE) == until
    assert part(life, "police").due(Phase.ARRIVE) < until
    with pytest.raises(MoveNotAllowedError):
        life.do("department@water", "request_extension", **body, until=(until + timedelta(days=1)).isoformat())


def test_a_granted_extension_lifts_the_mark_of_the_limit_it_moved():
    """Overdue speaks of due_at; granted late, the mark and its 催办 end."""
    life = Life().assembling("water")
    due = part(life, "water").due(Phase.ARRIVE)
    body = {"responder": "water", "phase": "ARRIVAL", "reason": "x", "until": (due + timedelta(days=3)).isoformat()}
    life.do("department@water", "request_extension", **body)
    life.wait(due - life.now + timedelta(hours=1))
    assert part(life, "water").overdue
    life.do("leader@jinhaihu", "decide_extension", responder="water", granted=True)
    assert not part(life, "water").overdue
    assert not [s for s in life.whistle.open_supervisions if s.phase is Phase.ARRIVE]
    life.wait(days=4)
    assert part(life, "water").overdue


def test_a_handling_extension_waits_for_its_clock_and_a_refusal_counts():
    """No handling limit runs before the action; refused once is decided."""
    life = Life().assembling("water")
    far = (life.now + timedelta(days=60)).isoformat()
    body = {"responder": "water", "phase": "HANDLING", "reason": "x", "until": far}
    with pytest.raises(MoveNotAllowedError):
        life.do("department@water", "request_extension", **body)
    life.arrive("water")
    life.do("department@water", "request_extension", **body)
    life.do("leader@jinhaihu", "decide_extension", responder="water", granted=False)
    with pytest.raises(MoveNotAllowedError):
        life.do("department@water", "request_extension", **body)


def test_a_first_report_stops_its_clock():
    """初报 is due 2 h from dispatch in an emergency; a report stops it."""
    life = Life().emergency("water")
    assert any(r.phase is Phase.FIRST_REPORT for r in running(life.whistle))
    life.do("department@water", "sign", responder="water")
    life.do("department@water", "report_progress", responder="water", text="已出发")
    assert not any(r.phase is Phase.FIRST_REPORT for r in running(life.whistle))


def test_a_consultation_is_open_to_the_lead_and_lies_in_the_past():
    """会商 by the township, the platform or the lead."""
    life = Life().assembling("water", "police")
    body = {"place": "镇政府", "attendees": ["李明"], "conclusion": "由水务牵头"}
    life.do("department@water", "confer", **body, held_at=life.now.isoformat())
    with pytest.raises(NotYourOrganisationError):
        life.do("department@police", "confer", **body, held_at=life.now.isoformat())
    with pytest.raises(InvalidError):
        life.do("platform", "confer", **body, held_at=(life.now + timedelta(hours=1)).isoformat())


@pytest.mark.parametrize(
    ("who", "responder", "error"),
    [
        ("department@police", "water", NotYourOrganisationError),
        ("department@ecology", "ecology", NotYourOrganisationError),
        ("leader@jinhaihu", "water", RoleNotAllowedError),
        ("clerk@jinhaihu", "water", NotYourOrganisationError),
        ("source@12345", "water", RoleNotAllowedError),
    ],
)
def test_a_department_acts_only_for_itself(who, responder, error):
    """Each wrong hand is refused by name."""
    with pytest.raises(error):
        Life().assembling("water", "police").do(who, "sign", responder=responder)


def test_signing_twice_is_refused():
    """The table has no such move."""
    life = Life().assembling("water")
    life.do("department@water", "sign", responder="water")
    with pytest.raises(MoveNotAllowedError):
        life.do("department@water", "sign", responder="water")


def test_nobody_confers_on_what_nobody_is_called_to():
    """会商 in BLOWN is for an emergency, whose responders are called already."""
    body = {"place": "镇政府", "attendees": ["李明"], "conclusion": "由水务牵头"}
    life = Life().blown("water")
    assert "confer" not in life.allowed("platform")
    with pytest.raises(MoveNotAllowedError):
        life.do("platform", "confer", **body, held_at=life.now.isoformat())
    assert "confer" in Life().emergency("water").allowed("platform")


def test_who_has_reported_the_handling_owes_no_first_report():
    """A failed check sends back to the handling, not to a first report that is long past."""
    life = Life().emergency("water")
    life.do("platform", "accept", lead="water")
    life.arrive("water").handle("water").wait(hours=3)
    life.do("clerk@jinhaihu", "check", passed=False)
    assert not any(r.phase is Phase.FIRST_REPORT for r in running(life.whistle))


def test_a_matter_without_a_lead_waits_for_one_before_the_check():
    """无头事项: the others have handled, but the platform has still to add a unit."""
    life = Life().objected("water", "police")
    life.arrive("police").handle("police")
    rule_on(life, "water", "UPHELD")
    assert life.whistle.state is State.IN_ACTION
    life.do("platform", "add_responder", responder="planning", role="LEAD")
    assert life.arrive("planning").handle("planning").whistle.state is State.AWAITING_CHECK


def test_a_second_objection_handed_to_a_unit_on_the_spot_leaves_the_first_ownerless():
    """无头事项 ends with a unit that is added, not with another's ruling."""
    life = Life().objected("water", "police", "planning")
    rule_on(life, "water", "UPHELD")
    life.object("police")
    rule_on(life, "police", "UPHELD", reassign_to="planning")
    assert life.whistle.ownerless


def test_an_annulled_no_show_does_not_freeze_the_rework():
    """Its marks gone, a unit that never came still does not hold the check back."""
    life = Life().assembling("water", "police")
    life.object("police")
    life.wait(days=1)
    life.arrive("water").wait(days=20)
    life.handle("water")
    rule_on(life, "police", "UPHELD")
    assert not part(life, "police").no_show
    life.do("clerk@jinhaihu", "check", passed=False)
    assert life.handle("water").whistle.state is State.AWAITING_CHECK
