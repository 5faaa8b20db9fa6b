"""Each rate: what is in its numerator and denominator, and each reason to leave a row out."""

from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest

from domain.figures.folding import history_of
from domain.figures.periods import Period
from domain.figures.rows import Row, rows_of
from domain.figures.rules import ScoringRules
from domain.figures.tally import EVERY_WHISTLE, Figures, Rate, Which, figures_of, ranked, rates_of
from domain.figures.words import Exclusion, Figure, Side
from domain.vocabulary import Phase, WhistleKind
from storage.scoring import shipped_rules
from tests.life import Life


def rows(life: Life, figure: Figure, side: Side, rules: ScoringRules | None = None) -> list[Row]:
    """The rows of one figure as of now."""
    history = history_of(life.trail, life.now)
    assert history is not None
    every = rows_of(history, rules or shipped_rules())
    return [row for row in every if (row.figure, row.side) == (figure, side)]


def outcome(life: Life, figure: Figure, side: Side = Side.TOWNSHIP) -> dict[str, tuple[bool, Exclusion | None]]:
    """Whether each row is met, and why it is left out."""
    return {row.organisation: (row.met, row.exclusion) for row in rows(life, figure, side)}


def arrivals(life: Life) -> dict[str, tuple[bool, Exclusion | None]]:
    """按时报到率, by responder."""
    return outcome(life, Figure.ARRIVAL, Side.RESPONDER)


def test_an_arrival_counts_once_it_is_decided():
    """In time when it was made, else when the limit passed; what still runs is no row."""
    life = Life().assembling().arrive("water")
    assert arrivals(life) == {"water": (True, None)}
    life.wait(days=20)
    assert arrivals(life) == {"water": (True, None), "police": (False, None), "planning": (False, None)}
    late = next(r for r in rows(life, Figure.ARRIVAL, Side.RESPONDER) if r.organisation == "police")
    part = life.whistle.report_in("police")
    assert part is not None
    assert late.moment == part.due(Phase.ARRIVE)


def test_a_late_arrival_stays_late_and_its_moment_is_the_limit():
    """Whenever it comes."""
    life = Life().assembling("water")
    life.wait(days=9)
    life.arrive("water")
    (row,) = rows(life, Figure.ARRIVAL, Side.RESPONDER)
    assert not row.met
    assert row.moment < life.now


def test_a_false_arrival_is_none():
    """报到不实."""
    life = Life().assembling("water", "police").arrive("water")
    life.do("clerk@jinhaihu", "reject_arrival", responder="water", reason="未到场")
    assert arrivals(life) == {}
    life.wait(days=20)
    assert arrivals(life)["water"] == (False, None)


def test_a_limit_that_a_suspension_stopped_leaves_the_denominator_and_comes_back():
    """挂账: out while it lasts, and judged by the moved limit after."""
    life = Life().assembling("water")
    life.do("platform", "suspend", reason="等候", review_at=life.now + timedelta(days=60))
    life.wait(days=30)
    assert arrivals(life) == {"water": (False, Exclusion.SUSPENDED)}
    life.do("platform", "resume")
    assert arrivals(life) == {}
    life.arrive("water")
    assert arrivals(life) == {"water": (True, None)}


def test_a_limit_that_had_passed_before_the_suspension_counts():
    """A suspension hides no lateness."""
    life = Life().assembling("water")
    life.wait(days=9)
    life.do("platform", "suspend", reason="等候", review_at=life.now + timedelta(days=60))
    assert arrivals(life) == {"water": (False, None)}


def test_an_objection_upheld_leaves_the_denominator():
    """Its marks are annulled."""
    life = Life().objected("water", "police")
    life.do("arbiter", "rule", responder="water", ruling="UPHELD", reassign_to="power")
    life.wait(days=20)
    assert arrivals(life)["water"] == (False, Exclusion.OBJECTION_UPHELD)


def test_the_round_is_the_new_leads_after_an_objection_upheld():
    """Who turned out not to be responsible answers for nothing."""
    life = Life().objected("water", "police")
    life.do("arbiter", "rule", responder="water", ruling="UPHELD", reassign_to="power")
    life.arrive("power", "police").handle("power", "police")
    life.do("clerk@jinhaihu", "check", passed=True, outcome="RESOLVED")
    assert outcome(life, Figure.CLOSURE, Side.RESPONDER) == {"power": (True, None)}


