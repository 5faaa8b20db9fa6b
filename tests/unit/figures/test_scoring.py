"""A part's score: five items from the record and the township, deductions, defaults, exclusions."""

from decimal import Decimal

import pytest

import catalogues
from domain.errors import InvalidError
from domain.figures.folding import history_of
from domain.figures.rules import parse_scoring
from domain.figures.scoring import ScoreRow, scores_of
from domain.figures.tally import MeanScore
from domain.figures.words import Deduction, Exclusion, Item
from storage.scoring import shipped_rules
from tests.life import SCORES, Life


def scored(life: Life) -> dict[str, ScoreRow]:
    """Every score of one whistle by responder, the last round's where there are several."""
    history = history_of(life.trail, life.now)
    assert history is not None
    return {row.organisation: row for row in scores_of(history, shipped_rules())}


def evaluated(life: Life, **scores: int) -> Life:
    """Pass the check and evaluate everybody."""
    life.do("clerk@jinhaihu", "check", passed=True, outcome="RESOLVED")
    life.do("leader@jinhaihu", "evaluate", responders=list(life.whistle.responders), scores=scores or SCORES)
    return life


def test_all_in_time_is_full_timeliness_and_what_the_township_gave():
    """10 + 25 + 25, and 95 % of 25 and 90 % of 15; the lead weighs 1, who cooperates 0.6."""
    found = scored(Life().closed("water", "police"))
    assert found["water"].total == Decimal("97.25")
    assert (found["water"].weight, found["police"].weight) == (Decimal(1), Decimal("0.6"))
    assert sum(shipped_rules().points.values()) == 100


def test_what_was_late_keeps_half_and_what_never_came_nothing():
    """The no-show that the check releases has 0 for arrival and handling."""
    life = Life().assembling("water", "police", "planning").arrive("water")
    life.wait(days=4)
    life.arrive("police")
    life.wait(days=6)
    life.handle("water")
    life.wait(days=3)
    life.handle("police")
    found = scored(evaluated(life))
    assert found["water"].items[Item.ARRIVAL] == 25
    assert found["police"].items[Item.ARRIVAL] == Decimal("12.5")
    assert found["police"].items[Item.HANDLING] == Decimal("12.5")
    assert found["planning"].items[Item.ARRIVAL] == found["planning"].items[Item.HANDLING] == 0


def test_returned_checks_cost_two_tenths_and_five_from_the_third_on():
    """[C8]: 0.2, 0.2, 0.5."""
    life = Life().awaiting_check("water")
    for _ in range(3):
        life.do("clerk@jinhaihu", "check", passed=False)
        life.handle("water")
    row = scored(evaluated(life))["water"]
    assert (row.deductions, row.rework) == ({Deduction.REWORK: Decimal("0.9")}, 3)


def test_the_rework_rate_is_of_the_parts_that_were_scored():
    """返工率: a part that came back counts once, however often; rates of periods add up."""
    life = Life().awaiting_check("water", "police")
    for _ in range(2):
        life.do("clerk@jinhaihu", "check", passed=False, failed_responders=["water"])
        life.handle("water")
    found = scored(evaluated(life))
    both = MeanScore.of(found.values())
    assert (both.rework.numerator, both.rework.denominator) == (1, 2)
    assert (both + MeanScore.of([found["police"]])).rework.percent == Decimal("33.33")


def test_an_unfounded_objection_and_a_false_arrival_cost_one_each():
    """推诿 and 弄虚作假 [C8]."""
    life = Life().objected("water")
    life.do("arbiter", "rule", responder="water", ruling="OVERRULED")
    life.arrive("water")
    life.do("platform", "start_action") if "start_action" in life.allowed("platform") else None
    if "reject_arrival" in life.allowed("clerk@jinhaihu"):
        life.do("clerk@jinhaihu", "reject_arrival", responder="water", reason="未到场")
        life.arrive("water")
    deducted = scored(evaluated(life.handle("water")))["water"].deductions
    assert deducted == {Deduction.UNFOUNDED_OBJECTION: 1, Deduction.FALSE_ARRIVAL: 1}


