"""重新办理: what a second round keeps of the first, and what it does not."""

from datetime import timedelta

import pytest

from domain import events as e
from domain.clocks import running
from domain.errors import InvalidError, MoveNotAllowedError
from domain.vocabulary import Phase, State, SupervisionLevel
from tests.life import SCORES, Life


def close(life: Life) -> None:
    """From IN_ACTION with all arrived to CLOSED."""
    life.handle(*life.whistle.responders)
    life.do("clerk@jinhaihu", "check", passed=True, outcome="RESOLVED")
    life.do("leader@jinhaihu", "evaluate", responders=list(life.whistle.responders), scores=SCORES)
    life.do("clerk@jinhaihu", "feedback", reply="x", via="APP")
    life.do("platform", "callback", reached=True)
    assert life.whistle.state is State.CLOSED


def test_an_appeal_that_is_pending_is_decided_in_the_second_round():
    """A reopening neither loses the appeal nor keeps the whistle from ever ending."""
    life = Life().closed("water", "police")
    life.do("department@water", "appeal", responder="water", reason="已按时到场")
    life.do("clerk@jinhaihu", "reopen", reason="又被盗采", responders=["police"])
    assert "decide_appeal" in life.allowed("platform")
    life.do("platform", "decide_appeal", responder="water", upheld=True)
    assert [r.appeal_upheld for r in life.whistle.earlier_report_ins] == [True, None]
    with pytest.raises(MoveNotAllowedError):
        life.do("platform", "decide_appeal", responder="water", upheld=False)
    life.arrive("police")
    close(life)
    assert life.wait(days=31).ended


def test_an_appeal_keeps_its_window_through_a_reopening():
    """Five work days from the evaluation, whatever the whistle does meanwhile."""
    life = Life().closed("water", "police")
    life.do("clerk@jinhaihu", "reopen", reason="又被盗采")
    assert "appeal" in life.allowed("department@water")
    life.do("department@water", "appeal", responder="water", reason="已按时到场")
    life.wait(days=7)
    assert "appeal" in life.allowed("department@police")
    life.wait(seconds=1)
    assert "appeal" not in life.allowed("department@police")


def test_each_round_s_evaluation_is_appealed_by_itself():
    """The first round's pending appeal is decided first, the second round's stays open to its own."""
    life = Life().closed("water")
    life.do("department@water", "appeal", responder="water", reason="一")
    life.do("clerk@jinhaihu", "reopen", reason="又被盗采")
    life.arrive("water")
    close(life)
    life.do("department@water", "appeal", responder="water", reason="二")
    life.do("platform", "decide_appeal", responder="water", upheld=False)
    life.do("platform", "decide_appeal", responder="water", upheld=True)
    assert life.whistle.earlier_report_ins[0].appeal_upheld is False
    assert life.whistle.report_in("water").appeal_upheld is True


def test_the_windows_of_the_first_closing_do_not_run_after_the_second():
    """A second closing runs its own windows alone."""
    life = Life().closed("water")
    life.wait(days=2)
    life.do("clerk@jinhaihu", "reopen", reason="又被盗采")
    assert {Phase.REOPEN, Phase.APPEAL}.isdisjoint(life.whistle.clocks)
    life.arrive("water").handle("water").do("clerk@jinhaihu", "check", passed=True, outcome="RESOLVED")
    life.wait(days=40)
    life.do("clerk@jinhaihu", "feedback", reply="x", via="APP")
    life.do("platform", "callback", reached=True)
    assert {r.phase for r in running(life.whistle)} == {Phase.REOPEN}


def test_an_emergency_still_undecided_has_a_fresh_limit_to_ratify_when_reopened():
    """The former one ended with CLOSED, and its 督办 does not wake."""
    life = Life().emergency("water")
    life.do("platform", "accept", lead="water")
    life.arrive("water").wait(days=3)
    close(life)
    life.do("clerk@jinhaihu", "reopen", reason="又被盗采")
    assert life.whistle.supervision_level is SupervisionLevel.NONE
    assert life.last(e.WhistleReopened).ratify.due_at == life.now + timedelta(hours=24)
    assert Phase.RATIFY in {r.phase for r in running(life.whistle)}


def test_a_calling_department_leads_its_second_round_too():
    """一门主责: the caller is not left out of those it calls again."""
    life = Life(by="department@transport", source_system="transport", chain="LEAD_DEPARTMENT_CALLS", caller="transport")
    life.proposed("transport", "police", by="department@transport").do("department@transport", "blow")
    life.do("platform", "accept", lead="transport", cooperating=["police"])
    life.arrive("transport", "police")
    close(life)
    with pytest.raises(InvalidError):
        life.do("clerk@jinhaihu", "reopen", reason="反弹", responders=["police"])
    assert life.do("clerk@jinhaihu", "reopen", reason="反弹").lead == "transport"