def test_an_appeal_upheld_takes_the_row_out_of_the_departments_figures_alone():
    """The township's stay."""
    life = Life().closed("water")
    life.do("department@water", "appeal", responder="water", reason="评分有误")
    life.do("platform", "decide_appeal", responder="water", upheld=True)
    struck = (True, Exclusion.APPEAL_UPHELD)
    assert arrivals(life) == {"water": struck}
    for figure in (Figure.SOLVED, Figure.SATISFIED, Figure.CLOSURE, Figure.RESPONSE):
        assert outcome(life, figure, Side.RESPONDER) == {"water": struck}
        assert outcome(life, figure) == {"jinhaihu": (True, None)}


def test_a_whistle_called_off_leaves_those_who_had_not_come():
    """Who had arrived keeps the arrival."""
    life = Life().assembling("water", "police").arrive("water")
    life.do("leader@jinhaihu", "cancel", reason="误报")
    assert arrivals(life) == {"water": (True, None), "police": (False, Exclusion.CALLED_OFF)}
    assert outcome(life, Figure.CANCELLED) == {"jinhaihu": (True, None)}
    assert outcome(life, Figure.EFFECTIVE) == {"jinhaihu": (False, None)}


def test_a_false_alarm_counts_against_the_township_not_the_department():
    """不予追认: 误哨."""
    life = Life().emergency("water")
    life.do("leader@jinhaihu", "decline", reason="并非应急")
    life.wait(hours=2)
    assert arrivals(life) == {"water": (False, Exclusion.FALSE_ALARM)}
    assert outcome(life, Figure.FALSE_EMERGENCY) == {"jinhaihu": (True, None)}
    assert outcome(life, Figure.EFFECTIVE) == {"jinhaihu": (False, None)}


def test_an_emergency_that_the_check_finds_unfounded_was_false_too():
    """不属实; those who came keep their figures."""
    life = Life().emergency("water")
    life.arrive("water")
    life.do("platform", "accept", lead="water") if life.whistle.state == "BLOWN" else None
    life.handle("water").do("clerk@jinhaihu", "check", passed=True, outcome="UNFOUNDED")
    assert outcome(life, Figure.FALSE_EMERGENCY) == {"jinhaihu": (True, None)}
    assert arrivals(life) == {"water": (True, None)}


def called_back(**body: Any) -> Life:
    """A whistle whose resident was called back."""
    life = Life().feedback("water")
    life.do("clerk@jinhaihu", "feedback", reply="已处理", via="PHONE")
    life.do(body.pop("by", "source@12345"), "callback", **body)
    return life


@pytest.mark.parametrize(
    ("body", "solved", "satisfied"),
    [
        ({"reached": True, "solved": True, "satisfaction": "SATISFIED"}, (True, None), (True, None)),
        ({"reached": True, "solved": False, "satisfaction": "DISSATISFIED"}, (False, None), (False, None)),
        ({"reached": True, "solved": True, "satisfaction": "FAIR"}, (True, None), (True, None)),
        ({"reached": True, "solved": True}, (True, None), (False, Exclusion.NOT_ANSWERED)),
        ({"reached": False}, (False, Exclusion.NOT_REACHED), (False, Exclusion.NOT_REACHED)),
        (
            {"by": "clerk@jinhaihu", "reached": True, "solved": True, "satisfaction": "SATISFIED"},
            (True, Exclusion.SELF_CHECK),
            (True, Exclusion.SELF_CHECK),
        ),
    ],
)
def test_the_residents_word_counts_where_source_or_platform_got_it(body, solved, satisfied):
    """解决率 and 满意率; the township's own 自查 never."""
    life = called_back(**body)
    assert outcome(life, Figure.SOLVED) == {"jinhaihu": solved}
    assert outcome(life, Figure.SATISFIED) == {"jinhaihu": satisfied}
    assert outcome(life, Figure.SOLVED, Side.RESPONDER) == {"water": solved}


