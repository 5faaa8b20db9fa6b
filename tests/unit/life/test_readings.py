"""Where the rules of the field leave a doubt: how it is read here, one test for each (docs/decisions/0013)."""

from datetime import timedelta

import pytest

from domain import events as e
from domain.errors import InvalidError, MoveNotAllowedError
from domain.figures.folding import history_of
from domain.figures.rows import rows_of
from domain.figures.words import Figure, Side
from domain.summaries import summarise
from domain.vocabulary import Phase, ReportInState, State
from storage.scoring import shipped_rules
from tests.life import TUESDAY_MORNING, Life, registration

VILLAGE = {"by": "village@maoshanhou", "source_system": "maoshanhou", "chain": "VILLAGE_CALLS", "caller": "maoshanhou"}
BRANCH = {"by": "clerk@jinhaihu", "source_system": "jinhaihu", "chain": "BRANCH_CALLS", "caller": "branch-1"}
LEAD = {
    "by": "department@transport",
    "source_system": "transport",
    "chain": "LEAD_DEPARTMENT_CALLS",
    "caller": "transport",
}


@pytest.mark.parametrize("chain", [VILLAGE, LEAD], ids=["village", "lead department"])
def test_only_a_township_calls_public_service_enterprises(chain):
    """They answer the township that coordinates them (条例 art. 5 [A6]); others reach them through its whistle."""
    life = Life(**chain)
    called = ("transport", "power") if chain is LEAD else ("agriculture", "power")
    with pytest.raises(InvalidError, match="power"):
        life.proposed(*called, by="department@transport" if chain is LEAD else "clerk@jinhaihu")
    assert Life().proposed("power").whistle.state is State.PROPOSED


@pytest.mark.parametrize("chain", [VILLAGE, BRANCH], ids=["village", "branch"])
def test_what_a_village_or_a_branch_whistles_stays_with_its_township(chain):
    """It may be registered for no other, so it is not passed to one; what is another's is rejected as such."""
    life = Life(**chain, reporter=None)
    body = {"decision": "TRANSFER", "reason": "属马坊", "transfer_to": "mafang"}
    with pytest.raises(InvalidError, match="NOT_OUR_AREA"):
        life.do("clerk@jinhaihu", "review", **body)
    assert life.whistle.township == "jinhaihu"
    life.do("clerk@jinhaihu", "review", decision="REJECT", rejection="NOT_OUR_AREA", reason="属马坊")
    assert life.whistle.state is State.REJECTED


def test_a_self_handled_matter_is_not_merged_away():
    """It owes its source an answer by its own limit, and a merge would take that limit with it."""
    life = Life()
    life.do("clerk@jinhaihu", "review", decision="SELF_HANDLE", reason="镇里能办")
    for who in ("clerk@jinhaihu", "platform"):
        assert "merge" not in life.allowed(who)
        with pytest.raises(MoveNotAllowedError):
            life.do(who, "merge", merge_into="12345:other")
    life.proposed("water").do("clerk@jinhaihu", "merge", merge_into="12345:other")
    assert life.whistle.state is State.MERGED


def test_a_released_unit_comes_back_by_reopening_alone():
    """One report-in and one score a unit and round (一哨一考核); a withdrawn one has neither and may be called."""
    life = Life().in_action("water", "police").handle("police")
    life.do("clerk@jinhaihu", "release", responder="police")
    with pytest.raises(MoveNotAllowedError, match="reopening"):
        life.do("platform", "add_responder", responder="police", role="COOPERATING")
    life.handle("water").do("clerk@jinhaihu", "check", passed=True, outcome="RESOLVED")
    life.do("leader@jinhaihu", "evaluate", responders=["water", "police"], scores={"cooperation": 90, "result": 90})
    life.do("clerk@jinhaihu", "feedback", reply="已处理", via="PHONE")
    life.do("source@12345", "callback", reached=True, solved=False)
    life.do("clerk@jinhaihu", "reopen", reason="反弹", responders=["police"])
    called = life.whistle.report_in("police")
    assert called is not None
    assert (called.round, called.state) == (2, ReportInState.NOTIFIED)


@pytest.mark.parametrize("between", ["\n", "\t", "\r\n", "\u2028", "\x85", "\x9b31m", "\x00"])
def test_a_title_is_one_line(between):
    """It stands in lists, subjects of letters, summaries of timers: what breaks the line or the terminal is refused."""
    with pytest.raises(ValueError, match="not allowed"):
        registration(title=f"盗采{between}砂石")
    assert registration(title="  盗采 砂石\n").title == "盗采 砂石"


def test_a_reason_of_several_lines_is_one_line_of_the_trail():
    """It is kept as it was written; the timeline shows it on its line, where it cannot pass for another event."""
    life = Life()
    life.do("clerk@jinhaihu", "review", decision="SELF_HANDLE", reason="一、本级可办\n二、已派人")
    chosen = life.last(e.SelfHandlingChosen)
    assert chosen.reason == "一、本级可办\n二、已派人"
    assert summarise(chosen, str) == "街乡自办:一、本级可办 二、已派人"


@pytest.mark.parametrize("half", [{"lng": 117.1}, {"lat": 40.1}])
def test_half_a_coordinate_pair_is_refused(half):
    """A longitude alone is no place; neither for the matter nor for a picture."""
    with pytest.raises(ValueError, match="go together"):
        registration(place={"address": "海子村东", **half})
    picture = {"url": "https://example.org/1.jpg", "kind": "BEFORE", **half}
    with pytest.raises(ValueError, match="go together"):
        registration(evidence=[picture])
    whole = registration(place={"address": "海子村东", "lng": 117.1, "lat": 40.1})
    assert (whole.place.lng, whole.place.lat) == (117.1, 40.1)


def test_a_suspension_puts_the_source_s_limit_off_for_us_and_not_in_its_own_words():
    """The pause is added back to every limit that it stopped; `source_due_at` stays as the source gave it."""
    due = TUESDAY_MORNING + timedelta(days=3)
    life = Life(source_due_at=due).in_action("water")
    suspended(life, timedelta(days=5))
    part = life.whistle.report_in("water")
    assert part is not None
    assert part.due(Phase.HANDLE) == due + timedelta(days=5)
    life.handle("water").do("clerk@jinhaihu", "check", passed=False)
    again = life.whistle.report_in("water")
    assert again is not None
    assert again.due(Phase.HANDLE) == due + timedelta(days=5)
    assert life.whistle.source_due_at == due
    life.handle("water").do("clerk@jinhaihu", "check", passed=True, outcome="RESOLVED")
    life.do("clerk@jinhaihu", "feedback", reply="已处理", via="PHONE")
    assert responses(life) == [True]


def test_a_source_s_limit_that_had_passed_before_a_suspension_stays_passed():
    """Setting a matter aside makes nothing good."""
    life = Life(source_due_at=TUESDAY_MORNING + timedelta(hours=1)).in_action("water")
    life.wait(hours=2)
    suspended(life, timedelta(days=5))
    assert life.whistle.source_limit == life.whistle.source_due_at
    assert responses(life) == [False]


def suspended(life: Life, pause: timedelta) -> None:
    """Set the matter aside for a while."""
    life.do("platform", "suspend", reason="待批复", review_at=life.now + timedelta(days=60))
    life.wait(pause)
    life.do("platform", "resume")


def responses(life: Life) -> list[bool]:
    """响应率 of the township, row by row."""
    history = history_of(life.trail, life.now)
    assert history is not None
    found = rows_of(history, shipped_rules())
    return [row.met for row in found if (row.figure, row.side) == (Figure.RESPONSE, Side.TOWNSHIP)]
