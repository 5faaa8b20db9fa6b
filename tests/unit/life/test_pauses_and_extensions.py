"""挂账与延期 together: what one adds back, the other must not take away."""

from datetime import timedelta

import pytest

from domain.errors import InvalidError, MoveNotAllowedError
from domain.vocabulary import Phase
from tests.life import OFFICERS, Life


def suspend(life: Life, pause: timedelta) -> None:
    """Set the whistle aside for that long."""
    life.do("platform", "suspend", reason="待规划", review_at=(life.now + timedelta(days=60)).isoformat())
    life.wait(pause)
    life.do("platform", "resume")


def due(life: Life, responder: str, phase: Phase):
    """A responder's frozen limit of one phase."""
    found = life.whistle.report_in(responder).due(phase)
    assert found is not None
    return found


def ask(life: Life, phase: str, until) -> None:
    """Let water ask for time."""
    body = {"responder": "water", "phase": phase, "until": until.isoformat(), "reason": "道路中断"}
    life.do("department@water", "request_extension", **body)


def test_a_pause_is_added_back_to_the_time_that_was_asked_for():
    """Asked for two days more, the unit still gets two days more than a limit that the pause has moved."""
    life = Life().assembling("water")
    ask(life, "ARRIVAL", due(life, "water", Phase.ARRIVE) + timedelta(days=2))
    suspend(life, timedelta(days=10))
    before = due(life, "water", Phase.ARRIVE)
    life.do("leader@jinhaihu", "decide_extension", responder="water", granted=True)
    assert due(life, "water", Phase.ARRIVE) == before + timedelta(days=2)


def test_a_pause_moves_the_arrival_limit_of_an_arrival_that_proves_false():
    """The clock that never stopped had its pause like any other, so nobody is overdue for the time set aside."""
    life = Life().emergency("water", "police")
    life.do("platform", "accept", lead="water", cooperating=["police"])
    life.wait(minutes=5)
    life.arrive("water")
    limits = due(life, "water", Phase.SIGN), due(life, "water", Phase.ARRIVE)
    suspend(life, timedelta(hours=5))
    life.do("clerk@jinhaihu", "reject_arrival", responder="water", reason="查无此人")
    assert (due(life, "water", Phase.SIGN), due(life, "water", Phase.ARRIVE)) == tuple(
        limit + timedelta(hours=5) for limit in limits
    )
    life.wait(minutes=24)
    assert not life.whistle.report_in("water").overdue
    life.wait(minutes=1)
    assert life.whistle.report_in("water").overdue


def test_an_extension_never_shortens_a_limit():
    """A failed check gave a fresh limit beyond the time asked for: granting is refused, refusing is not."""
    life = Life().in_action("water")
    ask(life, "HANDLING", due(life, "water", Phase.HANDLE) + timedelta(days=1))
    life.wait(days=5)
    life.handle("water").do("clerk@jinhaihu", "check", passed=False)
    with pytest.raises(MoveNotAllowedError):
        life.do("leader@jinhaihu", "decide_extension", responder="water", granted=True)
    life.do("leader@jinhaihu", "decide_extension", responder="water", granted=False)


def test_an_extension_granted_after_the_arrival_counts_its_lateness_anew():
    """Late by the moved limit alone: in time is not late."""
    life = Life().assembling("water", "police")
    ask(life, "ARRIVAL", due(life, "water", Phase.ARRIVE) + timedelta(days=2))
    life.wait(days=4)
    life.arrive("water")
    assert life.whistle.report_in("water").late_by_s == 24 * 3600
    life.do("leader@jinhaihu", "decide_extension", responder="water", granted=True)
    assert life.whistle.report_in("water").late_by_s == 0
    assert not life.whistle.report_in("water").overdue


def test_more_time_is_open_only_while_a_limit_is_left_to_move():
    """`allowed` says request_extension as long as one phase may still be asked for."""
    life = Life().assembling("water", "police")
    assert "request_extension" in life.allowed("department@water")
    life.arrive("water")
    assert "request_extension" not in life.allowed("department@water")
    life.arrive("police")
    assert "request_extension" in life.allowed("department@water")
    ask(life, "HANDLING", due(life, "water", Phase.HANDLE) + timedelta(days=1))
    life.do("leader@jinhaihu", "decide_extension", responder="water", granted=False)
    assert "request_extension" not in life.allowed("department@water")


def test_a_suspension_is_asked_for_once_at_a_time_and_anew_in_a_new_round():
    """`allowed` no longer lists what would be refused, and a reopening forgets the old request."""
    life = Life(reporter=None).in_action("water")
    life.do("department@water", "request_suspension", reason="待规划")
    assert "request_suspension" not in life.allowed("clerk@jinhaihu")
    with pytest.raises(MoveNotAllowedError):
        life.do("clerk@jinhaihu", "request_suspension", reason="待规划")
    life.handle("water").do("clerk@jinhaihu", "check", passed=True, outcome="RESOLVED")
    life.do("clerk@jinhaihu", "feedback", reply="x", via="APP")
    life.wait(days=4)
    life.do("clerk@jinhaihu", "reopen", reason="又被盗采")
    assert "request_suspension" in life.allowed("clerk@jinhaihu")


@pytest.mark.parametrize("at", ["9999-12-31T23:59:59Z", "2100-01-01T00:00:00Z", "1899-12-31T23:59:59Z"])
def test_a_time_that_no_calendar_reaches_is_refused_by_field(at):
    """A limit computed from it would overflow inside the store; the field is named instead."""
    life = Life().assembling("water", "police")
    body = {"responder": "water", "officers": OFFICERS, "occurred_at": at}
    for who, name, field, fields in [
        ("department@water", "request_extension", "until", {"responder": "water", "phase": "ARRIVAL", "reason": "x"}),
        ("department@water", "arrive", "occurred_at", body),
        ("platform", "suspend", "review_at", {"reason": "x"}),
    ]:
        with pytest.raises(InvalidError) as refused:
            life.do(who, name, **{**fields, field: at})
        assert refused.value.errors[0]["field"] == field
    with pytest.raises(InvalidError):
        Life().blown("water", assemble_at=at)