def test_fair_counts_as_the_rules_say():
    """基本满意, configurable."""
    strict = shipped_rules().model_copy(update={"fair_is_satisfied": False})
    life = called_back(reached=True, solved=True, satisfaction="FAIR")
    assert [row.met for row in rows(life, Figure.SATISFIED, Side.TOWNSHIP, strict)] == [False]


def test_a_self_check_never_counts_whatever_the_rules_say():
    """An empty list of exclusions does not let it in."""
    open_rules = shipped_rules().model_copy(update={"exclude": {}})
    life = called_back(by="clerk@jinhaihu", reached=True, solved=True)
    (row,) = rows(life, Figure.SOLVED, Side.TOWNSHIP, open_rules)
    assert row.exclusion is Exclusion.SELF_CHECK


def test_the_source_is_answered_in_time_by_its_own_limit_where_it_gave_one():
    """响应率: 来单时限, else ours."""
    due = Life().now + timedelta(hours=1)
    life = Life(source_due_at=due).feedback("water")
    assert outcome(life, Figure.RESPONSE) == {}
    life.wait(hours=2)
    life.do("clerk@jinhaihu", "feedback", reply="已处理", via="PHONE")
    assert outcome(life, Figure.RESPONSE) == {"jinhaihu": (False, None)}
    in_time = Life().feedback("water")
    in_time.do("clerk@jinhaihu", "feedback", reply="已处理", via="PHONE")
    assert outcome(in_time, Figure.RESPONSE) == {"jinhaihu": (True, None)}


def test_closing_in_time_is_every_part_in_time_and_the_check_passed():
    """按期结案率 [C8]; a case that is put off leaves it."""
    life = Life().in_action("water", "police").handle("water")
    assert outcome(life, Figure.CLOSURE) == {}
    life.wait(days=8)
    assert outcome(life, Figure.CLOSURE) == {"jinhaihu": (False, None)}
    put_off = Life().in_action("water", "police")
    put_off.do("platform", "suspend", reason="等候", review_at=put_off.now + timedelta(days=60))
    put_off.wait(days=30)
    assert outcome(put_off, Figure.CLOSURE) == {"jinhaihu": (False, Exclusion.SUSPENDED)}


def test_a_cancelled_case_leaves_the_closing_rate_unless_it_was_late_before():
    """撤哨 launders no lateness."""
    early, late = Life().in_action("water"), Life().in_action("water")
    late.wait(days=8)
    for life in (early, late):
        life.do("leader@jinhaihu", "cancel", reason="不再需要")
    assert outcome(early, Figure.CLOSURE) == {"jinhaihu": (False, Exclusion.CALLED_OFF)}
    assert outcome(late, Figure.CLOSURE) == {"jinhaihu": (False, None)}


def test_use_is_over_the_matters_that_were_the_townships_own():
    """吹哨率: rejected and merged ones leave."""
    rejected, merged, own = Life(), Life(), Life()
    rejected.do("clerk@jinhaihu", "review", decision="REJECT", reason="不属实", rejection="UNFOUNDED")
    merged.do("clerk@jinhaihu", "review", decision="MERGE", reason="同一事", merge_into="12345:other")
    own.do("clerk@jinhaihu", "review", decision="SELF_HANDLE", reason="镇里能办")
    assert outcome(rejected, Figure.USE) == {"jinhaihu": (False, Exclusion.REJECTED)}
    assert outcome(merged, Figure.USE) == {"jinhaihu": (False, Exclusion.MERGED)}
    assert outcome(own, Figure.USE) == {"jinhaihu": (False, None)}
    assert outcome(Life().blown(), Figure.USE) == {"jinhaihu": (True, None)}


def test_a_returned_whistle_counts_as_returned_even_when_it_comes_back():
    """退回率; only one that stands returned is not effective."""
    life = Life().returned("water")
    assert outcome(life, Figure.EFFECTIVE) == {"jinhaihu": (False, None)}
    life.do("clerk@jinhaihu", "resubmit")
    life.do("leader@jinhaihu", "blow")
    assert outcome(life, Figure.RETURNED) == {"jinhaihu": (True, None)}
    assert outcome(life, Figure.EFFECTIVE) == {"jinhaihu": (True, None)}