def test_an_unsolved_callback_costs_the_lead_two():
    """Nobody else."""
    life = Life().feedback("water", "police")
    life.do("clerk@jinhaihu", "feedback", reply="已处理", via="PHONE")
    life.do("source@12345", "callback", reached=True, solved=False, satisfaction="DISSATISFIED")
    found = scored(life)
    assert found["water"].deductions == {Deduction.UNSOLVED: 2}
    assert found["police"].deductions == {}


def test_default_scores_are_full_marks_and_marked():
    """默认评价 when the limit passed."""
    life = Life().evaluating("water")
    life.wait(days=10)
    row = scored(life)["water"]
    assert row.by_default
    assert row.total == 100
    assert MeanScore.of([row]).by_default == 1


def test_an_appeal_upheld_leaves_the_scores_and_one_refused_does_not():
    """复核."""
    for upheld, exclusion in ((True, Exclusion.APPEAL_UPHELD), (False, None)):
        life = Life().closed("water")
        life.do("department@water", "appeal", responder="water", reason="评分有误")
        life.do("platform", "decide_appeal", responder="water", upheld=upheld)
        assert scored(life)["water"].exclusion is exclusion


def test_a_round_is_scored_for_itself():
    """Reopening does not undo what was scored."""
    life = Life().closed("water")
    life.do("clerk@jinhaihu", "reopen", reason="复发")
    life.arrive("water").handle("water")
    history = history_of(evaluated(life, cooperation=0, result=0).trail, life.now)
    assert history is not None
    assert [(r.round, r.total) for r in scores_of(history, shipped_rules())] == [
        (1, Decimal("97.25")),
        (2, Decimal(60)),
    ]


def test_the_mean_is_weighted():
    """Sum of points by weight over sum of weights."""
    found = scored(Life().closed("water", "police")).values()
    rows = [r.model_copy(update={"total": Decimal(100 if r.organisation == "water" else 50)}) for r in found]
    assert MeanScore.of(rows).mean == Decimal("81.25")


@pytest.mark.parametrize(
    ("old", "new", "field"),
    [
        ("SIGN = { value = 10", "SIGN = { value = 11", ""),
        ("LEAD = { value = 1,", "LEAD = { value = 2,", "weights.LEAD"),
        ('COOPERATING = { value = 0.6, source = "domain.md (a) [P]" }', "COOPERATING = 0.6", "weights.COOPERATING"),
        ('"FALSE_ALARM"]', '"NO_SUCH"]', "exclude.SCORE.2"),
        ("[points]", "[points", "scoring"),
    ],
)
def test_a_faulty_edition_is_refused_with_its_field(old: str, new: str, field: str):
    """Points must be 100, every value has a source, every word is known."""
    text = catalogues.read("scoring.toml")
    assert old in text
    with pytest.raises(InvalidError) as refused:
        parse_scoring(text.replace(old, new))
    assert field in [error["field"] for error in refused.value.errors]


def test_a_value_is_written_as_its_source_names_it():
    """For whoever reads the rules on a terminal."""
    rules = shipped_rules()
    assert [rules.written(name) for name in ("late_share", "points.SIGN", "weights.COOPERATING", "exclude.USE")] == [
        "0.5",
        "10",
        "0.6",
        "REJECTED, MERGED",
    ]
    assert all(rules.written(name) for name in rules.sources)


def test_every_shipped_value_names_its_source():
    """Ours [P], or borrowed from a place."""
    sources = shipped_rules().sources
    assert all("[P]" in source or "borrowed" in source for source in sources.values())
    assert {"points.SIGN", "weights.LEAD", "deductions.REWORK", "late_share", "exclude.SCORE"} <= set(sources)
