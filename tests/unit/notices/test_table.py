"""Who is told what, by the table: the right people, once, with what they need to come."""

from collections import Counter
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest

import catalogues
from domain.duty import DutyLevel
from domain.evolve import evolve
from domain.notice_causes import Ends
from domain.notice_table import TABLE
from domain.notice_templates import CHANNEL_DOWN, CLIMB, DELIVERY_FAILED, NAMES, parse_templates
from domain.notices import Notice, notices
from tests.life import Life, rules

if TYPE_CHECKING:
    from domain.whistle import Whistle

EMERGENCY = {
    "decision": "WHISTLE",
    "kind": "EMERGENCY",
    "urgency": "CRITICAL",
    "tier": "EMERGENCY_RESPONSE",
    "proposed_responders": ["water", "police"],
    "assembly_place": "村口",
}
DAILY = EMERGENCY | {"kind": "DAILY", "urgency": "NORMAL", "tier": "COMPREHENSIVE"}


def told(life: Life, after: int = 0) -> list[Notice]:
    """Every notice of a life's trail after a sequence."""
    whistle: Whistle | None = None
    found: list[Notice] = []
    for record in life.trail:
        whistle = evolve(whistle, record)
        if record.sequence > after:
            found += notices(record, whistle, rules().organisations.name_of)
    return found


def by(found: list[Notice], template: str) -> list[Notice]:
    """Those of a template."""
    return [notice for notice in found if notice.template == template]


@pytest.fixture
def emergency() -> Life:
    """An emergency that was just whistled."""
    life = Life()
    life.do("clerk@jinhaihu", "review", **EMERGENCY)
    return life


def test_every_template_of_the_table_is_shipped_and_every_shipped_one_is_used():
    """The file and the table speak of the same notices."""
    shipped = parse_templates(catalogues.read("notice_templates.toml")).by_name
    assert set(shipped) == set(NAMES)
    assert {row.template for row in TABLE} | {"public", CLIMB, DELIVERY_FAILED, CHANNEL_DOWN} <= set(NAMES)


def test_an_emergency_calls_its_responders_at_once_with_place_and_deadline(emergency: Life):
    """集结哨 to each, urgent, climbing, until its own report-in moves."""
    called = by(told(emergency), "assemble")
    assert [notice.audience for notice in called] == ["water", "police"]
    assert all(notice.urgent and notice.climbs and notice.kind == "ASSEMBLE" for notice in called)
    due = (emergency.now + timedelta(minutes=30)).isoformat()
    assert called[0].fields == {"deadline": due, "responder": "区水务局", "phase": "报到"}
    assert called[0].cause.ends is Ends.REPORT_IN_MOVES


def test_an_emergency_asks_the_platform_to_accept_and_the_leader_to_ratify(emergency: Life):
    """Nobody is asked to approve what is blown already."""
    found = told(emergency)
    assert [(n.audience, n.urgent) for n in by(found, "accept")] == [("platform", True)]
    assert [(n.audience, n.levels) for n in by(found, "ratify")] == [("jinhaihu", (DutyLevel.LEADER,))]
    assert by(found, "approve") == by(found, "standby") == []


def test_a_proposal_asks_the_leader_and_warns_the_likely_departments():
    """预备哨, ordinary, until the whistle is blown."""
    life = Life()
    life.do("clerk@jinhaihu", "review", **DAILY)
    standby = by(told(life), "standby")
    assert [(n.audience, n.urgent) for n in standby] == [("water", False), ("police", False)]
    assert [(n.audience, n.levels) for n in by(told(life), "approve")] == [("jinhaihu", (DutyLevel.LEADER,))]
    assert not standby[0].cause.has_ended(life.whistle)
    life.do("leader@jinhaihu", "blow")
    assert standby[0].cause.has_ended(life.whistle)


@pytest.mark.parametrize("command", ["sign", "arrive"])
def test_a_call_has_nothing_more_to_say_once_its_report_in_moves(emergency: Life, command: str):
    """The other responder's call goes on."""
    water, police = by(told(emergency), "assemble")
    officers = {"officers": [{"name": "李明"}]} if command == "arrive" else {}
    emergency.do("department@water", command, responder="water", **officers)
    assert water.cause.has_ended(emergency.whistle)
    assert not police.cause.has_ended(emergency.whistle)