def test_a_whistle_on_the_same_grid_and_item_shortly_after_is_a_repeat():
    """重复吹哨率 within 90 days [P]; without grid or item nobody can tell."""
    start, places = Life().now, {"grid": "jhh-1", "item_code": "A-1"}
    lives = [
        Life(now=start, external_id="1", **places).blown("water"),
        Life(now=start + timedelta(days=80), external_id="2", **places).blown("water"),
        Life(now=start + timedelta(days=300), external_id="3", **places).blown("water"),
        Life(now=start, external_id="4", grid="jhh-1").blown("water"),
    ]
    assert repeats(*lives) == Rate(numerator=1, denominator=4)


def repeats(*lives: Life, which: Which = EVERY_WHISTLE) -> Rate:
    """重复吹哨率 of a year."""
    return rates_of(figures(*lives, which=which).rows, Figure.REPEATED, Side.TOWNSHIP)["jinhaihu"]


def figures(*lives: Life, which: Which = EVERY_WHISTLE) -> Figures:
    """All that some whistles hold."""
    end: datetime = max(life.now for life in lives)
    histories = [h for life in lives if (h := history_of(life.trail, end))]
    period = Period(kind="DAYS", label="all", start=lives[0].trail[0].at, end=end + timedelta(days=1))
    return figures_of(histories, period, shipped_rules(), which)


def test_figures_are_those_of_a_kind_or_a_grid_on_demand():
    """Rows, scores and calls of others are left out; a repeat of one of another kind stays a repeat."""
    places = {"grid": "jhh-1", "item_code": "A-1"}
    daily = Life(external_id="1", **places).closed("water")
    emergency = Life(external_id="2", **places).emergency("police")
    elsewhere = Life(external_id="3", grid="jhh-2").closed("planning")
    lives = (daily, emergency, elsewhere)
    of_kind = figures(*lives, which=Which(kind=WhistleKind.EMERGENCY))
    assert ({r.whistle_id for r in of_kind.rows}, of_kind.scores) == ({emergency.whistle.whistle_id}, ())
    assert [call.organisation for call in of_kind.calls] == ["police"]
    assert repeats(*lives, which=Which(kind=WhistleKind.EMERGENCY)) == Rate(numerator=1, denominator=1)
    of_grid = figures(*lives, which=Which(grid="jhh-2"))
    assert {r.whistle_id for r in of_grid.rows} == {elsewhere.whistle.whistle_id}
    assert {(s.organisation, s.grid, s.kind) for s in of_grid.scores} == {("planning", "jhh-2", WhistleKind.DAILY)}


def test_there_are_no_figures_on_persons():
    """BRANCH_CALLS: no row of a post, no score; the township's own rates stay."""
    life = Life(by="clerk@jinhaihu", source_system="jinhaihu", chain="BRANCH_CALLS", caller="branch-1", reporter=None)
    life.proposed("post-1", "post-2").do("leader@jinhaihu", "blow")
    life.do("leader@jinhaihu", "accept", lead="post-1", cooperating=["post-2"])
    life.wait(days=30)
    history = history_of(life.trail, life.now)
    assert history is not None
    found = figures_of([history], Period.days(life.trail[0].at.date(), life.now.date()), shipped_rules())
    assert not [row for row in found.rows if row.side is Side.RESPONDER]
    assert (found.scores, found.calls) == ((), ())


def test_equals_share_a_rank_and_the_next_is_skipped():
    """1, 2, 2, 4; nothing to count is no rank."""
    places = ranked({"a": Decimal(90), "b": Decimal(80), "c": Decimal("80.00"), "d": Decimal(70), "e": None})
    assert {name: tuple(place) for name, place in places.items()} == {
        "a": (1, 1),
        "b": (2, 2),
        "c": (2, 2),
        "d": (4, 1),
    }


def test_a_rate_without_rows_has_no_percent():
    """Nought of nought is no hundred percent."""
    assert Rate().percent is None
    assert str(Rate(numerator=2, denominator=3).percent) == "66.67"