def test_a_call_ends_with_the_whistle(emergency: Life):
    """Cancelled, it calls nobody; those called are told to stay."""
    before = len(emergency.trail)
    calls = by(told(emergency), "assemble")
    emergency.do("leader@jinhaihu", "cancel", reason="误报")
    assert all(call.cause.has_ended(emergency.whistle) for call in calls)
    assert [n.audience for n in by(told(emergency, before), "stand_down")] == ["water", "police"]


def test_reminders_go_to_whoever_the_clock_binds_until_that_clock_stops(emergency: Life):
    """At 50 % and 80 % of the arrival, to the officer; 催办 at the limit, to the leader too."""
    before = len(emergency.trail)
    emergency.wait(minutes=25)
    reminders = [
        n for n in by(told(emergency, before), "remind") if n.audience == "water" and n.fields["phase"] == "报到"
    ]
    assert len(reminders) == 2
    assert reminders[0].cause.has_ended(emergency.whistle)
    assert not reminders[1].cause.has_ended(emergency.whistle)
    emergency.wait(minutes=6)
    urged = [n for n in by(told(emergency, before), "urge") if n.audience == "water" and n.fields["phase"] == "报到"]
    assert urged[0].levels == (DutyLevel.OFFICER, DutyLevel.LEADER)
    assert reminders[1].cause.has_ended(emergency.whistle)
    emergency.do("department@water", "arrive", responder="water", officers=[{"name": "李明"}])
    assert urged[0].cause.has_ended(emergency.whistle)


def test_what_a_supervisor_raises_is_told_once_to_the_responder_and_to_the_supervisor(emergency: Life):
    """监督哨 and the supervision are one notice for each, with its level."""
    before = len(emergency.trail)
    emergency.do("supervisor", "supervise", level="SUPERVISE", responder="water", reason="久拖不办")
    found = told(emergency, before)
    assert sorted((n.audience, n.template) for n in found) == [("supervisor", "supervise"), ("water", "supervise")]
    assert found[0].fields["level"] == "督办"


def test_a_false_arrival_is_told_to_the_responder_its_leader_and_the_supervisor(emergency: Life):
    """监督哨, with the limit that never stopped."""
    emergency.do("department@water", "arrive", responder="water", officers=[{"name": "李明"}])
    before = len(emergency.trail)
    emergency.do("clerk@jinhaihu", "reject_arrival", responder="water", reason="无人到场")
    found = by(told(emergency, before), "false_arrival")
    assert [n.audience for n in found] == ["water", "supervisor"]
    assert found[0].levels == (DutyLevel.OFFICER, DutyLevel.LEADER)
    assert found[0].fields["deadline"]


def test_a_whole_life_tells_nobody_twice_of_one_event():
    """By audience, level and template, for each event."""
    life = Life()
    life.do("clerk@jinhaihu", "review", **DAILY)
    life.do("leader@jinhaihu", "blow")
    life.do("platform", "accept", lead="water", cooperating=["police"])
    for code in ("water", "police"):
        life.do(f"department@{code}", "arrive", responder=code, officers=[{"name": "李明"}])
    for code in ("water", "police"):
        life.do(f"department@{code}", "report_handling", responder=code, result="RESOLVED", summary="已清")
    life.do("clerk@jinhaihu", "check", passed=True, outcome="RESOLVED")
    life.do("leader@jinhaihu", "evaluate", responders=["water", "police"], scores={"cooperation": 90, "result": 90})
    whistle: Whistle | None = None
    for record in life.trail:
        whistle = evolve(whistle, record)
        heard = Counter((n.audience, n.template) for n in notices(record, whistle, rules().organisations.name_of))
        assert max(heard.values(), default=1) == 1
    templates = {n.template for n in told(life)}
    assert {"review", "approve", "standby", "accept", "assemble", "charge", "final", "evaluation", "check"} <= templates


def test_an_offence_under_way_presses_like_an_emergency_and_closing_never_does():
    """现行违法 runs by day and by night; an evaluation waits for the morning."""
    life = Life()
    life.do("clerk@jinhaihu", "review", **DAILY | {"kind": "ENFORCEMENT", "urgency": "CRITICAL"})
    life.do("leader@jinhaihu", "blow")
    assert all(n.urgent for n in by(told(life), "accept"))
    assert not any(row.presses for row in TABLE if row.template in ("evaluation", "evaluated", "arrived", "handled"))
